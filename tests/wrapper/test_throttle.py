"""The throttle alone: growth, refusals, the gate and the fixed rate limit. How it bears load: test_overload.py."""

import pytest

from inworld_embeddings._retry import RetryPolicy
from inworld_embeddings._throttle import Outcome, Throttle


def a_throttle(rate_limit=None):
    return Throttle(lambda: 0.5, RetryPolicy(), 64, rate_limit)


def finish(throttle, now, started_at, outcome, retry_after=None):
    throttle.arrived()
    throttle.judge(now, started_at, outcome, retry_after)


def rounds(throttle, *outcomes, now=100.0):
    """As many requests as may start, all of which end 0.1 s later with the first outcome; and so on. How many they were."""
    counts = []
    for outcome in outcomes:
        now, count = throttle.next_start(now), 0
        while throttle.next_start(now) <= now:
            throttle.start(now)
            count += 1
        for _ in range(count):
            finish(throttle, now + 0.1, now, outcome)
        now += 0.1
        counts.append(count)
    return counts


def test_slow_start_doubles_per_round_trip_up_to_the_highest_limit():
    assert rounds(a_throttle(), *[Outcome.SUCCESS] * 8) == [4, 8, 16, 32, 64, 64, 64, 64]


def test_a_refused_request_is_a_sign_of_life_and_no_reason_to_grow():
    assert rounds(a_throttle(), *[Outcome.REFUSED] * 3) == [4, 4, 4]
    throttle = a_throttle()
    assert rounds(throttle, Outcome.THROTTLED, Outcome.REFUSED, Outcome.REFUSED) == [4, 1, 2]
    assert sum(rounds(throttle, *[Outcome.FAILED] * 6, now=102.0)) == 12
    assert not throttle.probing
    rounds(throttle, Outcome.FAILED, now=103.0)
    assert throttle.probing  # of 17 outcomes, 3 were alive; without those it were 16
    rounds(throttle, Outcome.REFUSED, now=104.0)
    assert not throttle.probing


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
