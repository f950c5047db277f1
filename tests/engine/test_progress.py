"""Progress: a callback, a bar on standard error, and neither ever costs an answer."""

import asyncio
import logging
import sys

import pytest

from inworld_embeddings import AsyncEmbeddingClient, AuthenticationError, ConfigurationError, EmbeddingClient
from support.clients import BOTH, KEY
from support.fault_server import FaultServer
from support.faults import poison, status

TEXTS = [f"text {number}" for number in range(20)]


def sync_iter(url, texts, *, call):
    with EmbeddingClient(base_url=url, api_key=KEY, batch_size=8) as client:
        return list(client.embed_iter(texts, **call))


def async_iter(url, texts, *, call):
    async def run():
        async with AsyncEmbeddingClient(base_url=url, api_key=KEY, batch_size=8) as client:
            return [row async for row in client.embed_iter(texts, **call)]

    return asyncio.run(run())


STREAMS = pytest.mark.parametrize("stream", [sync_iter, async_iter], ids=["sync", "async"])


class Seen(list):
    def __call__(self, *done):
        self.append(done)


@BOTH
def test_a_callback_hears_of_each_batch(embed):
    seen = Seen()
    with FaultServer() as server:
        embed(server.url, TEXTS, batch_size=8, call={"on_progress": seen})
    assert len(seen) == 3
    assert seen[-1] == (20, 20)
    assert seen == sorted(seen)


@STREAMS
def test_a_stream_has_no_total(stream):
    seen = Seen()
    with FaultServer() as server:
        stream(server.url, TEXTS, call={"on_progress": seen})
    assert seen == [(8, None), (16, None), (20, None)]


@BOTH
def test_failed_texts_are_done_too(embed):
    seen = Seen()
    call = {"on_progress": seen, "on_error": "return"}
    with FaultServer(poison([TEXTS[3]])) as server:
        embed(server.url, TEXTS, batch_size=8, call=call)
    assert seen[-1] == (20, 20)


@BOTH
def test_what_is_given_up_is_done_as_well(embed):
    seen = Seen()
    call = {"on_progress": seen, "on_error": "return"}
    with FaultServer(status(401)) as server:
        result = embed(server.url, TEXTS, batch_size=1, max_concurrency=1, call=call)
        assert len(server.requests) == 1
    assert [type(failure.error) for failure in result.failures] == [AuthenticationError] * 20
    assert seen[-1] == (20, 20)


@BOTH
def test_a_callback_that_raises_is_logged_once_and_costs_nothing(embed, caplog):
    calls = []

    def callback(done, total):
        calls.append(done)
        raise ValueError("the callback's own mistake")

    with FaultServer() as server, caplog.at_level(logging.ERROR, "inworld_embeddings"):
        result = embed(server.url, TEXTS, batch_size=8, call={"on_progress": callback})
        server.oracle.check(TEXTS, result.vectors)
    assert len(calls) == 1
    assert [record.exc_info[0] for record in caplog.records if record.levelno == logging.ERROR] == [
        ValueError
    ]


@STREAMS
def test_nor_in_a_stream(stream):
    def callback(done, total):
        raise ValueError

    with FaultServer() as server:
        assert len(stream(server.url, TEXTS, call={"on_progress": callback})) == 20


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
def test_a_callback_may_end_its_own_call_and_no_other(error):
    def callback(done, total):
        raise error

    with FaultServer() as server, EmbeddingClient(base_url=server.url, api_key=KEY) as client:
        with pytest.raises(error):
            client.embed(TEXTS, on_progress=callback)
        server.oracle.check(TEXTS, client.embed(TEXTS).vectors)


def test_a_callback_that_uses_the_sync_client_is_told_so_instead_of_hanging(caplog):
    with FaultServer() as server, EmbeddingClient(base_url=server.url, api_key=KEY) as client:
        result = client.embed(TEXTS, on_progress=lambda done, total: client.embed("x"))
        server.oracle.check(TEXTS, result.vectors)
    assert "cannot be used inside a callback" in caplog.text


@BOTH
def test_the_bar_is_on_standard_error_and_reaches_its_end(embed, capsys):
    with FaultServer() as server:
        embed(server.url, TEXTS, batch_size=8, call={"show_progress": True})
    out, err = capsys.readouterr()
    assert out == ""
    assert "20/20" in err


@STREAMS
def test_the_bar_of_a_stream_counts(stream, capsys):
    with FaultServer() as server:
        stream(server.url, TEXTS, call={"show_progress": True})
    out, err = capsys.readouterr()
    assert out == ""
    assert "20text" in err


@BOTH
def test_no_bar_unless_asked_for(embed, capsys):
    with FaultServer() as server:
        embed(server.url, TEXTS)
    assert capsys.readouterr() == ("", "")


@BOTH
def test_without_tqdm_the_bar_is_refused_before_anything_is_sent(embed, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with FaultServer() as server:
        with pytest.raises(ConfigurationError, match="pip install tqdm"):
            embed(server.url, TEXTS, call={"show_progress": True})
        server.oracle.assert_connections(0)
