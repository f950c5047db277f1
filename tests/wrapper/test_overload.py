"""The overload promises (fault catalogue, section G), measured on the real core with a simulated service."""

import random
from functools import cache

import pytest

from inworld_embeddings._throttle import Outcome
from support import overload as sim
from support.fault import at_random
from support.in_process import AsyncFace, Service

every_seed = pytest.mark.parametrize("seed", [1, 2, 3])


def done(answer, batches, seed, mean=0.1):
    """A job that is done. Every batch was answered once, and every request is accounted for."""
    job = sim.run(answer, batches, random.Random(seed), mean)
    assert len(job.done_at) == batches
    assert job.requests == batches + job.failed + job.throttled
    return job


def per_batch(job):
    return job.requests / len(job.done_at)


def resumed_after(job, recovery):
    return min(at for at in job.done_at if at >= recovery) - recovery


QUOTAS = {
    "tenth of 64 in flight": lambda: sim.quota(rate=64, burst=64),
    "tenth of 64 in flight, retry_after": lambda: sim.quota(rate=64, burst=64, retry_after=1.0),
    "tenth of 64 in flight, no burst": lambda: sim.quota(rate=64),
    "tenth of the first offer": lambda: sim.quota(rate=4, burst=4),
    "tenth of the first offer, no burst, retry_after": lambda: sim.quota(rate=4, retry_after=1.0),
    "64 in each second": lambda: sim.window(64, seconds=1),
    "60 in each minute, retry_after": lambda: sim.window(60, seconds=60, tells=True),
    "6 at a time": lambda: sim.slots(6),
}


@every_seed
@pytest.mark.parametrize("quota", QUOTAS.values(), ids=QUOTAS)
def test_G01_429_storm(quota, seed):
    job = done(quota(), 1000, seed)
    assert per_batch(job) <= 1.05
    assert job.outages == 0


QUICK = 0.05
"""Seconds that a response of a quick service takes."""


@cache
def seconds_without_faults(batches, seed, mean):
    return done(sim.slots(64), batches, seed, mean).service.now


@every_seed
@pytest.mark.parametrize(("share", "least"), [(0.001, 0.8), (0.01, 0.6), (0.05, 0.4)])
def test_I05_stray_throttles_leave_most_of_the_throughput(share, least, seed):
    job = done(sim.stray(share, seed), 8000, seed, QUICK)
    assert job.service.now <= seconds_without_faults(8000, seed, QUICK) / least
    assert per_batch(job) <= 1.01 / (1 - share)


@every_seed
@pytest.mark.parametrize(
    ("answer", "ideal", "least"),
    [
        (lambda: sim.quota(rate=50), 1000 / 50, 0.75),
        (lambda: sim.quota(rate=50, burst=50), 950 / 50, 0.95),
        (lambda: sim.slots(4), 1000 * 0.0515 / 4, 0.9),
        (lambda: sim.slots(16), 1000 * 0.0515 / 16, 0.75),
    ],
    ids=["50/s without a burst", "50/s with a burst", "4 at a time", "16 at a time"],
)
def test_G01_a_quota_is_used_well(answer, ideal, least, seed):
    job = done(answer(), 1000, seed, QUICK)
    assert job.service.now <= ideal / least
    assert per_batch(job) <= 1.05


@every_seed
@pytest.mark.parametrize("kind", ["refused", "503", "silence"])
@pytest.mark.parametrize("end", [62, 69, 83])
def test_G02_outage_of_a_minute_and_more(kind, end, seed):
    job = done(sim.down(2, end, kind), 3000, seed)
    assert per_batch(job) <= 1.1
    assert resumed_after(job, end) <= 20
    assert job.outages == 1


@every_seed
def test_G03_random_faults_of_30_percent(seed):
    failing = lambda latency: sim.Reply(latency / 2, Outcome.FAILED)  # noqa: E731
    job = done(sim.stray(0.3, seed, failing), 10_000, seed)
    assert per_batch(job) <= 1 / 0.7 + 0.02
    assert job.service.now <= 1.25 * seconds_without_faults(10_000, seed, 0.1) / 0.7
    assert job.cuts_without_throttle == job.outages == 0
    assert job.throttle.limit == 64


@every_seed
def test_G05_latency_times_ten_for_30_s(seed):
    job = done(sim.slow(20, 50, factor=10), 3000, seed, mean=1.0)
    assert per_batch(job) <= 1.01
    assert job.outages == 0
    assert job.service.peak_in_service <= 72  # in a spiral, abandoned work piles up on the server
    # A timeout that did not adapt would get nothing done while it lasts.
    assert sum(30 <= at < 50 for at in job.done_at) >= 0.8 * 64 * 20 / 10


@every_seed
def test_G06_a_server_that_recovers_slowly_is_not_met_with_a_burst(seed):
    job = done(sim.warming_up(start=5, end=35, ramp=20), 5000, seed)
    assert job.restarts
    assert max(job.restarts) <= 4
    first = 35 + resumed_after(job, 35)
    assert sum(first <= at < first + 0.1 for at in job.service.arrivals) <= 16
    assert per_batch(job) <= 1.1


@every_seed
def test_G07_workers_that_share_a_quota_get_done_with_more_requests(seed):
    """To each of the 50 the load of the others looks like chance."""
    service = sim.Service(sim.quota(rate=100, burst=20), random.Random(seed))
    jobs = [sim.Job(service, 100) for _ in range(50)]
    service.run(jobs)
    assert [len(job.done_at) for job in jobs] == [100] * 50
    assert len(service.arrivals) <= 1.4 * 5000


def seconds_of_the_engine(share):
    """Virtual ones, for 1000 batches of one text."""
    service = Service(at_random(1, share, ["status=429"]), latency=0.05)
    with AsyncFace(service, batch_size=1, timeout=120.0) as face:
        face.embed([str(number) for number in range(1000)])
        assert len(service.requests) <= 1.01 / (1 - share) * 1000
        return face.now


def test_I05_the_engine_itself_keeps_its_throughput_too(no_records):
    assert seconds_of_the_engine(0.01) <= seconds_of_the_engine(0.0) / 0.6
