"""Hedging: when a second request is sent, which response counts, and that nothing is left behind."""

import asyncio
import contextlib

import pytest

from inworld_embeddings import APITimeoutError, AsyncEmbeddingClient
from inworld_embeddings._retry import HEDGE_CAPACITY, HEDGE_SHARE, Budget
from support.clients import KEY
from support.faults import black_hole
from support.in_process import Service, virtual

USUAL = 0.01
"""Seconds that responses took so far: a hedge goes when a request is older than this."""
LATE = "latency=50ms"


def learn(session, *, samples=16, hedges=1):
    for _ in range(samples):
        session.admission.latency.success(USUAL)
    session.hedges._left = float(hedges)


@contextlib.asynccontextmanager
async def client_on(*script, know=learn, **settings):
    """A client, its session and the service; at the end nothing may be in flight or still running."""
    service = Service(script)
    async with AsyncEmbeddingClient(api_key=KEY, transport=service, **({"hedge": True} | settings)) as client:
        session = await client._engine._session()
        know(session)
        before = asyncio.all_tasks()
        yield client, session, service
        assert session.admission.throttle.in_flight == 0
        assert asyncio.all_tasks() == before
        assert service.oracle.in_flight == 0


RACES = {
    "the second may win": ([black_hole, "ok"], 2, 0),
    "the first may still win": (["latency=20ms", black_hole], 2, 0),
    "an error of the first does not win": (["latency=15ms+status=503", "latency=10ms"], 2, 0),
    "two errors are one failure": (["latency=15ms+status=503", "latency=10ms+status=503", "ok"], 3, 1),
}


@pytest.mark.parametrize(("script", "attempts", "retries"), RACES.values(), ids=RACES)
@virtual
async def test_of_two_requests(script, attempts, retries):
    async with client_on(*script) as (client, session, service):
        result = await client.embed(["abc"])
        service.oracle.check(["abc"], result.vectors)
        assert (result.stats.attempts, result.stats.retries) == (attempts, retries)
        assert (result.stats.requests, result.stats.hedges) == (1, 1)
        assert (len(service.bodies), len(set(service.bodies))) == (attempts, 1)
        assert not session.hedges.available
        if not retries:  # one that was given up took at least that long
            assert session.admission.latency.last >= USUAL


def slow(session):
    learn(session, samples=60)
    session.admission.latency.success(10 * USUAL)


NO_REASON = {
    "off": (learn, {"hedge": False}),
    "fifteen samples": (lambda session: learn(session, samples=15), {}),
    "no budget": (lambda session: learn(session, hedges=0), {}),
    "G05 the service is slow": (slow, {}),
    "held back by a rate": (learn, {"rate_limit": 0.5}),
    "no free permit": (learn, {"max_concurrency": 1}),
}


@pytest.mark.parametrize(("know", "settings"), NO_REASON.values(), ids=NO_REASON)
@virtual
async def test_none_is_sent_without_good_reason(know, settings):
    async with client_on(LATE, know=know, **settings) as (client, _, service):
        result = await client.embed(["abc"])
        assert (result.stats.attempts, result.stats.hedges, len(service.requests)) == (1, 0, 1)


@virtual
async def test_one_that_later_requests_have_overtaken_is_hedged():
    script = [black_hole, "ok", "latency=15ms", "ok"]  # the third keeps the first from being alone
    async with client_on(*script, batch_size=1) as (client, _, service):
        result = await client.embed(["a", "b", "c"])
        assert (result.stats.hedges, len(service.requests)) == (1, 4)
        assert service.bodies[0] == service.bodies[3]


@pytest.mark.parametrize("end", ["is cancelled", "is late"])
@virtual
async def test_what_ends_the_call_ends_both(end):
    async with client_on(black_hole, timeout=20 * USUAL, max_retries=0) as (client, _, service):
        call = asyncio.create_task(client.embed("abc"))
        await asyncio.sleep(2 * USUAL)
        if end == "is cancelled":
            call.cancel()
        with pytest.raises((asyncio.CancelledError, APITimeoutError)):
            await call
        assert (len(service.requests), service.oracle.in_flight) == (2, 0)


def test_hedges_stay_under_a_twentieth_of_the_requests():
    budget, hedges = Budget(HEDGE_CAPACITY, HEDGE_SHARE), 0
    for requests in range(1, 10_000):
        budget.earn()
        hedges += budget.spend()
        assert requests / 20 - 1 <= hedges <= requests / 20 + 1e-9
