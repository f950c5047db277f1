"""The overload promises (fault catalogue, section G), measured on the real core with a simulated server."""

import random
from collections.abc import Callable

import pytest

from inworld_embeddings._throttle import Throttle
from support import overload as sim
from support.fault import at_random
from support.faults import status
from support.in_process import AsyncFace, Service

every_seed = pytest.mark.parametrize("seed", [1, 2, 3])


def per_batch(job) -> float:
    return job.tally.requests / len(job.tally.done_at)


def whole(job, batches: int) -> bool:
    """Every batch was answered once, and every request is accounted for."""
    tally = job.tally
    done = len(tally.done_at)
    return done == batches and tally.requests == done + tally.failed + tally.throttled


def resumed_after(job, recovery: float) -> float:
    return min(at for at in job.tally.done_at if at >= recovery) - recovery


QUOTAS: dict[str, Callable[..., object]] = {
    "tenth of 64 in flight": lambda draw: sim.Quota(draw, rate=64, burst=64),
    "tenth of 64 in flight, retry_after": lambda draw: sim.Quota(draw, rate=64, burst=64, retry_after=1.0),
    "tenth of 64 in flight, no burst": lambda draw: sim.Quota(draw, rate=64),
    "tenth of the first offer": lambda draw: sim.Quota(draw, rate=4, burst=4),
    "tenth of the first offer, no burst, retry_after": lambda draw: sim.Quota(draw, rate=4, retry_after=1.0),
    "64 in each second": lambda draw: sim.Window(draw, quota=64, seconds=1),
    "60 in each minute, retry_after": lambda draw: sim.Window(draw, quota=60, seconds=60, tells=True),
    "6 at a time": lambda draw: sim.Slots(draw, slots=6),
}


@every_seed
@pytest.mark.parametrize("quota", QUOTAS)
def test_G01_429_storm(quota, seed):
    rng = random.Random(seed)
    job = sim.run(QUOTAS[quota](sim.latencies(rng)), 1000, rng)
    assert whole(job, 1000)
    assert per_batch(job) <= 1.05
    assert job.tally.outages == 0


def quick(seed: int, server: Callable[..., object], batches: int = 8000):
    """A job with latencies of 50 ms, 64 in flight."""
    rng = random.Random(seed)
    return sim.run(server(sim.latencies(rng, 0.05), rng), batches, rng)


@every_seed
@pytest.mark.parametrize(
    ("share", "least"), [(0.001, 0.8), (0.003, 0.8), (0.01, 0.6), (0.03, 0.4), (0.05, 0.4)]
)
def test_I05_stray_throttles_leave_most_of_the_throughput(share, least, seed):
    without = quick(seed, lambda latency, rng: sim.Stray(latency, rng, 0.0))
    job = quick(seed, lambda latency, rng: sim.Stray(latency, rng, share))
    assert whole(job, 8000)
    assert job.loop.now <= without.loop.now / least
    assert per_batch(job) <= 1.01 / (1 - share)


@every_seed
@pytest.mark.parametrize(
    ("server", "ideal", "least"),
    [
        (lambda latency, _: sim.Quota(latency, rate=50), 1000 / 50, 0.75),
        (lambda latency, _: sim.Quota(latency, rate=50, burst=50), 950 / 50, 0.95),
        (lambda latency, _: sim.Slots(latency, slots=4), 1000 * 0.0515 / 4, 0.9),
        (lambda latency, _: sim.Slots(latency, slots=16), 1000 * 0.0515 / 16, 0.75),
    ],
    ids=["50/s without a burst", "50/s with a burst", "4 at a time", "16 at a time"],
)
def test_G01_a_quota_is_used_well(server, ideal, least, seed):
    job = quick(seed, server, 1000)
    assert whole(job, 1000)
    assert job.loop.now <= ideal / least
    assert per_batch(job) <= 1.05


@every_seed
def test_I05_a_quota_that_begins_after_stray_throttles_is_obeyed_all_the_same(seed):
    class Both:
        def __init__(self, latency, rng):
            self.stray, self.quota = sim.Stray(latency, rng, 0.02), sim.Quota(latency, rate=50, burst=50)

        def answer(self, now, in_service):
            return (self.stray if now < 3 else self.quota).answer(now, in_service)

    job = quick(seed, Both, 4000)
    later = [at for at in job.site.arrivals if at >= 3]
    done = sum(at >= 3 for at in job.tally.done_at)
    assert len(later) <= 1.1 * done + 64
    assert job.loop.now - 3 <= 1.1 * done / 50


@every_seed
@pytest.mark.parametrize("kind", ["refused", "503", "silence"])
@pytest.mark.parametrize("end", [62, 69, 83])
def test_G02_outage_of_a_minute_and_more(kind, end, seed):
    rng = random.Random(seed)
    job = sim.run(sim.Down(sim.latencies(rng), start=2, end=end, kind=kind), 3000, rng)
    assert whole(job, 3000)
    assert per_batch(job) <= 1.1
    assert resumed_after(job, end) <= 20
    assert job.tally.outages == 1


def faulty(seed: int, share: float):
    rng = random.Random(seed)
    server = sim.Faulty(sim.latencies(rng), rng, share)
    return sim.run(server, 10_000, rng)


@every_seed
def test_G03_random_faults_of_30_percent(seed):
    ideal, job = faulty(seed, 0.0), faulty(seed, 0.3)
    assert whole(job, 10_000)
    assert per_batch(job) <= 1 / 0.7 + 0.02
    assert job.loop.now <= 1.25 * ideal.loop.now / 0.7
    assert job.tally.cuts_without_throttle == job.tally.outages == 0
    assert job.throttle.limit == 64


def slow(seed: int, factor: float = 10.0):
    rng = random.Random(seed)
    server = sim.Slow(sim.latencies(rng, mean=1.0), start=20, end=50, factor=factor)
    return sim.run(server, 3000, rng)


@every_seed
def test_G05_latency_times_ten_for_30_s(seed):
    job = slow(seed)
    assert whole(job, 3000)
    assert per_batch(job) <= 1.01
    assert job.tally.outages == 0
    assert job.site.peak_in_service <= 72  # in a spiral, abandoned work piles up on the server
    # A timeout that did not adapt would get nothing done while it lasts.
    assert sum(30 <= at < 50 for at in job.tally.done_at) >= 0.8 * 64 * 20 / 10


@every_seed
def test_G05_even_times_twenty_costs_each_request_in_flight_one_retry_at_most(seed):
    job = slow(seed, factor=20.0)
    assert whole(job, 3000)
    assert job.tally.timed_out <= 64 + 4


@every_seed
def test_G06_a_server_that_recovers_slowly_is_not_met_with_a_burst(seed):
    rng = random.Random(seed)
    job = sim.run(sim.WarmingUp(sim.latencies(rng), start=5, end=35, ramp=20), 10_000, rng)
    assert whole(job, 10_000)
    assert job.tally.restarts
    assert max(job.tally.restarts) <= 64 / 2 / 2  # the threshold after an outage is half the limit before it
    assert max(job.tally.restarts) <= 4
    first = 35 + resumed_after(job, 35)
    assert sum(first <= at < first + 0.1 for at in job.site.arrivals) <= 16
    assert per_batch(job) <= 1.1


@every_seed
def test_G07_workers_that_share_a_quota_get_done_with_more_requests(seed):
    """To each of the 50 the load of the others looks like chance."""
    rng, loop = random.Random(seed), sim.Loop()
    site = sim.Site(loop, sim.Quota(sim.latencies(rng), rate=100, burst=20))
    jobs = [sim.Job(site, Throttle(rng.random, sim.POLICY, 64), 100, rng) for _ in range(50)]
    loop.run(lambda: any(job.left for job in jobs))
    assert all(whole(job, 100) for job in jobs)
    assert len(site.arrivals) <= 1.4 * 5000


def seconds_of_the_engine(share: float) -> float:
    """Virtual ones, for 4000 batches of one text."""
    service = Service(at_random(1, share, [status(429)]), latency=0.05)
    with AsyncFace(service, batch_size=1, timeout=120.0) as face:
        face.embed([str(number) for number in range(4000)])
        assert len(service.requests) <= 1.01 / (1 - share) * 4000
        return face.now


def test_I05_the_engine_itself_keeps_its_throughput_too(no_records):
    assert seconds_of_the_engine(0.01) <= seconds_of_the_engine(0.0) / 0.6
