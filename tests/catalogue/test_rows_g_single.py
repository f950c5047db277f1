"""Rows G08 and G09, and the promise that no call outlives its deadline by more than 250 ms."""

import asyncio
import logging
import threading
import time

import numpy as np
import pytest

from inworld_embeddings import (
    APITimeoutError,
    AsyncEmbeddingClient,
    EmbeddingClient,
    InternalServerError,
    InworldEmbeddingsError,
    PartialFailureError,
)
from inworld_embeddings._retry import Budget
from support.clients import BOTH, KEY
from support.fault_server import OK, FaultServer
from support.faults import black_hole, black_hole_mid_body, endless_1xx, slow_body, status
from support.vectors import vector_for

PROMISE = 0.25
USUAL = 6
"""Calls that teach the client how long responses take."""


class SyncFace:
    def __init__(self, url, **settings):
        self.client = EmbeddingClient(base_url=url, api_key=KEY, **settings)
        self.embed, self.close = self.client.embed, self.client.close

    def session(self):
        (session,) = self.client._engine._sessions.values()
        return session


class AsyncFace(SyncFace):
    """An async client on one event loop that lives as long as it does."""

    def __init__(self, url, **settings):
        self.runner = asyncio.Runner()
        self.client = AsyncEmbeddingClient(base_url=url, api_key=KEY, **settings)

    def embed(self, *arguments, **options):
        return self.runner.run(self.client.embed(*arguments, **options))

    def close(self):
        self.runner.run(self.client.close())
        self.runner.close()


@pytest.fixture(params=[SyncFace, AsyncFace], ids=["sync", "async"])
def make(request):
    """Makes clients that are closed at the end."""
    made = []

    def make_one(server, **settings):
        made.append(request.param(server.url, **settings))
        return made[-1]

    yield make_one
    for client in made:
        client.close()


@pytest.fixture
def no_records(monkeypatch):
    monkeypatch.setattr(logging.root.manager, "disable", logging.CRITICAL)


def test_G08_with_an_empty_retry_budget_a_failure_is_final_and_nothing_more_is_sent(make):
    with FaultServer([OK, status(503)]) as server:
        client = make(server, max_retries=2)
        client.embed("so that there is a session")
        budget = client.session().admission.budget
        while budget.spend():
            pass
        with pytest.raises(InternalServerError) as caught:
            client.embed("x")
        assert (caught.value.status_code, caught.value.attempts, caught.value.retryable) == (503, 1, True)
        server.oracle.assert_requests(2)  # the first of "x", and no retry
        server.oracle.wait_until_idle()
        took = server.requests[1].finished - server.requests[1].started
        assert took < PROMISE


def test_G08_a_dead_service_gets_no_more_retries_than_the_budget_holds(make):
    with FaultServer([OK, status(503)]) as server:
        client = make(server, max_retries=2)
        client.embed("so that there is a session")
        client.session().admission.budget = Budget(3, 0.5, left=3)
        attempts = []
        for number in range(8):
            with pytest.raises(InternalServerError) as caught:
                client.embed(str(number))
            attempts.append(caught.value.attempts)
        assert attempts == [3, 2, 1, 1, 1, 1, 1, 1]
        server.oracle.assert_requests(1 + 8 + 3)


def test_G09_a_deadline_shorter_than_answers_take_is_refused_without_a_request(make):
    with FaultServer(latency=0.1) as server:
        client = make(server)
        for number in range(USUAL):
            client.embed(str(number))
        began = time.monotonic()
        with pytest.raises(APITimeoutError, match="no time") as caught:
            client.embed("x", timeout=0.03)
        assert time.monotonic() - began < 0.03 + PROMISE
        assert caught.value.attempts == 0
        server.oracle.assert_requests(USUAL)
        assert np.array_equal(client.embed("y", timeout=5), vector_for("y"))


def test_G09_a_retry_that_cannot_finish_is_not_sent_and_the_error_says_how_many_were(make):
    def script(request):
        return status(503) if request.number == USUAL else OK

    with FaultServer(script, latency=0.1) as server:
        client = make(server)
        for number in range(USUAL):
            client.embed(str(number))
        with pytest.raises(APITimeoutError) as caught:
            client.embed("x", timeout=0.16)
        assert caught.value.attempts == 1
        server.oracle.assert_requests(USUAL + 1)


def refused(client):
    try:
        client.embed("x", timeout=0.05)
    except APITimeoutError as error:
        return error.attempts == 0
    return False


def test_G09_an_estimate_that_nobody_tests_fades(make):
    """Responses took 0.1 s; now they take no time, but each call has 50 ms only. It must not be locked out for ever."""
    slow = True

    def latency(request):
        return 0.1 if slow else 0.0

    with FaultServer(latency=latency) as server:
        client = make(server)
        for number in range(USUAL):
            client.embed(str(number))
        slow = False
        outcomes = [refused(client) for _ in range(2 * USUAL)]
        assert outcomes[0]
        assert not outcomes[-1]
        assert np.array_equal(client.embed("y", timeout=0.05), vector_for("y"))


def test_G09_an_expired_call_does_not_wear_the_estimate_down(make):
    with FaultServer([OK] * 20 + [black_hole]) as server:
        client = make(server, batch_size=1, max_concurrency=2)
        for number in range(20):
            client.embed(str(number))
        with pytest.raises(APITimeoutError):
            client.embed(list(map(str, range(500))), timeout=0.2)
        assert len(client.session().admission.latency._samples) >= 19


def late_by(work, timeout):
    """Seconds beyond the deadline, less what a thread had to wait for the processor meanwhile."""
    waited, over = [0.0], threading.Event()

    def measure():
        while not over.is_set():
            before = time.monotonic()
            time.sleep(0.005)
            waited[0] = max(waited[0], time.monotonic() - before - 0.005)

    clock = threading.Thread(target=measure)
    clock.start()
    began = time.monotonic()
    try:
        work()
    finally:
        took = time.monotonic() - began
        over.set()
        clock.join()
    return took - timeout - waited[0]


HANGS = [black_hole, black_hole_mid_body, slow_body(), endless_1xx(), status(503), status(429)]


@pytest.mark.parametrize("fault", HANGS, ids=str)
@pytest.mark.parametrize("texts", ["one", ["many"] * 20_000], ids=["one", "many"])
def test_promise_3_no_call_outlives_its_deadline_by_more_than_250_ms(make, fault, texts, no_records):
    with FaultServer(fault) as server:
        client = make(server, batch_size=10, max_retries=10**6)

        def work():
            with pytest.raises(InworldEmbeddingsError):
                client.embed(texts, timeout=0.3)

        assert late_by(work, 0.3) < PROMISE


def test_promise_3_also_when_some_of_it_was_done(make, no_records):
    with FaultServer([OK] * 5 + [black_hole]) as server:
        client = make(server, batch_size=10)

        def work():
            with pytest.raises(PartialFailureError) as caught:
                client.embed(["many"] * 20_000, timeout=0.5)
            assert len(caught.value.failures) == 20_000 - 50

        assert late_by(work, 0.5) < PROMISE


def test_promise_3_while_another_thread_hands_in_a_million_texts(no_records):
    """Cutting them into batches must not hold up the event loop that both share."""
    with FaultServer(black_hole) as server, EmbeddingClient(base_url=server.url, api_key=KEY) as client:
        texts = [f"text {number}" for number in range(1_000_000)]

        def big():
            with pytest.raises(APITimeoutError):
                client.embed(texts, timeout=2)

        thread = threading.Thread(target=big)
        late = []
        thread.start()
        while thread.is_alive():

            def work():
                with pytest.raises(APITimeoutError):
                    client.embed("x", timeout=0.1)

            late.append(late_by(work, 0.1))
        thread.join()
        assert max(late) < PROMISE


def test_promise_3_each_batch_of_a_stream_has_its_own_deadline():
    with FaultServer([OK, black_hole]) as server, EmbeddingClient(base_url=server.url, api_key=KEY) as client:
        rows = client.embed_iter(["a", "b", "c"], batch_size=1, max_concurrency=1, timeout=0.3)
        assert next(rows)[0] == 0

        def work():
            with pytest.raises(APITimeoutError):
                next(rows)

        assert late_by(work, 0.3) < PROMISE


@BOTH
def test_promise_3_a_deadline_in_the_middle_of_a_wait_for_a_turn(embed):
    with FaultServer(black_hole) as server:
        with pytest.raises(APITimeoutError):
            embed(server.url, ["a", "b"], batch_size=1, max_concurrency=1, timeout=0.3)
        server.oracle.assert_requests(1)
