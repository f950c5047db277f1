"""The waits of retries, and the attempt timeout. What a call makes of them: tests/wrapper/engine/."""

import pytest

from inworld_embeddings import _retry as retry
from inworld_embeddings import errors

POLICY = retry.RetryPolicy()
ALMOST_ONE = 1.0 - 2.0**-53


def step(error, *, spent=None, left=1.0, **settings):
    given = {"max_retries": 2, "remaining": 100.0, "patient": False} | settings
    budget = retry.Budget(1.0, POLICY.refund, left=left)
    spent = spent or retry.Spent(attempts=1)
    return retry.decide(error, spent, texts=8, policy=POLICY, budget=budget, random=lambda: 0.5, **given)


STALE = errors.APIConnectionError("gone", stale=True)
RESET = errors.APIConnectionError("reset")
THROTTLED = errors.RateLimitError("slow down", status_code=429)


def test_a_stale_connection_is_repeated_once_for_free_and_then_like_a_reset():
    assert step(STALE, max_retries=0, left=0.0) == retry.Retry(retry.Kind.FREE, 0.0)
    spent = retry.Spent(attempts=2, free=1)
    assert step(STALE, spent=spent).kind is retry.Kind.TRANSIENT
    assert step(STALE, spent=spent, max_retries=0) == retry.Stop("max_retries=0")


def test_waits_grow_by_kind_and_follow_retry_after_but_not_past_the_deadline_or_a_minute():
    assert step(RESET, spent=retry.Spent(faults=1)).wait == pytest.approx(0.05)  # half of 0.05 * 2
    assert step(THROTTLED, spent=retry.Spent(throttles=1)).wait == pytest.approx(1.0)  # half of 1 * 2
    for kind in (errors.RateLimitError, errors.InternalServerError):
        assert step(kind("x", retry_after=8.0)).wait == pytest.approx(9.0)  # 8 * (1 + 0.25 / 2)
        assert step(kind("x", retry_after=8.0), remaining=8.5) == retry.Stop("timeout")
        assert step(kind("x", retry_after=61.0)) == retry.Stop()


@pytest.mark.parametrize("error", [THROTTLED, RESET], ids=repr)
def test_I01_while_nothing_else_succeeds_a_fault_is_retried_until_the_deadline_and_costs_nothing(error):
    for remaining in (100.0, 0.2, 0.01):
        again = step(error, spent=retry.Spent(faults=9), remaining=remaining, left=0.0, patient=True)
        assert not again.counts
        assert again.wait <= remaining / 2


@pytest.mark.parametrize(
    ("base", "retries", "longest"), [(0.05, 0, 0.05), (0.05, 8, 12.8), (0.05, 100_000, 20.0), (1.0, 4, 16.0)]
)
def test_the_wait_doubles_up_to_the_cap_and_is_jittered_from_zero(base, retries, longest):
    assert POLICY.wait(base, retries, lambda: 0.0) == 0.0
    assert POLICY.wait(base, retries, lambda: 0.5) == pytest.approx(longest / 2)
    assert POLICY.wait(base, retries, lambda: ALMOST_ONE) == pytest.approx(longest)


def after(count, seconds):
    latency = retry.Latency(retry.Timeouts())
    for _ in range(count):
        latency.success(seconds)
    return latency


def test_the_attempt_timeout_follows_the_service_within_bounds():
    timeouts = {(15, 0.1): 20.0, (16, 0.1): 5.0, (16, 1.0): 12.0, (16, 30.0): 60.0}
    assert {given: after(*given).attempt_timeout() for given in timeouts} == timeouts


def test_a_round_of_timeouts_doubles_the_timeout_once_and_a_success_ends_that():
    latency = after(16, 1.0)
    for _ in range(64):
        latency.timed_out(12.0, 0.0)
    assert latency.attempt_timeout() == 24.0
    latency.timed_out(36.0, 12.5)
    assert latency.attempt_timeout() == 48.0
    latency.success(1.0)
    assert latency.attempt_timeout() == 12.0
