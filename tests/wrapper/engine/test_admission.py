"""Rows G08, G09 and I01, F04, F09 and promise 3: who may send, for how long, and that nothing outlives its deadline or its caller."""

import asyncio
import contextlib
import errno
import itertools
import time

import httpx
import numpy as np
import pytest

from inworld_embeddings import AsyncEmbeddingClient, EmbeddingClient, errors
from inworld_embeddings._retry import Budget
from support.clients import KEY, assert_nothing_stays, waiting, within
from support.fault import OK, Fault, held
from support.fault_server import FaultServer
from support.faults import black_hole, black_hole_mid_body, endless_1xx, slow_body
from support.in_process import AsyncFace, Service, virtual
from support.vectors import vector_for


def test_G08_a_dead_service_gets_no_more_retries_than_the_budget_holds():
    with AsyncFace(Service("ok, status=503")) as face:
        face.embed("so that there is a session")
        face.admission.budget = Budget(3, 0.5, left=3)
        for attempts in (3, 2, 1, 1, 1):
            began = face.now
            with pytest.raises(errors.InternalServerError) as caught:
                face.embed("x")
            assert (caught.value.attempts, caught.value.retryable) == (attempts, True)
            assert (face.now == began) is (attempts == 1), "with nothing left, a failure is final at once"


@virtual
async def test_G08_a_retry_that_is_cancelled_before_it_is_sent_is_put_back():
    service = Service("ok, status=503;retry-after=8, status=503, ok")
    async with AsyncEmbeddingClient(api_key=KEY, transport=service) as client:
        await client.embed("so that there is a session")
        (session,) = client._engine._sessions.values()
        session.admission.budget = Budget(1, 0.5, left=1)
        task = asyncio.create_task(client.embed("x"))
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await client.embed("needs the only retry there is")


@pytest.mark.parametrize(("timeout", "attempts"), [(0.16, 1), (0.05, 0)])
def test_G09_no_request_is_sent_that_cannot_be_answered_in_time_but_to_find_out(timeout, attempts):
    """Responses took 0.1 s; then they take no time: a call that has less time must not be locked out for ever."""
    latency, script = (lambda request: 0.1 if request.number < 7 else 0.0), ["ok"] * 6 + ["status=503", "ok"]
    with AsyncFace(Service(script if attempts else OK, latency=latency)) as face:
        for text in "abcdef":
            face.embed(text)
        with pytest.raises(errors.APIError, match=rf"timeout={timeout} .* {attempts} attempt"):
            face.embed("x", timeout=timeout)
        face.service.oracle.assert_requests(6 + attempts)
        for _ in range(12):
            with contextlib.suppress(errors.APITimeoutError):
                face.embed("x", timeout=timeout)
        assert np.array_equal(face.embed("y", timeout=timeout), vector_for("y"))


MANY = [f"text {number}" for number in range(5000)]


def down(seconds, fault, start=0.0, then="ok"):
    return lambda request: fault if start <= request.started < start + seconds else then


DOWN = pytest.mark.parametrize("fault", ["status=503", "status=429", "truncate;reset"])


@DOWN
@pytest.mark.parametrize(("seconds", "beyond", "latency"), [(0.3, 1, 0.05), (9, 1, 0.001), (9, 4, 0.05)])
def test_I01_a_short_outage_inside_the_timeout_loses_nothing(fault, seconds, beyond, latency):
    with AsyncFace(Service(down(seconds, fault), latency=latency)) as face:
        result = face.embed(MANY, timeout=seconds + beyond)
        face.service.oracle.check(MANY, result.vectors)
        assert face.now < seconds + beyond


@DOWN
@virtual
async def test_I01_calls_beside_each_other_wait_for_the_end_of_an_outage_each_up_to_its_own_deadline(fault):
    service = Service(down(4, fault, 0.1), latency=0.02)
    async with AsyncEmbeddingClient(api_key=KEY, transport=service) as client:
        first = asyncio.create_task(client.embed(MANY * 4, timeout=60))
        await asyncio.sleep(1)
        others = [client.embed(f"other {n}", timeout=t) for n, t in enumerate([0.5, 1, 2, 4.2, 5, 9, 30])]
        done = await asyncio.gather(*others, return_exceptions=True)
        assert [isinstance(each, Exception) for each in done] == [True] * 3 + [False] * 4
        assert len(await first) == 4 * len(MANY)


@virtual
async def test_I01_with_a_probe_in_flight_others_wait_for_its_end():
    ended = asyncio.Event()
    service = Service(down(0.5, "status=503", then=held(ended)))
    async with AsyncEmbeddingClient(api_key=KEY, transport=service, timeout=30) as client:
        calls = [asyncio.create_task(client.embed(str(n), max_retries=9)) for n in range(16)]
        await asyncio.sleep(11.5)  # longer than any pause between two probes
        (session,) = client._engine._sessions.values()
        assert (session.admission.throttle.probing, session.admission.throttle.in_flight) == (True, 1)
        calls += [asyncio.create_task(client.embed(f"beside {n}", timeout=3)) for n in range(10)]
        await asyncio.sleep(0.5)
        assert not any(call.done() for call in calls[16:]), "none gives up while there is time"
        ended.set()
        assert len(await asyncio.gather(*calls)) == 26


@pytest.mark.parametrize(
    "fault",
    [black_hole, black_hole_mid_body, slow_body, endless_1xx, "status=503", "status=429"],
    ids=str,
)
@pytest.mark.parametrize("texts", ["one", ["many"] * 200], ids=["one", "many"])
def test_promise_3_no_call_outlives_its_deadline(fault, texts, no_records):
    with AsyncFace(Service(fault), batch_size=10, max_retries=10**6) as face:
        with pytest.raises(errors.InworldEmbeddingsError):
            face.embed(texts, timeout=0.3)
        assert face.now <= 0.3 + 1e-6


def test_promise_3_each_batch_of_a_stream_has_its_own_deadline():
    settings = {"batch_size": 1, "max_concurrency": 1, "timeout": 0.5}
    with AsyncFace(Service(["ok"] * 5 + [black_hole], latency=0.2), **settings) as face:
        rows, error = face.rows(list("abcdef"))
        assert ([index for index, _ in rows], type(error)) == ([0, 1, 2, 3, 4], errors.APITimeoutError)
        assert 1.0 < face.now <= 1.0 + 0.5


@pytest.mark.realtime
def test_I04_promise_3_holds_while_another_thread_hands_in_a_million_texts(no_records):
    """Cutting them into batches must not hold up the event loop that both share."""
    with FaultServer(black_hole) as server, EmbeddingClient(base_url=server.url, api_key=KEY) as client:
        texts = [f"text {number}" for number in range(1_000_000)]

        def big():
            with within(2), pytest.raises(errors.APITimeoutError):
                client.embed(texts, timeout=2)

        other = waiting(big)
        while not other.done():
            with within(0.1), pytest.raises(errors.APITimeoutError):
                client.embed("x", timeout=0.1)
        other.result()


WAITS = {
    "for a response": (black_hole, 1),
    "for a retry": ("status=429;retry-after=30", 1),
    "for a permit": (black_hole, 3),
}


@pytest.mark.parametrize(("fault", "calls"), WAITS.values(), ids=WAITS)
@virtual
async def test_F04_a_cancelled_call_ends_at_once_whatever_it_waits_for(fault, calls):
    loop, service = asyncio.get_running_loop(), Service(fault)
    async with AsyncEmbeddingClient(api_key=KEY, transport=service, max_concurrency=1) as client:
        tasks = [asyncio.create_task(client.embed("x")) for _ in range(calls)]
        await asyncio.sleep(1.0)
        for task in reversed(tasks):
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert (loop.time(), len(service.requests), service.oracle.in_flight) == (1.0, 1, 0)
        await assert_nothing_stays(client)


def seconds_of_retries_limits_and_deadlines():
    script = ["status=503", "truncate;reset", "status=429", OK, "status=429;retry-after=1", OK, black_hole]
    with AsyncFace(Service(script), batch_size=2, max_retries=9, rate_limit=5) as face:
        assert face.embed(MANY[:40], timeout=50, on_error="return").failures
        return face.now


def test_F09_no_wait_and_no_limit_reads_the_wall_clock(monkeypatch):
    usual = seconds_of_retries_limits_and_deadlines()
    jumps = itertools.cycle([0.0, 1.8e9, 1.5e9, 2.1e9])  # the epoch, now, ten years back and ahead
    monkeypatch.setattr(time, "time", jumps.__next__)
    assert seconds_of_retries_limits_and_deadlines() == usual


def test_I01_a_process_out_of_descriptors_goes_on_when_they_come_back():
    """What was never sent is none of the retries."""

    def no_socket(_):
        raise httpx.ConnectError("no socket") from OSError(errno.EMFILE, "Too many open files")

    service = Service(down(0.01, Fault("no_socket", no_socket)))
    with AsyncFace(service, batch_size=1, max_retries=0) as face:
        service.oracle.check(MANY[:9], face.embed(MANY[:9]).vectors)
