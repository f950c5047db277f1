"""Rows F09 and F10: the wall clock jumps about; memory runs out."""

import asyncio
import itertools
import time

import numpy as np
import pytest

from inworld_embeddings import (
    APITimeoutError,
    AsyncEmbeddingClient,
    EmbeddingClient,
    InworldEmbeddingsError,
    PartialFailureError,
    errors,
)
from inworld_embeddings import _decoding as decoding
from support.clients import BOTH, KEY, sync_embed
from support.fault_server import OK, FaultServer
from support.faults import black_hole, retry_after, rst_mid_body, status
from support.vectors import vector_for

NOW = time.time()
HOUR, YEARS = 3600.0, 10 * 365.25 * 86400

JUMPS = itertools.cycle([0, HOUR, -HOUR, YEARS, -YEARS])
CLOCKS = {
    "an hour back": lambda: NOW - HOUR,
    "an hour ahead": lambda: NOW + HOUR,
    "ten years back": lambda: NOW - YEARS,
    "ten years ahead": lambda: NOW + YEARS,
    "frozen": lambda: NOW,
    "jumping": lambda: NOW + next(JUMPS),
    "at the epoch": lambda: 0.0,
}


@pytest.fixture(params=CLOCKS.values(), ids=CLOCKS)
def wall_clock(request, monkeypatch):
    monkeypatch.setattr(time, "time", request.param)


FAULTS = [status(503), rst_mid_body, status(429), OK, OK, status(500), retry_after("0"), OK]


@BOTH
def test_F09_retries_and_limits_do_not_read_the_wall_clock(embed, wall_clock):
    texts = [str(number) for number in range(40)]
    with FaultServer(FAULTS) as server:
        began = time.monotonic()
        result = embed(server.url, texts, batch_size=2, max_retries=9, timeout=20, rate_limit=500)
        assert time.monotonic() - began < 10
        server.oracle.check(texts, result.vectors)
    assert 0 <= result.stats.seconds < 10


@BOTH
def test_F09_nor_do_deadlines(embed, wall_clock):
    with FaultServer(black_hole) as server:
        began = time.monotonic()
        with pytest.raises(APITimeoutError):
            embed(server.url, "x", timeout=0.3)
        assert 0.25 < time.monotonic() - began < 3


def test_F09_nor_do_kept_connections(monkeypatch):
    monkeypatch.setattr(time, "time", CLOCKS["jumping"])
    with FaultServer() as server, EmbeddingClient(base_url=server.url, api_key=KEY) as client:
        for number in range(5):
            client.embed(str(number))
        server.oracle.assert_connections(1)


def failing_decoder(monkeypatch, *failing):
    """Has the decoding of some batches, by number, run out of memory."""
    numbers, real = itertools.count(), decoding.Decoder.decode

    def decode_or_not(*arguments):
        if next(numbers) in failing:
            raise MemoryError
        return real(*arguments)

    monkeypatch.setattr(decoding.Decoder, "decode", decode_or_not)


@BOTH
def test_F10_a_batch_that_does_not_fit_into_memory_fails_and_the_others_are_kept(embed, monkeypatch):
    failing_decoder(monkeypatch, 2)
    texts = [str(number) for number in range(20)]
    with FaultServer() as server:
        with pytest.raises(PartialFailureError, match="memory") as caught:
            embed(server.url, texts, batch_size=4, max_concurrency=1)
        server.oracle.assert_requests(5)
    result, failed = caught.value.result, [failure.index for failure in caught.value.failures]
    assert failed == [8, 9, 10, 11]
    assert np.isnan(result.vectors[failed]).all()
    for index in set(range(20)) - set(failed):
        assert np.array_equal(result[index], vector_for(texts[index]))
    assert isinstance(caught.value.failures[0].error.__cause__, MemoryError)


@BOTH
def test_F10_the_only_batch_raises_it(embed, monkeypatch):
    failing_decoder(monkeypatch, 0)
    with FaultServer() as server, pytest.raises(InworldEmbeddingsError, match="memory") as caught:
        embed(server.url, "x")
    assert not isinstance(caught.value, errors.APIError)


def test_F10_a_client_goes_on_afterwards_and_no_turn_is_lost(monkeypatch):
    failing_decoder(monkeypatch, *range(0, 60, 2))
    with FaultServer() as server, EmbeddingClient(base_url=server.url, api_key=KEY) as client:
        for number in range(60):
            if number % 2:
                assert np.array_equal(client.embed(str(number)), vector_for(str(number)))
            else:
                with pytest.raises(InworldEmbeddingsError):
                    client.embed(str(number))
        (session,) = client._engine._sessions.values()
        assert session.admission.throttle.in_flight == 0
        server.oracle.assert_connections(1)


def test_F10_the_decoder_itself_never_gives_half_a_row(monkeypatch):
    """Memory runs out in either decoder, or in numpy: an error, and the next response is whole."""
    real = np.empty

    def empty(*arguments, **options):
        raise MemoryError

    with FaultServer() as server:
        with monkeypatch.context() as patch:
            patch.setattr(np, "empty", empty)
            patch.setattr(decoding, "_strict", Failing())
            with pytest.raises(InworldEmbeddingsError, match="memory"):
                sync_embed(server.url, ["a", "b"])
        assert np.empty is real
        server.oracle.check(["a", "b"], sync_embed(server.url, ["a", "b"]).vectors)


class Failing:
    def decode(self, body):
        raise MemoryError


def test_F10_in_a_stream_the_rows_before_it_are_yielded(monkeypatch):
    failing_decoder(monkeypatch, 2)

    rows = []

    async def run(url):
        async with AsyncEmbeddingClient(base_url=url, api_key=KEY, batch_size=4, max_concurrency=1) as client:
            async for row in client.embed_iter(map(str, range(20))):
                rows.append(row)  # noqa: PERF401 - what came before the error counts

    with FaultServer() as server, pytest.raises(InworldEmbeddingsError, match="memory"):
        asyncio.run(run(server.url))
    indexes = [index for index, _ in rows]
    assert indexes[:8] == list(range(8))
    assert not set(indexes) & {8, 9, 10, 11}
    assert all(np.array_equal(vector, vector_for(str(index))) for index, vector in rows)
