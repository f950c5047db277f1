"""The throttle alone: growth, refusals, the gate and the fixed rate limit. How it bears load: test_overload.py."""

import pytest

from inworld_embeddings._retry import RetryPolicy
from inworld_embeddings._throttle import Outcome, Throttle


def a_throttle(rate_limit=None) -> Throttle:
    return Throttle(lambda: 0.5, RetryPolicy(), 64, rate_limit)


def finish(throttle, now, started_at, outcome, retry_after=None):
    throttle.arrived()
    throttle.judge(now, started_at, outcome, retry_after)


class Clock:
    """Drives a throttle: starts what may start, ends it one round trip later."""

    def __init__(self, throttle: Throttle, now: float = 100.0) -> None:
        self.throttle, self.now = throttle, now

    def round_trip(self, outcome: Outcome = Outcome.SUCCESS) -> int:
        started = []
        while self.throttle.next_start(self.now) <= self.now:
            self.throttle.start(self.now)
            started.append(self.now)
        self.now += 0.1
        for at in started:
            finish(self.throttle, self.now, at, outcome)
        return len(started)

    def until_allowed(self) -> None:
        self.now = self.throttle.next_start(self.now)


def test_slow_start_doubles_per_round_trip_up_to_the_highest_limit():
    clock = Clock(a_throttle())
    assert [clock.round_trip() for _ in range(8)] == [4, 8, 16, 32, 64, 64, 64, 64]


def test_a_refused_request_is_a_sign_of_life_and_no_reason_to_grow():
    clock = Clock(a_throttle())
    assert [clock.round_trip(Outcome.REFUSED) for _ in range(3)] == [4, 4, 4]
    clock = Clock(a_throttle())
    clock.round_trip(Outcome.THROTTLED)
    clock.until_allowed()
    assert clock.round_trip(Outcome.REFUSED) == 1  # after it, no longer one at a time
    assert clock.round_trip(Outcome.REFUSED) == 2
    while not clock.throttle.probing:
        clock.round_trip(Outcome.FAILED)
    clock.until_allowed()
    clock.round_trip(Outcome.REFUSED)
    assert not clock.throttle.probing


@pytest.mark.parametrize("outcome", [Outcome.THROTTLED, Outcome.FAILED])
def test_C08_C12_a_retry_after_closes_the_gate_for_every_request(outcome):
    throttle = a_throttle()
    for _ in range(2):
        throttle.start(0.0)
    finish(throttle, 1.0, 0.0, outcome, 4.0)
    finish(throttle, 1.0, 0.0, outcome, 1.0)  # a shorter one does not open it again
    assert throttle.next_start(1.0) == 1.0 + 4.5
    throttle.start(5.5)
    finish(throttle, 6.0, 5.5, outcome, 1e9)  # an absurd one does not block the client for ever
    assert throttle.next_start(6.0) == 6.0 + 67.5


def test_a_rate_limit_spaces_starts_evenly_and_saves_nothing_up():
    throttle, starts = a_throttle(rate_limit=4.0), []
    for now in (0.0, 0.0, 0.0, 100.0, 100.0):
        starts.append(throttle.next_start(now))
        throttle.start(starts[-1])
        finish(throttle, starts[-1], starts[-1], Outcome.SUCCESS)
    assert starts == [0.0, 0.25, 0.5, 100.0, 100.25]
