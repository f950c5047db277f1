"""Rows F02, F03 and F05: callers in many threads share one event loop, and Ctrl-C gets through to each of them."""

import asyncio
import threading

import numpy as np
import pytest

from inworld_embeddings import EmbeddingClient
from support.clients import KEY, in_threads
from support.fault import OK
from support.fault_server import FaultServer, overtaking
from support.faults import black_hole
from support.in_process import Service
from support.processes import assert_silent, program, storm
from support.vectors import vector_for


@storm(10, 400)
def test_F02_64_threads_on_one_client_get_their_own_responses(size, no_records):
    """640 calls beside batches and streams, the first of all threads at once; `-m long` with `STORM=4` makes them 102 400."""
    start = threading.Barrier(64)

    def work(number):
        start.wait()
        for call in range(size):
            text = f"thread {number} call {call}"
            server.oracle.check_one(text, client.embed(text))
        texts = [f"{number}:{text}" for text in range(9)]
        server.oracle.check(texts, client.embed(texts).vectors)
        rows = dict(client.embed_iter(texts, ordered=number % 2 == 0))
        server.oracle.check(texts, [rows[index] for index in range(9)])

    with (
        FaultServer(latency=overtaking) as server,
        EmbeddingClient(base_url=server.url, api_key=KEY, batch_size=4) as client,
    ):
        in_threads(64, work, seconds=60 + size)
        assert len(client._engine._sessions) == 1
        server.oracle.assert_requests(64 * (size + 3 + 3))


def test_F03_the_sync_client_works_from_inside_any_loop():
    async def run():
        assert np.array_equal(client.embed("inside"), vector_for("inside"))
        assert len(list(client.embed_iter(["a", "b"]))) == 2

    with EmbeddingClient(api_key=KEY, transport=Service()) as client:
        asyncio.run(run())


@pytest.mark.parametrize("ordered", [True, False])
def test_E06_a_source_that_blocks_runs_in_the_callers_thread_and_holds_back_nothing_that_is_done(ordered):
    """By the time it gives its last text, which it does once the others have been answered, some have been read."""
    read, threads = [], set()

    def source():
        for number in range(6):
            threads.add(threading.get_ident())
            server.oracle.wait_for(lambda number=number: len(server.oracle.times_answered()) >= number)
            yield str(number)
        assert read

    with FaultServer() as server, EmbeddingClient(base_url=server.url, api_key=KEY) as client:
        read.extend(row for row in client.embed_iter(source(), batch_size=1, ordered=ordered))
    assert sorted(index for index, _ in read) == list(range(6))
    assert threads == {threading.get_ident()}


INTERRUPTED = """
client = make(batch_size=2, timeout=600)
client.warm_up()  # an interrupted import is Python's own matter
texts, hanging = [str(number) for number in range(40)], [f"hangs {number}" for number in range(300)]
signal.signal(signal.SIGALRM, signal.getsignal(signal.SIGINT))

def interrupted(work):
    'Seconds from an interrupt at a random moment to the KeyboardInterrupt out of the work; None if that was done.'
    after, began = random.uniform(0.0, 0.05), time.monotonic()
    try:
        signal.setitimer(signal.ITIMER_REAL, after)
        work()
        signal.setitimer(signal.ITIMER_REAL, 0)
    except KeyboardInterrupt:
        return time.monotonic() - began - after

def busy():
    for _ in range(5):
        assert np.array_equal(client.embed(texts).vectors, vectors_for(texts))
        assert np.array_equal([row for _, row in client.embed_iter(iter(texts))], vectors_for(texts))

def blocks():
    yield "a"
    time.sleep(600)

works = [
    lambda: client.embed("hangs"),
    lambda: client.embed(hanging),
    lambda: list(client.embed_iter(iter(hanging))),
    lambda: list(client.embed_iter(blocks())),
    busy,
    busy,
]
delays = [delay for number in range(SIZE) if (delay := interrupted(works[number % 6])) is not None]
(session,) = client._engine._sessions.values()
usual = max(interrupted(lambda: time.sleep(600)) for _ in range(10))
print(len(delays) > SIZE / 2, right(client, "after all"), session.admission.throttle.in_flight, len(session._tasks))
print(max(delays) - usual)
client.close()
"""


def slowest_of(size):
    """Interrupts of calls that hang, and of busy ones."""
    script = lambda request: black_hole if request.texts[0].startswith("hangs") else OK  # noqa: E731
    with FaultServer(script, latency=0.001) as server:
        done = program(INTERRUPTED, server.url, size=size, timeout=120 + size)
        assert_silent(done)
        *figures, slowest = done.stdout.split()
        assert figures == ["True", "True", "0", "0"]
        server.oracle.wait_until_idle()  # the server sees each of them go
    return float(slowest)


@storm(30, 360)
def test_F05_interrupts_at_random_moments_end_the_call_and_the_client_lives(size):
    slowest_of(size)


@pytest.mark.realtime
def test_F05_within_250_ms_beyond_what_this_machine_needs_to_interrupt_a_sleep():
    assert slowest_of(60) < 0.25
