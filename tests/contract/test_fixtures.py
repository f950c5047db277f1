"""Every response fixture goes cassette → generated client → wrapper, and both decoders agree."""

import asyncio
import json
from pathlib import Path

import httpx
import numpy as np
import pytest

from inworld_embeddings import (
    APIResponseValidationError,
    APIStatusError,
    AsyncEmbeddingClient,
    EmbeddingClient,
    InworldEmbeddingsError,
)
from inworld_embeddings._settings import emulator_credential
from inworld_embeddings_client import AuthenticatedClient, EmbedRequest, EmbedResponse, Status
from inworld_embeddings_client.api.embedding_service import embedding_service_embed as endpoint

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
KEY = emulator_credential().reveal()
CASSETTES = [
    path
    for part in ("spec/responses", "recorded", "synthetic")
    for path in sorted((FIXTURES / part).glob("*.json"))
]
EVERY = pytest.mark.parametrize("path", CASSETTES, ids=lambda path: path.stem)


def read(path):
    cassette = json.loads(path.read_text("utf-8"))
    (exchange,) = cassette["interactions"]
    request = json.loads(exchange["request"]["body"])
    response = exchange["response"]
    return request, response["status"]["code"], response["body"]["string"]


def generated(request):
    with AuthenticatedClient(token=KEY, raise_on_unexpected_status=False) as client:
        return endpoint.sync_detailed(client=client, body=EmbedRequest.from_dict(request))


async def generated_async(request):
    async with AuthenticatedClient(token=KEY, raise_on_unexpected_status=False) as client:
        return await endpoint.asyncio_detailed(client=client, body=EmbedRequest.from_dict(request))


# vcrpy plays cassettes to httpx's own transport.


def wrapped(texts):
    with EmbeddingClient(api_key=KEY, max_retries=0, transport=httpx.AsyncHTTPTransport()) as client:
        return client.embed(texts)


async def wrapped_async(texts):
    async with AsyncEmbeddingClient(
        api_key=KEY, max_retries=0, transport=httpx.AsyncHTTPTransport()
    ) as client:
        return await client.embed(texts)


def caught(call):
    """The result of a call, or its error."""
    try:
        return call()
    except InworldEmbeddingsError as error:
        return error


@EVERY
def test_both_layers_read_the_same(path, play):
    request, status, body = read(path)
    texts = [item["text"] for item in request["inputs"]]
    with play(path):
        low = [generated(request), asyncio.run(generated_async(request))]
        high = [caught(lambda: wrapped(texts)), caught(lambda: asyncio.run(wrapped_async(texts)))]

    assert low[0].parsed == low[1].parsed
    assert type(high[0]) is type(high[1])
    assert str(high[0]) == str(high[1]) or status == 200
    for reply, outcome in zip(low, high, strict=True):
        assert (reply.status_code, reply.content.decode()) == (status, body)
        check(reply.parsed, outcome, status, len(texts))


def check(parsed, outcome, status, count):
    if status == 200 and not isinstance(outcome, InworldEmbeddingsError):
        assert isinstance(parsed, EmbedResponse)
        rows = [embedding.values for embedding in parsed.embeddings]
        assert outcome.vectors.tobytes() == np.array(rows, dtype=np.float64).astype(np.float32).tobytes()
        assert len(outcome) == count
    elif status == 200:
        assert isinstance(outcome, APIResponseValidationError)
    else:
        assert isinstance(outcome, APIStatusError)
        assert outcome.status_code == status
        assert outcome.code == (parsed.code if isinstance(parsed, Status) else outcome.code)


def test_fixtures_that_must_be_good_are_good(play):
    good = [
        path
        for path in CASSETTES
        if path.parent.name == "responses" or path.stem == "integers_and_extras_200"
    ]
    assert len(good) >= 3
    for path in good:
        request, _, _ = read(path)
        with play(path):
            assert len(wrapped([item["text"] for item in request["inputs"]])) == len(request["inputs"])


@EVERY
def test_every_fixture_says_where_it_came_from(path):
    metadata = json.loads(path.read_text("utf-8"))["metadata"]
    wanted = {
        "responses": "verbatim from the spec",
        "recorded": "recorded from https://",
        "synthetic": "invented",
    }
    assert metadata["origin"].startswith(wanted[path.parent.name])


def test_the_readmes_count_of_recordings_is_true():
    count = len(list((FIXTURES / "recorded").glob("*.json")))
    assert f"**{count} recordings exist**" in (FIXTURES / "README.md").read_text("utf-8")
    assert f"{count} recordings" in (FIXTURES.parents[1] / "README.md").read_text("utf-8")
