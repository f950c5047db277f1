"""Rows F02 and F03: one client, many threads, many event loops."""

import asyncio
import gc
import logging
import threading

import numpy as np
import pytest

from inworld_embeddings import AsyncEmbeddingClient, EmbeddingClient
from support.clients import KEY
from support.fault_server import FaultServer
from support.processes import STORM
from support.vectors import vector_for

THREADS = 64


@pytest.fixture(autouse=True)
def no_records(monkeypatch):
    monkeypatch.setattr(logging.root.manager, "disable", logging.CRITICAL)  # pytest keeps all of them


def uneven(request):
    """Responses overtake each other."""
    return (request.number % 7) * 0.0005


def in_threads(count, work):
    """Runs ``work(number)`` in so many threads at once; raises what one of them raised."""
    errors = []

    def run(number):
        try:
            work(number)
        except BaseException as error:  # noqa: BLE001 - raised below
            errors.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def test_F02_64_threads_on_one_client_get_their_own_answers():
    """5120 calls; `STORM=20` makes them 102 400."""
    calls = 80 * STORM
    with (
        FaultServer(latency=uneven) as server,
        EmbeddingClient(base_url=server.url, api_key=KEY) as client,
    ):

        def work(number):
            for call in range(calls):
                text = f"thread {number} call {call}"
                assert np.array_equal(client.embed(text), vector_for(text))

        in_threads(THREADS, work)
        assert len(server.requests) == THREADS * calls
        assert max(server.oracle.times_received().values()) == 1


def test_F02_batches_and_streams_at_once_too():
    with (
        FaultServer(latency=uneven) as server,
        EmbeddingClient(base_url=server.url, api_key=KEY, batch_size=4) as client,
    ):

        def work(number):
            texts = [f"{number}:{text}" for text in range(30)]
            server.oracle.check(texts, client.embed(texts).vectors)
            rows = dict(client.embed_iter(texts, ordered=number % 2 == 0))
            server.oracle.check(texts, [rows[index] for index in range(30)])

        in_threads(16, work)


def test_F02_the_first_call_may_come_from_all_threads_at_once():
    for _ in range(20):
        with FaultServer() as server, EmbeddingClient(base_url=server.url, api_key=KEY) as client:
            start = threading.Barrier(16)

            def work(number, start=start, client=client):
                start.wait()
                client.embed(str(number))

            in_threads(16, work)
            assert len(client._engine._sessions) == 1


async def ask(client, name, calls):
    texts = [f"{name} {call}" for call in range(calls)]
    vectors = await asyncio.gather(*(client.embed(text) for text in texts))
    assert all(np.array_equal(vector, vector_for(text)) for vector, text in zip(vectors, texts, strict=True))


def test_F03_one_event_loop_after_another():
    with FaultServer() as server:
        client = AsyncEmbeddingClient(base_url=server.url, api_key=KEY)
        for number in range(10):
            asyncio.run(ask(client, number, 10))
            server.oracle.wait_until_closed()  # a loop that ends takes its connections with it
        assert len(client._engine._sessions) <= 1


def test_F03_several_event_loops_at_once():
    with FaultServer(latency=uneven) as server:
        client = AsyncEmbeddingClient(base_url=server.url, api_key=KEY)

        def work(number):
            for turn in range(5):
                asyncio.run(ask(client, (number, turn), 10))

        in_threads(16, work)
        server.oracle.wait_until_closed()
        asyncio.run(client.close())


def test_F03_a_loop_that_was_closed_without_ending_anything_first():
    with FaultServer() as server:
        client = AsyncEmbeddingClient(base_url=server.url, api_key=KEY)
        loop = asyncio.new_event_loop()
        loop.run_until_complete(ask(client, "first", 3))
        loop.close()

        def go_on():
            asyncio.run(ask(client, "second", 3))
            gc.collect()

        with pytest.warns(ResourceWarning):  # asyncio's own: nobody can close the transports any more
            go_on()
        asyncio.run(client.close())


def test_F03_a_loop_that_ended_its_generators_and_went_on_after_all():
    with FaultServer() as server:
        client = AsyncEmbeddingClient(base_url=server.url, api_key=KEY)
        loop = asyncio.new_event_loop()
        loop.run_until_complete(ask(client, "first", 3))
        loop.run_until_complete(loop.shutdown_asyncgens())
        server.oracle.wait_until_closed()
        with pytest.warns(ResourceWarning, match="after loop.shutdown_asyncgens"):  # asyncio's own
            loop.run_until_complete(ask(client, "second", 3))
        loop.run_until_complete(client.close())
        loop.close()


def test_F03_close_reaches_loops_that_stand_still():
    with FaultServer() as server:
        client = AsyncEmbeddingClient(base_url=server.url, api_key=KEY)
        loop = asyncio.new_event_loop()
        loop.run_until_complete(ask(client, "first", 3))
        asyncio.run(client.close())
        loop.run_until_complete(asyncio.sleep(0.05))
        server.oracle.wait_until_closed()
        loop.close()


def test_F03_the_sync_client_works_from_inside_any_loop():
    async def run():
        assert np.array_equal(client.embed("inside"), vector_for("inside"))
        assert len(list(client.embed_iter(["a", "b"]))) == 2

    with FaultServer() as server, EmbeddingClient(base_url=server.url, api_key=KEY) as client:
        asyncio.run(run())
