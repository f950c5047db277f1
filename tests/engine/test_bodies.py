"""Long answers are received into memory that is used again: each still belongs to its own texts."""

import asyncio

import numpy as np
import pytest

from inworld_embeddings import AsyncEmbeddingClient
from inworld_embeddings._http.connection import SCRATCH
from inworld_embeddings._http.whole import KEPT, Buffers
from inworld_embeddings.emulator import Emulator, EmulatorServer
from inworld_embeddings.emulator.engines import HashEngine

ENGINE = HashEngine(1024)


def expected(texts):
    return np.array(ENGINE.embed(texts), dtype=np.float32)


@pytest.fixture(scope="module")
def url():
    with EmulatorServer(Emulator(ENGINE)) as server:
        yield server.url


def test_answers_of_changing_length_at_the_same_time(url, monkeypatch):
    monkeypatch.setenv("INWORLD_EMULATOR_HOST", url.removeprefix("http://"))
    counts = [40, 3, 25, 60, 1, 41, 4, 59]

    async def several(client, name):
        for count in counts:
            texts = [f"{name} {count} {number}" for number in range(count)]
            assert np.array_equal((await client.embed(texts)).vectors, expected(texts))

    async def all_of_them():
        async with AsyncEmbeddingClient() as client:
            await asyncio.gather(*(several(client, name) for name in "abcde"))

    asyncio.run(all_of_them())
    assert len(repr(ENGINE.embed(["x"])[0])) * 3 < SCRATCH < len(repr(ENGINE.embed(["x"])[0])) * 25


def test_a_buffer_has_the_length_that_was_asked_for():
    buffers = Buffers()
    for length in (100, 40, 200, 0, 70):
        buffer = buffers.take(length)
        assert len(buffer) == length
        buffers.give(buffer)


def test_few_buffers_are_kept_and_what_cannot_be_written_to_is_not():
    buffers = Buffers()
    taken = [buffers.take(10) for _ in range(2 * KEPT)]
    for buffer in [*taken, b"bytes"]:
        buffers.give(buffer)
    again = [buffers.take(10) for _ in range(2 * KEPT)]
    assert sum(any(buffer is old for old in taken) for buffer in again) == KEPT
    assert all(isinstance(buffer, bytearray) for buffer in again)


def test_no_buffer_is_given_out_twice():
    buffers = Buffers()
    for _ in range(3):
        taken = [buffers.take(10) for _ in range(6)]
        assert len({id(buffer) for buffer in taken}) == 6
        for buffer in taken:
            buffers.give(buffer)
