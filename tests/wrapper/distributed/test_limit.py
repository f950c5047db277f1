"""One limit for several workers, in simulated time."""

import asyncio
import random
from collections import Counter
from itertools import pairwise
from unittest.mock import AsyncMock

import pytest

from inworld_embeddings import EmbeddingClient, JobError
from inworld_embeddings._retry import RetryPolicy
from inworld_embeddings._throttle import Throttle
from inworld_embeddings.distributed.limit import SILENCE, Leases, Limit, leased

RATE = 50.0


def leases(max_concurrency=1000, rate=RATE):
    return Leases(Throttle(random.Random(1).random, RetryPolicy(), max_concurrency, rate))


def simulated(shares, latency=0.02):
    """Workers with so many requests each, who ask every 5 ms for up to 16 starts; when each request started, and whose."""
    shared, left, started, flying, now = leases(), dict(shares), [], [], 0.0
    while any(left.values()):
        for worker, count in left.items():
            ended = [one for one in flying if one[2] == worker and one[0] <= now]
            flying = [one for one in flying if one not in ended]
            shared.report(now, worker, len(ended), [(granted, "SUCCESS", None) for _, granted, _ in ended])
            if count:
                got = shared.lease(now, worker, min(count, 16)).starts
                left[worker] -= len(got)
                started += [(now + wait, worker) for wait, _ in got]
                flying += [(now + wait + latency, granted, worker) for wait, granted in got]
        now += 0.005
    return sorted(started)


@pytest.mark.parametrize("shares", [{"a": 300, "b": 300}, {"a": 570, "b": 30}, {"a": 600}])
def test_workers_together_start_at_the_given_rate_however_the_work_is_split(shares):
    started = simulated(shares)
    times = [at for at, _ in started]
    assert Counter(worker for _, worker in started) == shares
    assert (len(times) - 1) / (times[-1] - times[0]) == pytest.approx(RATE, rel=0.02)
    assert min(after - before for before, after in pairwise(times)) > 0.5 / RATE  # of a worker, or of two


def test_starts_of_a_worker_that_died_are_given_back():
    shared = leases(max_concurrency=4, rate=None)
    assert len(shared.lease(0.0, "dead", 9).starts) == 4
    assert shared.lease(SILENCE, "alive", 9).starts == []
    assert len(shared.lease(SILENCE + 0.1, "alive", 9).starts) == 4
    shared.report(SILENCE + 0.2, "dead", 4, [(0.0, "SUCCESS", None)])  # it was only slow
    assert shared.lease(SILENCE + 0.2, "dead", 9).starts == []


def embedded(remote, texts):
    """What a client gives whose requests start when the one limit lets them."""

    async def run(client):
        admission = (await client._engine._session()).admission
        admission.throttle = leased(remote)(admission)
        async with asyncio.timeout(20):
            result = await client.embed(texts, batch_size=2)
        await asyncio.sleep(0.3)  # by then all is told
        return result

    with EmbeddingClient(timeout=None) as client:
        return client._run(lambda: run(client._for_its_loop()))


def test_whoever_waits_is_told_that_the_limit_is_gone(served):
    """Else a call that has all the time in the world would wait for ever."""
    gone = AsyncMock(lease=AsyncMock(side_effect=OSError("the actor died")))
    with pytest.raises(JobError, match="The limit of all workers is gone: the actor died"):
        embedded(gone, ["a"])


def test_a_client_sends_when_the_one_limit_lets_it(served):
    """What its requests teach is told, and nothing that was granted stays out."""
    limit = Limit(8, None)
    assert len(embedded(limit, [f"text {n}" for n in range(60)])) == 60
    assert len(served.log) == 30
    shared = limit._leases
    assert [sum(shared._flying.values()), sum(map(len, shared._open.values()))] == [0, 0]
    assert shared._throttle.limit > 4
