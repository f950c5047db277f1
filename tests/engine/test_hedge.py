"""Hedging: when a second request is sent, which answer counts, and that nothing is left behind."""

import asyncio
import contextlib
import json

import httpx
import pytest

from inworld_embeddings import (
    APITimeoutError,
    AsyncEmbeddingClient,
    ConfigurationError,
    EmbeddingClient,
    InternalServerError,
)
from inworld_embeddings._retry import HEDGE_CAPACITY, HEDGE_SHARE, Budget, RetryPolicy
from inworld_embeddings._throttle import Outcome as Load
from support.clients import KEY
from support.fault_server import OK, FaultServer
from support.faults import black_hole

USUAL = 0.01


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    monkeypatch.setattr("inworld_embeddings.client.BaseClient._policy", RetryPolicy(transient_base=0.001))


async def good(request):
    texts = [item["text"] for item in json.loads(request.content)["inputs"]]
    return httpx.Response(200, json={"embeddings": [{"values": [float(len(text)), 1.0]} for text in texts]})


async def bad(request):
    return httpx.Response(503)


async def never(request):
    await asyncio.Event().wait()


class Stage(httpx.AsyncBaseTransport):
    """Plays one act a request, the last again and again; knows how many were cut off."""

    def __init__(self, *acts):
        self.acts, self.requests, self.cancelled = acts, [], 0
        self.hedged = asyncio.Event()

    async def handle_async_request(self, request):
        self.requests.append(request)
        if len(self.requests) == 2:
            self.hedged.set()
        try:
            return await self.acts[min(len(self.requests), len(self.acts)) - 1](request)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


def learn(session, *, samples=16, usual=USUAL, hedges=1):
    """What a session would know after some requests."""
    for _ in range(samples):
        session.admission.latency.success(usual)
    session.hedges._left = float(hedges)


@contextlib.asynccontextmanager
async def client_on(*acts, know=learn, **settings):
    """A client, its session and its transport; at the end nothing may be in flight or still running."""
    stage = Stage(*acts)
    async with AsyncEmbeddingClient(api_key=KEY, transport=stage, **({"hedge": True} | settings)) as client:
        session = await client._engine._session()
        know(session)
        before = asyncio.all_tasks()
        yield client, session, stage
        assert session.admission.throttle.in_flight == 0
        assert asyncio.all_tasks() == before


def test_a_late_request_gets_a_second_one_and_the_first_good_answer_counts():
    async def run():
        async with client_on(never, good) as (client, session, stage):
            result = await client.embed(["abc"])
            assert result.tolist() == [[3.0, 1.0]]
            assert (result.stats.requests, result.stats.attempts) == (1, 2)
            assert (result.stats.hedges, result.stats.retries) == (1, 0)
            assert (len(stage.requests), stage.cancelled) == (2, 1)
            assert stage.requests[0].content == stage.requests[1].content
            assert not session.hedges.available
            assert session.admission.latency.last >= USUAL, (
                "the one that was given up took at least that long"
            )

    asyncio.run(run())


def test_the_first_may_still_win():
    async def run():
        second = asyncio.Event()

        async def after_the_second(request):
            await second.wait()
            return await good(request)

        async def sets(request):
            second.set()
            await never(request)

        async with client_on(after_the_second, sets) as (client, _, stage):
            result = await client.embed(["abc"])
            assert (result.stats.requests, result.stats.attempts, result.stats.hedges) == (1, 2, 1)
            assert stage.cancelled == 1

    asyncio.run(run())


def test_two_good_answers_at_the_same_moment_are_one():
    async def run():
        both = asyncio.Event()

        async def together(request):
            if len(stage.requests) == 2:
                both.set()
            await both.wait()
            return await good(request)

        async with client_on(together) as (client, _, stage):
            result = await client.embed(["abc"])
            assert (result.stats.requests, result.stats.attempts, len(result)) == (1, 2, 1)

    asyncio.run(run())


@pytest.mark.parametrize("spoiler", [bad, never], ids=["fails", "hangs"])
def test_an_error_of_the_first_does_not_win_while_the_second_runs(spoiler):
    async def run():
        second, failed = asyncio.Event(), asyncio.Event()

        async def fails_then(request):
            await second.wait()
            failed.set()
            return await spoiler(request)

        async def answers_after_it(request):
            second.set()
            await failed.wait()
            for _ in range(5):
                await asyncio.sleep(0)
            return await good(request)

        async with client_on(fails_then, answers_after_it) as (client, _, _stage):
            result = await client.embed(["abc"])
            assert (result.stats.attempts, result.stats.retries, result.failures) == (2, 0, ())

    asyncio.run(run())


def test_two_errors_are_one_failure_and_one_retry():
    async def run():
        second = asyncio.Event()

        async def first(request):
            await second.wait()
            return await bad(request)

        async def other(request):
            second.set()
            return await bad(request)

        async with client_on(first, other, good) as (client, _, stage):
            result = await client.embed(["abc"])
            assert (result.stats.attempts, result.stats.retries, result.stats.hedges) == (3, 1, 1)
            assert len(stage.requests) == 3

    asyncio.run(run())


def test_a_final_error_counts_both_requests():
    async def run():
        second = asyncio.Event()

        async def each(request):
            if len(stage.requests) == 2:
                second.set()
            await second.wait()
            return await bad(request)

        async with client_on(each, max_retries=0) as (client, _, stage):
            with pytest.raises(InternalServerError) as caught:
                await client.embed("abc")
            assert caught.value.attempts == 2

    asyncio.run(run())


def probing(session):
    learn(session)
    while not session.admission.throttle.probing:
        now = asyncio.get_running_loop().time()
        session.admission.throttle.start(now)
        session.admission.throttle.arrived()
        session.admission.throttle.judge(now, now, Load.FAILED)
    session.admission.throttle._next_probe = 0.0


def slow(session):
    learn(session, samples=60)
    session.admission.latency.success(10 * USUAL)


async def slow_but_good(request):
    await asyncio.sleep(5 * USUAL)
    return await good(request)


@pytest.mark.parametrize(
    ("know", "settings"),
    [
        (learn, {"hedge": False}),
        (lambda session: learn(session, samples=15), {}),
        (lambda session: learn(session, hedges=0), {}),
        (probing, {}),
        (slow, {}),
        (learn, {"rate_limit": 0.5}),
        (learn, {"max_concurrency": 1}),
    ],
    ids=[
        "off",
        "fifteen samples",
        "no budget",
        "probing",
        "G05 the service is slow",
        "held back by a rate",
        "no free turn",
    ],
)
def test_none_is_sent_without_good_reason(know, settings):
    async def run():
        async with client_on(slow_but_good, know=know, **settings) as (client, _, stage):
            result = await client.embed(["abc"])
            assert (result.stats.attempts, result.stats.hedges, len(stage.requests)) == (1, 0, 1)

    asyncio.run(run())


def test_none_is_sent_where_no_later_request_was_quicker():
    """G05: the service has become slow for all of them."""

    async def run():
        async with client_on(slow_but_good, batch_size=1) as (client, _, stage):
            result = await client.embed(["a", "b"])
            assert (result.stats.hedges, len(stage.requests)) == (0, 2)

    asyncio.run(run())


def test_one_that_later_requests_have_overtaken_is_hedged():
    async def run():
        hedged = asyncio.Event()

        async def keeps_the_first_from_being_alone(request):
            await hedged.wait()
            return await good(request)

        async def hedge(request):
            hedged.set()
            return await good(request)

        acts = (never, good, keeps_the_first_from_being_alone, hedge)
        async with client_on(*acts, batch_size=1) as (client, _, stage):
            result = await client.embed(["a", "b", "c"])
            assert (result.stats.hedges, len(stage.requests)) == (1, 4)
            assert stage.requests[0].content == stage.requests[3].content

    asyncio.run(run())


def test_none_is_sent_that_could_not_finish_in_time():
    async def run():
        know = lambda session: learn(session, usual=0.2)  # noqa: E731
        async with client_on(never, know=know, timeout=0.3) as (client, _, stage):
            with pytest.raises(APITimeoutError):
                await client.embed("abc")
            assert len(stage.requests) == 1

    asyncio.run(run())


def test_requests_earn_hedges():
    async def run():
        async with client_on(good, know=lambda session: learn(session, samples=0, hedges=0)) as (
            client,
            session,
            _,
        ):
            for _ in range(20):
                assert not session.hedges.available
                await client.embed("abc")
            assert session.hedges.available

    asyncio.run(run())


def test_an_answer_that_comes_just_as_the_second_is_started():
    """A task that is cancelled before its first step never runs: its turn has to be ended for it."""

    async def run():
        release = asyncio.Event()

        async def waits(request):
            await release.wait()
            return await good(request)

        async with client_on(waits) as (client, session, stage):
            enter = session.admission.hedge

            def and_release():
                release.set()
                return enter()

            session.admission.hedge = and_release
            result = await client.embed(["abc"])
            assert (result.stats.attempts, result.stats.hedges, len(stage.requests)) == (1, 0, 1)

    asyncio.run(run())


def test_a_loser_that_turns_being_cancelled_into_an_error_does_not_spoil_the_answer():
    async def run():
        async def rude(request):
            try:
                await never(request)
            except asyncio.CancelledError:
                raise httpx.ReadError("cut off") from None

        async with client_on(rude, good) as (client, _, stage):
            result = await client.embed(["abc"])
            assert (result.tolist(), len(stage.requests)) == ([[3.0, 1.0]], 2)

    asyncio.run(run())


def test_none_is_sent_while_others_wait():
    async def run():
        async with client_on(slow_but_good, batch_size=1, max_concurrency=2) as (client, session, _):
            session.admission.newest_answered = float("inf")  # as if overtaken
            result = await client.embed(["a", "b", "c", "d", "e", "f"])
            assert result.stats.hedges == 0

    asyncio.run(run())


def test_G05_a_caller_who_waits_for_each_answer_hedges_once_when_the_service_slows_down():
    async def run():
        know = lambda session: learn(session, samples=64, hedges=HEDGE_CAPACITY)  # noqa: E731
        async with client_on(slow_but_good, know=know) as (client, _, stage):
            for _ in range(20):
                await client.embed("abc")
            assert len(stage.requests) <= 21

    asyncio.run(run())


def test_cancelling_the_call_cancels_both():
    async def run():
        async with client_on(never) as (client, _, stage):
            call = asyncio.create_task(client.embed("abc"))
            await stage.hedged.wait()
            call.cancel()
            assert (await asyncio.wait([call], timeout=2))[0] == {call}, "both are cut off, not waited for"
            assert (call.cancelled(), stage.cancelled) == (True, 2)

    asyncio.run(run())


def test_the_deadline_ends_both():
    async def run():
        async with client_on(never, timeout=20 * USUAL, max_retries=0) as (client, _, stage):
            with pytest.raises(APITimeoutError):
                await client.embed("abc")
            assert (len(stage.requests), stage.cancelled) == (2, 2)

    asyncio.run(run())


def test_closing_the_client_ends_both():
    async def run():
        async with client_on(never) as (client, _, stage):
            call = asyncio.create_task(client.embed("abc"))
            await stage.hedged.wait()
            await client.close()
            assert isinstance((await asyncio.gather(call, return_exceptions=True))[0], Exception)
            assert stage.cancelled == 2

    asyncio.run(run())


def test_the_losers_connection_is_dropped():
    with (
        FaultServer([OK, black_hole, OK]) as server,
        EmbeddingClient(base_url=server.url, api_key=KEY) as client,
    ):
        client.embed("warm up")
        (session,) = client._engine._sessions.values()
        learn(session, samples=64)
        result = client.embed(["abc"], hedge=True)
        server.oracle.check(["abc"], result.vectors)
        assert (result.stats.hedges, len(server.requests)) == (1, 3)
        client.embed("over the second connection")
        stalled, used = server.requests[1].connection, server.requests[3].connection
        assert used != stalled
        server.oracle.wait_for(lambda: server.connections[stalled].closed)


def test_hedges_stay_under_a_twentieth_of_the_requests():
    budget, hedges = Budget(HEDGE_CAPACITY, HEDGE_SHARE), 0
    for requests in range(1, 10_000):
        budget.earn()
        if budget.available:
            budget.spend()
            hedges += 1
        assert hedges <= requests / 20 + 1e-9
    assert hedges >= 9_999 // 20 - 1


def test_hedges_saved_up_are_few():
    budget = Budget(HEDGE_CAPACITY, HEDGE_SHARE)
    for _ in range(10_000):
        budget.earn()
    saved = 0
    while budget.available:
        budget.spend()
        saved += 1
    assert saved == HEDGE_CAPACITY


def test_hedge_must_be_a_bool():
    with pytest.raises(ConfigurationError, match="hedge"):
        EmbeddingClient(api_key=KEY, hedge="yes")
