"""Rows E: what goes in."""

import asyncio
import json

import httpx
import numpy as np
import pytest

from inworld_embeddings import AsyncEmbeddingClient, EmbeddingClient, InvalidInputError
from support.clients import BOTH, KEY
from support.fault_server import FaultServer
from support.vectors import good_json, text_id, vector_for, vectors_for

ODD = [
    "\0",
    "\x1f",
    "a\u2028b\u2029c",
    "\ufeffbom",
    '\\ " / \b\f\n\r\t',
    "\x7f\x85",
    "\U0001f469\u200d\U0001f52c",
    "\uffff",
]


class Tape(httpx.AsyncBaseTransport):
    """Responds rightly and keeps the bodies as they were sent."""

    def __init__(self):
        self.bodies = []

    async def handle_async_request(self, request):
        self.bodies.append(request.content)
        return httpx.Response(200, content=good_json(self.texts(-1)))

    def texts(self, number):
        return [item["text"] for item in json.loads(self.bodies[number])["inputs"]]


class Echo:
    """An engine for the emulator: vectors that are a function of the text's bytes."""

    name, dimension = "echo", 8

    def embed(self, texts):
        return vectors_for(texts).tolist()


def taped(embed, texts, **settings):
    """The bodies of a call, and its result."""
    tape = Tape()
    return tape, embed("https://api.inworld.ai", texts, transport=tape, **settings)


@BOTH
@pytest.mark.parametrize("empty", [[], (), iter(())])
def test_E01_no_texts_give_no_rows_and_no_request(embed, empty):
    with FaultServer() as server:
        result = embed(server.url, empty)
        assert (result.vectors.shape, result.vectors.dtype, len(result)) == ((0, 768), np.float32, 0)
        assert (result.failures, list(result), result.stats.attempts) == ((), [], 0)
        server.oracle.assert_connections(0)


@BOTH
def test_E02_empty_and_blank_texts_are_sent_and_keep_their_places(embed):
    texts = ["a", "", " \n\t", "b", ""]
    with FaultServer() as server:
        server.oracle.check(texts, embed(server.url, texts).vectors)
        assert server.requests[0].text_ids == tuple(map(text_id, texts))
        server.oracle.check_one("", embed(server.url, ""))


SURROGATES = {"lone high": "a\ud800b", "lone low": "\udfff", "paired": "\ud83d\ude00"}


@BOTH
@pytest.mark.parametrize("text", SURROGATES.values(), ids=SURROGATES)
def test_E03_a_surrogate_is_refused_before_any_request(embed, text):
    with FaultServer() as server:
        with pytest.raises(InvalidInputError, match="replace_surrogates=True") as caught:
            embed(server.url, ["fine"] * 300 + [text])
        assert caught.value.index == 300
        with pytest.raises(InvalidInputError) as caught:
            embed(server.url, text)
        assert caught.value.index is None
        server.oracle.assert_connections(0)


@BOTH
@pytest.mark.parametrize("text", SURROGATES.values(), ids=SURROGATES)
@pytest.mark.parametrize("where", ["client", "call"])
def test_E03_or_replaced_by_U_FFFD_on_request(embed, text, where):
    option = {"replace_surrogates": True}
    settings = option if where == "client" else {"call": option}
    sent = "".join("\ufffd" if "\ud800" <= letter <= "\udfff" else letter for letter in text)
    with FaultServer() as server:
        server.oracle.check(["é", sent], embed(server.url, ["é", text], **settings).vectors)
        server.oracle.check_one(sent, embed(server.url, text, **settings))


def test_E03_in_streams_and_plans_too():
    with FaultServer() as server, EmbeddingClient(base_url=server.url, api_key=KEY) as client:
        stream = client.embed_iter(["a", "\ud800"], batch_size=1)
        assert next(stream)[0] == 0
        with pytest.raises(InvalidInputError) as caught:
            next(stream)
        assert caught.value.index == 1
        rows = list(client.embed_iter(["a", "\ud800"], replace_surrogates=True))
        server.oracle.check(["a", "\ufffd"], [vector for _, vector in rows])
        with pytest.raises(InvalidInputError):
            client.plan(["\ud800"])
        assert client.plan(["\ud800"], replace_surrogates=True).bytes == client.plan(["\ufffd"]).bytes


def test_E03_in_async_streams_too():
    async def run(url):
        async with AsyncEmbeddingClient(base_url=url, api_key=KEY, replace_surrogates=True) as client:
            return [vector async for _, vector in client.embed_iter(["a", "\ud800"])]

    with FaultServer() as server:
        server.oracle.check(["a", "\ufffd"], asyncio.run(run(server.url)))


@BOTH
def test_E04_odd_characters_arrive_byte_for_byte(embed):
    tape, result = taped(embed, ODD)
    assert tape.texts(0) == ODD
    assert not any(byte < 0x20 for byte in tape.bodies[0])
    assert np.array_equal(result.vectors, vectors_for(ODD))


@BOTH
def test_E04_over_a_socket_too(embed):
    with FaultServer() as server:
        server.oracle.check(ODD, embed(server.url, ODD).vectors)
        server.oracle.assert_well_formed()


def test_E04_and_in_the_emulator():
    with EmbeddingClient.local(Echo()) as client:
        result = client.embed(ODD)
        assert result.engine == "echo"
        assert np.array_equal(result.vectors, vectors_for(ODD))


@BOTH
def test_E05_ten_megabytes_of_text_are_refused_here_and_sent_if_there_is_room(embed):
    text = "ä" * 5_000_000
    with FaultServer() as server:
        with pytest.raises(InvalidInputError, match="max_batch_bytes") as caught:
            embed(server.url, ["a", text])
        assert caught.value.index == 1
        server.oracle.assert_connections(0)
        server.oracle.check_one(text, embed(server.url, text, max_batch_bytes=11_000_000))


@BOTH
def test_E05_the_size_is_that_of_the_escaped_bytes(embed):
    text = "\0" * 10_000_000  # 60 MB in JSON
    with FaultServer() as server:
        with pytest.raises(InvalidInputError, match="600000"):
            embed(server.url, text, max_batch_bytes=59_000_000)
        server.oracle.assert_connections(0)


@BOTH
def test_E05_batches_are_cut_by_escaped_bytes(embed):
    texts = ["\0" * 1000, "a" * 1000, "ä" * 1000, '"' * 1000] * 20
    tape, result = taped(embed, texts, max_batch_bytes=10_000)
    assert np.array_equal(result.vectors, vectors_for(texts))
    assert max(map(len, tape.bodies)) <= 10_000
    assert len(tape.bodies) <= -(-sum(map(len, tape.bodies)) // 10_000) * 2


@BOTH
def test_E07_duplicates_get_a_vector_each_in_place(embed):
    texts = ["same", "other", "same", "same"]
    with FaultServer() as server:
        server.oracle.check(texts, embed(server.url, texts).vectors)
        assert server.oracle.times_received()[text_id("same")] == 3
        assert np.array_equal(embed(server.url, "same"), vector_for("same"))
