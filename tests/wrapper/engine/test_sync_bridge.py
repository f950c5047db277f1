"""Rows F02, F03 and F05: callers in many threads share one event loop, and Ctrl-C gets through to each of them."""

import asyncio
import os
import signal
import threading

import numpy as np
import pytest

from inworld_embeddings import EmbeddingClient
from inworld_embeddings._engine.sync_bridge import loop_thread
from support.clients import KEY, in_threads, uneven
from support.fault import OK
from support.fault_server import FaultServer
from support.faults import black_hole
from support.in_process import Service
from support.processes import assert_silent, program, storm
from support.vectors import vector_for


@storm(10, 400)
def test_F02_64_threads_on_one_client_get_their_own_responses(size, no_records):
    """640 calls beside batches and streams; `-m long` with `STORM=4` makes them 102 400."""
    with (
        FaultServer(latency=uneven) as server,
        EmbeddingClient(base_url=server.url, api_key=KEY, batch_size=4) as client,
    ):

        def work(number):
            for call in range(size):
                text = f"thread {number} call {call}"
                assert np.array_equal(client.embed(text), vector_for(text))
            texts = [f"{number}:{text}" for text in range(9)]
            server.oracle.check(texts, client.embed(texts).vectors)
            rows = dict(client.embed_iter(texts, ordered=number % 2 == 0))
            server.oracle.check(texts, [rows[index] for index in range(9)])

        in_threads(64, work)
        assert len(server.requests) == 64 * (size + 3 + 3)
        received = server.oracle.times_received()
        assert (len(received), max(received.values())) == (64 * (size + 9), 2)


def test_F02_the_first_call_may_come_from_all_threads_at_once():
    for _ in range(10):
        start = threading.Barrier(16)
        with EmbeddingClient(api_key=KEY, transport=Service()) as client:

            def work(number, start=start, client=client):
                start.wait()
                client.embed(str(number))

            in_threads(16, work)
            assert len(client._engine._sessions) == 1


def test_what_cannot_even_begin_is_raised_and_not_waited_for():
    def work():
        raise ValueError("before there is a coroutine")

    with pytest.raises(ValueError, match="before there is"):
        loop_thread().run(work)


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


LATE = """
with make() as first:
    first.warm_up()  # an interrupted import is Python's own matter

def interrupted(work):
    'Seconds from a SIGINT, sent at a random moment, to the KeyboardInterrupt out of the work; None if it was done.'
    sent = []

    def send():
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(random.uniform(0.0, 0.05), send)
    try:
        timer.start()
        try:
            work()
        finally:
            timer.cancel()
    except KeyboardInterrupt:
        return time.monotonic() - sent[0]
    timer.join()
    return None
"""
HANGING = (
    LATE
    + """
client = make(batch_size=1, timeout=600)
texts = list(map(str, range(300)))

def blocks():
    yield "a"
    time.sleep(600)

works = [
    lambda: client.embed('x'),
    lambda: client.embed(texts),
    lambda: list(client.embed_iter(iter(texts))),
    lambda: list(client.embed_iter(blocks())),
]
delays = []
for number in range(SIZE):
    try:
        delays.append(interrupted(works[number % 4]))
    except KeyboardInterrupt:
        pass
client.embed('released')
(session,) = client._engine._sessions.values()
usual = max(interrupted(lambda: time.sleep(600)) for _ in range(10))
print(len(delays) > SIZE / 2, session.admission.throttle.in_flight, len(session._tasks), max(delays) - usual)
client.close()
"""
)


def hangs_unless_released(request):
    return OK if request.texts == ("released",) else black_hole


def hanging(size):
    with FaultServer(hangs_unless_released) as server:
        done = program(HANGING, server.url, size=size)
        assert_silent(done)
        *figures, slowest = done.stdout.split()
        assert figures == ["True", "0", "0"]
        server.oracle.wait_until_idle()  # the server sees each of them go
    return float(slowest)


@storm(12, 120)
def test_F05_an_interrupt_ends_a_call_that_hangs_and_the_client_lives(size):
    hanging(size)


@pytest.mark.realtime
def test_F05_within_250_ms_beyond_what_this_machine_needs_to_interrupt_a_sleep():
    assert hanging(60) < 0.25


@storm(20, 240)
def test_F05_interrupts_at_random_moments_of_a_busy_client_mix_nothing_up(size):
    """A second thread works on undisturbed."""
    code = (
        LATE
        + """
client = make(batch_size=2)
texts = list(map(str, range(40)))
over, wrong, counts = threading.Event(), [], [0, 0]

def background():
    while not over.is_set():
        counts[0] += 1
        if not right(client, f"background {counts[0]}"):
            wrong.append(counts[0])

def work():
    for _ in range(5):
        counts[1] += 1
        if not np.array_equal(client.embed(texts).vectors, vectors_for(texts)):
            wrong.append("batches")
        rows = [vector for _, vector in client.embed_iter(iter(texts))]
        if not np.array_equal(rows, vectors_for(texts)):
            wrong.append("rows")

thread = threading.Thread(target=background)
thread.start()
interrupts = 0
for _ in range(SIZE):
    try:
        interrupts += interrupted(work) is not None
    except KeyboardInterrupt:
        interrupts += 1
over.set()
thread.join()
print(interrupts > SIZE / 2, wrong, counts[0] > 0, right(client, "after all"))
"""
    )
    with FaultServer(latency=0.001) as server:
        done = program(code, server.url, size=size)
    assert_silent(done)
    assert done.stdout.split() == ["True", "[]", "True", "True"]


def interrupts_who_asks(request):
    """The text is the caller's process id."""
    os.kill(int(request.texts[0]), signal.SIGINT)
    return black_hole


def test_F05_an_interrupt_that_nobody_catches_ends_the_program():
    with FaultServer(interrupts_who_asks) as server:
        done = program("make(timeout=600).embed(str(os.getpid()))", server.url)
    assert done.returncode == -signal.SIGINT
    assert done.stderr.rstrip().endswith("KeyboardInterrupt")
    assert done.stderr.count("Traceback") == 1
