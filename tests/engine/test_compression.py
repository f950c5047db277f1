"""Answers come as they are, and compressed only for those who ask for it."""

import httpx
import numpy as np
import pytest

from inworld_embeddings import (
    APIResponseValidationError,
    AsyncEmbeddingClient,
    ConfigurationError,
    EmbeddingClient,
)
from support.clients import BOTH, KEY
from support.fault_server import FaultServer
from support.faults import gzip_bad_checksum, gzip_good
from support.vectors import vectors_for

TEXTS = [f"text {number}" for number in range(7)]


@BOTH
def test_what_was_asked_for_is_unpacked(embed):
    with FaultServer([gzip_good]) as server:
        assert np.array_equal(embed(server.url, TEXTS, compression="gzip").vectors, vectors_for(TEXTS))


@BOTH
def test_a_broken_archive_is_no_answer(embed):
    with FaultServer([gzip_bad_checksum]) as server, pytest.raises(APIResponseValidationError):
        embed(server.url, TEXTS, compression="gzip", max_retries=0)


@pytest.mark.parametrize(("given", "sent"), [({}, "identity"), ({"compression": "gzip"}, "gzip")])
def test_what_is_asked_for(given, sent):
    asked = []

    class Transport(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request):
            asked.append(request.headers["accept-encoding"])
            return httpx.Response(200, json={"embeddings": [{"values": [1.0]}]})

    with EmbeddingClient(api_key=KEY, transport=Transport(), **given) as client:
        client.embed("x")
    assert asked == [sent]


@pytest.mark.parametrize("bad", ["br", "", True, "GZIP", ["gzip"]])
@pytest.mark.parametrize("face", [EmbeddingClient, AsyncEmbeddingClient])
def test_anything_else_is_refused(face, bad):
    with pytest.raises(ConfigurationError, match="compression"):
        face(api_key=KEY, compression=bad)
