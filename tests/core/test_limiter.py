from math import inf

import pytest

from inworld_embeddings._core.limiter import Limiter, Outcome
from inworld_embeddings._core.rate_limit import RateLimit

HALF = lambda: 0.5  # noqa: E731 - a constant source of randomness


class Clock:
    """Drives a limiter: starts what may start, ends it one round trip later."""

    def __init__(self, limiter: Limiter, now: float = 100.0) -> None:
        self.limiter, self.now = limiter, now

    def fill(self) -> list[float]:
        started = []
        while self.limiter.next_start(self.now) <= self.now:
            self.limiter.start(self.now)
            started.append(self.now)
        return started

    def round_trip(self, outcome: Outcome = Outcome.SUCCESS, hint: float | None = None) -> int:
        started = self.fill()
        self.now += 0.1
        for at in started:
            self.limiter.finish(self.now, at, outcome, hint)
        return len(started)

    def until_allowed(self) -> None:
        self.now = self.limiter.next_start(self.now)


def test_slow_start_doubles_per_round_trip_up_to_the_cap():
    clock = Clock(Limiter(HALF))
    assert [clock.round_trip() for _ in range(8)] == [4, 8, 16, 32, 64, 64, 64, 64]


def test_it_is_full_until_a_request_finishes():
    limiter = Limiter(HALF, start=1)
    limiter.start(0.0)
    assert limiter.next_start(1.0) == inf
    limiter.finish(1.0, 0.0, Outcome.CANCELLED)
    assert limiter.next_start(1.0) == 1.0
    assert limiter.limit == 1.0


def test_it_grows_only_while_the_limit_is_what_holds_requests_back():
    limiter = Limiter(HALF)
    for i in range(100):  # three at a time, never four
        for _ in range(3):
            limiter.start(float(i))
        for _ in range(3):
            limiter.finish(i + 0.1, float(i), Outcome.SUCCESS)
    assert limiter.limit == 4.0


def test_a_throttle_cuts_once_per_round_trip_and_growth_is_then_additive():
    clock = Clock(Limiter(HALF))
    clock.round_trip()
    assert clock.limiter.limit == 8.0
    clock.round_trip(Outcome.THROTTLED)
    assert clock.limiter.limit == pytest.approx(5.6)
    clock.until_allowed()
    limiter = clock.limiter
    limiter.start(clock.now)
    limiter.finish(clock.now + 0.1, clock.now, Outcome.SUCCESS)  # one at a time until one succeeds
    assert limiter.limit == pytest.approx(5.6)
    started = [clock.now + 10] * 5
    for at in started:
        limiter.start(at)
    for at in started:
        limiter.finish(at + 0.1, at, Outcome.SUCCESS)
    assert 6.4 < limiter.limit < 6.6


def test_failures_and_cancellations_never_cut():
    clock = Clock(Limiter(HALF))
    for outcome in [Outcome.SUCCESS, Outcome.FAILED, Outcome.SUCCESS, Outcome.CANCELLED, Outcome.SUCCESS]:
        before = clock.limiter.limit
        clock.round_trip(outcome)
        assert clock.limiter.limit >= before


@pytest.mark.parametrize("outcome", [Outcome.THROTTLED, Outcome.FAILED])
def test_C08_C12_a_hint_closes_the_gate_for_every_request(outcome):
    limiter = Limiter(HALF)
    limiter.start(0.0)
    limiter.start(0.0)
    limiter.finish(1.0, 0.0, outcome, 4.0)
    assert limiter.gate_until == 1.0 + 4.5
    limiter.finish(1.0, 0.0, outcome, 1.0)  # a shorter hint does not open it again
    assert limiter.next_start(1.0) == 1.0 + 4.5


def test_C07_a_throttle_without_a_hint_closes_the_gate_longer_each_time():
    clock = Clock(Limiter(HALF))
    pauses = []
    for _ in range(7):
        clock.until_allowed()
        clock.round_trip(Outcome.THROTTLED)
        pauses.append(clock.limiter.gate_until - clock.now)
    assert pauses == pytest.approx([0.5, 1, 2, 4, 8, 10, 10])


def test_an_absurd_hint_does_not_block_a_client_for_ever():
    limiter = Limiter(HALF)
    limiter.start(0.0)
    limiter.finish(1.0, 0.0, Outcome.THROTTLED, 1e9)
    assert limiter.next_start(1.0) <= 1.0 + 75.0


def test_G02_an_outage_leads_to_single_probes_and_a_low_restart():
    clock = Clock(Limiter(HALF))
    for _ in range(5):
        clock.round_trip()
    clock.round_trip(Outcome.FAILED)
    limiter = clock.limiter
    assert limiter.probing
    for _ in range(10):
        pause = limiter.next_start(clock.now) - clock.now
        assert 0 < pause <= 10.0
        clock.until_allowed()
        limiter.start(clock.now)
        assert limiter.next_start(clock.now) == clock.now + 15.0  # a probe that hangs is not waited for
        clock.now += 0.1
        limiter.finish(clock.now, clock.now - 0.1, Outcome.FAILED)
    clock.until_allowed()
    assert clock.round_trip() == 1
    assert not limiter.probing
    assert limiter.limit == 4.0


def test_late_failures_from_before_the_recovery_do_not_count():
    clock = Clock(Limiter(HALF))
    for _ in range(5):
        clock.round_trip()
    hanging = clock.fill()
    for at in hanging[:32]:
        clock.limiter.finish(clock.now + 5, at, Outcome.FAILED)
    assert clock.limiter.probing
    clock.now += 5
    clock.until_allowed()
    clock.limiter.start(clock.now)
    clock.limiter.finish(clock.now + 0.1, clock.now, Outcome.SUCCESS)
    for at in hanging[32:]:
        clock.limiter.finish(clock.now + 0.2, at, Outcome.FAILED)
    assert not clock.limiter.probing
    assert clock.limiter.in_flight == 0


def test_in_flight_never_exceeds_the_cap_even_in_an_outage():
    clock = Clock(Limiter(HALF, start=4, cap=4))
    for _ in range(8):
        clock.until_allowed()
        clock.round_trip(Outcome.FAILED)
    assert clock.limiter.probing
    for _ in range(4):
        clock.until_allowed()
        clock.limiter.start(clock.now)
    assert clock.limiter.next_start(clock.now + 100) == inf


def test_throttles_are_not_an_outage():
    clock = Clock(Limiter(HALF))
    for _ in range(60):
        clock.until_allowed()
        clock.round_trip(Outcome.THROTTLED)
    assert not clock.limiter.probing


@pytest.mark.parametrize(("start", "cap"), [(0, 4), (5, 4)])
def test_a_limiter_that_cannot_work_is_refused(start, cap):
    with pytest.raises(ValueError, match="start"):
        Limiter(HALF, start=start, cap=cap)


def starts(limit: RateLimit, times: list[float]) -> list[float]:
    due = []
    for now in times:
        at = limit.next_start(now)
        limit.start(at)
        due.append(at)
    return due


def test_a_rate_limit_spaces_starts_evenly_and_saves_nothing_up():
    assert starts(RateLimit(4.0), [0.0, 0.0, 0.0, 100.0, 100.0]) == [0.0, 0.25, 0.5, 100.0, 100.25]


def test_a_caller_that_wakes_a_little_late_catches_up():
    limit = RateLimit(100.0)
    now = 0.0
    for _ in range(1000):
        now = limit.next_start(now) + 0.002  # every timer is 2 ms late
        limit.start(now)
    assert now == pytest.approx(10.0, rel=0.01)


def test_permits_are_leased_in_blocks():
    limit = RateLimit(10.0)
    limit.start(0.0, permits=5)
    assert limit.next_start(0.0) == 0.5


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan")])
def test_a_rate_that_cannot_be_kept_is_refused(rate):
    with pytest.raises(ValueError, match="rate"):
        RateLimit(rate)
