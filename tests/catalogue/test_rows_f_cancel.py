"""Row F04: an async call is cancelled at any moment, and nothing of it stays behind."""

import asyncio
import contextlib
import logging
import os
import random

import numpy as np
import pytest

from inworld_embeddings import AsyncEmbeddingClient, InworldEmbeddingsError
from inworld_embeddings._retry import RetryPolicy
from support.clients import KEY
from support.fault_server import FaultServer
from support.faults import MIXED, STRAYS, black_hole, status
from support.processes import STORM
from support.script import at_random
from support.vectors import vector_for

# What no client can tell from a right response, call by call: a lone vector of another dimension, and a response nobody
# asked for that arrives just as a request leaves (rows D05, D16).
SURVIVED = [fault for fault in MIXED if fault.name not in ("ragged", "extra_response_when_idle")]
if os.environ.get("TRANSPORT"):  # of another transport, rows B09 and B10 say what it does with strays
    SURVIVED = [fault for fault in SURVIVED if fault not in STRAYS]


@pytest.fixture(autouse=True)
def no_records(monkeypatch):
    monkeypatch.setattr(logging.root.manager, "disable", logging.CRITICAL)  # pytest keeps all of them


def session_of(client):
    (session,) = client._engine._sessions.values()
    return session


async def assert_nothing_stays(client):
    session = session_of(client)
    for _ in range(100):
        if not session._tasks:
            break
        await asyncio.sleep(0.01)
    assert (session._tasks, session.admission.throttle.in_flight) == (set(), 0)
    assert not session.transport.busy
    assert not session.admission.queue.locked()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def storm(client, dice, cancels, **options):
    """So many calls, each of them cancelled within 4 ms; returns how many were done before that."""
    finished = 0

    async def one(number):
        nonlocal finished
        texts = [f"{number}:{text}" for text in range(dice.choice([1, 3, 9]))]
        with contextlib.suppress(InworldEmbeddingsError):
            result = await client.embed(texts, **options)
            assert all(np.array_equal(row, vector_for(text)) for row, text in zip(result, texts, strict=True))
            finished += 1

    for start in range(0, cancels, 50):
        tasks = [asyncio.create_task(one(number)) for number in range(start, start + 50)]
        for task in dice.sample(tasks, 50):
            await asyncio.sleep(dice.choice([0, 0, 0.0001, 0.004 * dice.random() / 50]))
            task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            assert outcome is None or isinstance(outcome, asyncio.CancelledError), outcome
    return finished


@pytest.mark.parametrize(
    ("script", "latency"),
    [(at_random(1, 0.0, SURVIVED), 0.001), (at_random(2, 0.3, SURVIVED), 0.0)],
    ids=["slow", "faulty"],
)
def test_F04_a_storm_of_cancels_leaves_nothing_behind(script, latency):
    """1500 cancels of each kind; `STORM=7` makes them 10 500."""

    async def run(url):
        async with AsyncEmbeddingClient(base_url=url, api_key=KEY, batch_size=3) as client:
            await storm(client, random.Random(4), 1500 * STORM, max_retries=5)
            await assert_nothing_stays(client)
            text = "and the next call works"
            assert np.array_equal(await client.embed(text, max_retries=10), vector_for(text))

    with FaultServer(script, latency=latency) as server:
        asyncio.run(run(server.url))
        server.oracle.wait_until_closed()


def test_F04_a_storm_of_cancelled_streams_too():
    async def read(client, ordered):
        async for index, vector in client.embed_iter(map(str, range(1000)), ordered=ordered):
            assert np.array_equal(vector, vector_for(str(index)))

    async def run(url):
        dice = random.Random(5)
        async with AsyncEmbeddingClient(base_url=url, api_key=KEY, batch_size=2, max_concurrency=4) as client:
            for _ in range(60 * STORM):
                tasks = [asyncio.create_task(read(client, ordered)) for ordered in (True, False, True)]
                await asyncio.sleep(dice.random() * 0.01)
                for task in tasks:
                    task.cancel()
                for outcome in await asyncio.gather(*tasks, return_exceptions=True):
                    assert isinstance(outcome, asyncio.CancelledError), outcome
            await asyncio.sleep(0.01)  # a generator that was left is closed by the loop
            await assert_nothing_stays(client)

    with FaultServer(latency=0.001) as server:
        asyncio.run(run(server.url))
        server.oracle.wait_until_closed()


class LongWaits(RetryPolicy):
    def wait(self, *_):
        return 30.0


@pytest.mark.parametrize("waits", ["for a response", "for a retry", "for a turn"])
def test_F04_a_cancelled_call_ends_promptly_whatever_it_waits_for(waits, monkeypatch):
    monkeypatch.setattr("inworld_embeddings.client.BaseClient._policy", LongWaits())

    async def run(url):
        loop = asyncio.get_running_loop()
        async with AsyncEmbeddingClient(base_url=url, api_key=KEY, max_concurrency=1) as client:
            tasks = [asyncio.create_task(client.embed("x")) for _ in range(3 if waits == "for a turn" else 1)]
            await asyncio.to_thread(server.oracle.wait_for_requests, 1)
            await asyncio.sleep(0.05)
            began = loop.time()
            for task in reversed(tasks):
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            await assert_nothing_stays(client)
            return loop.time() - began

    with FaultServer(status(503) if waits == "for a retry" else black_hole) as server:
        assert asyncio.run(run(server.url)) < 0.25
        server.oracle.wait_until_closed()


def test_F04_a_timeout_around_a_call_is_a_cancel_like_any_other():
    async def run(url):
        async with AsyncEmbeddingClient(base_url=url, api_key=KEY) as client:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await client.embed("x")
            await assert_nothing_stays(client)

    with FaultServer(black_hole) as server:
        asyncio.run(run(server.url))


def test_F04_one_of_several_callers_is_cancelled_and_the_others_are_not():
    async def run(url):
        async with AsyncEmbeddingClient(base_url=url, api_key=KEY, max_concurrency=1) as client:
            tasks = [asyncio.create_task(client.embed(str(number))) for number in range(9)]
            await asyncio.sleep(0.01)
            tasks[0].cancel()
            tasks[4].cancel()
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            for number, outcome in enumerate(outcomes):
                if number in (0, 4):
                    assert isinstance(outcome, asyncio.CancelledError)
                else:
                    assert np.array_equal(outcome, vector_for(str(number)))

    with FaultServer(latency=0.03) as server:
        asyncio.run(run(server.url))
