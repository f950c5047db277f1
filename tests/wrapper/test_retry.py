"""The retry policy as a table, its waits, the retry budget, and the attempt timeout."""

import pytest

from inworld_embeddings import _retry as retry
from inworld_embeddings import errors

POLICY = retry.RetryPolicy()
ALMOST_ONE = 1.0 - 2.0**-53


def a_budget(size=POLICY.budget):
    return retry.Budget(size, POLICY.refund, left=size)


def step(error, *, spent=None, max_retries=2, remaining=100.0, budget=None, patient=False):
    return retry.decide(
        error,
        spent or retry.Spent(attempts=1),
        texts=8,
        max_retries=max_retries,
        remaining=remaining,
        policy=POLICY,
        budget=budget or a_budget(),
        random=lambda: 0.5,
        patient=patient,
    )


STALE = errors.APIConnectionError("gone", stale=True)
RESET = errors.APIConnectionError("reset")
BUSY = errors.InternalServerError("busy", status_code=503)
THROTTLED = errors.RateLimitError("slow down", status_code=429)
WRONG = errors.APIResponseValidationError("one vector is all NaN", content=True)


def test_a_stale_connection_is_repeated_once_for_free_and_then_like_a_reset():
    assert step(STALE, max_retries=0) == retry.Retry(retry.Kind.FREE, 0.0)
    again = step(STALE, spent=retry.Spent(attempts=2, free=1))
    assert isinstance(again, retry.Retry)
    assert again.kind is retry.Kind.TRANSIENT
    assert step(STALE, spent=retry.Spent(attempts=2, free=1), max_retries=0) == retry.Stop("max_retries=0")


def test_waits_grow_by_kind_and_follow_retry_after_but_not_past_the_deadline_or_a_minute():
    assert step(RESET, spent=retry.Spent(faults=1)).wait == pytest.approx(0.05)  # half of 0.05 * 2
    assert step(THROTTLED, spent=retry.Spent(throttles=1)).wait == pytest.approx(1.0)  # half of 1 * 2
    for kind in (errors.RateLimitError, errors.InternalServerError):
        assert step(kind("x", retry_after=8.0)).wait == pytest.approx(9.0)  # 8 * (1 + 0.25 / 2)
        assert step(kind("x", retry_after=8.0), remaining=8.5) == retry.Stop("timeout")
        assert step(kind("x", retry_after=61.0)) == retry.Stop()


@pytest.mark.parametrize(
    ("base", "retries", "longest"), [(0.05, 0, 0.05), (0.05, 8, 12.8), (0.05, 100_000, 20.0), (1.0, 4, 16.0)]
)
def test_the_wait_doubles_up_to_the_cap_and_is_jittered_from_zero(base, retries, longest):
    assert POLICY.wait(base, retries, lambda: 0.0) == 0.0
    assert POLICY.wait(base, retries, lambda: 0.5) == pytest.approx(longest / 2)
    assert POLICY.wait(base, retries, lambda: ALMOST_ONE) == pytest.approx(longest)


def test_G08_an_empty_budget_ends_retries_but_no_free_one_and_what_is_not_sent_spends_nothing():
    budget = a_budget(1)
    assert step(errors.RateLimitError("x", retry_after=8.0), budget=budget, remaining=0.1) == retry.Stop(
        "timeout"
    )
    assert isinstance(step(BUSY, budget=budget), retry.Retry)
    stopped = step(BUSY, budget=budget)
    assert isinstance(stopped, retry.Stop)
    assert "budget" in stopped.limit
    assert isinstance(step(STALE, budget=budget), retry.Retry)
    budget.give_back()
    assert isinstance(step(BUSY, budget=budget), retry.Retry)


@pytest.mark.parametrize("error", [BUSY, THROTTLED, RESET], ids=repr)
def test_I01_while_nothing_else_succeeds_a_fault_is_retried_until_the_deadline_and_costs_nothing(error):
    budget, spent = a_budget(1), retry.Spent(attempts=9, faults=2, throttles=2)
    assert budget.spend()
    for remaining in (100.0, 0.2, 0.01):
        again = step(error, spent=spent, budget=budget, remaining=remaining, patient=True)
        assert isinstance(again, retry.Retry)
        assert not again.counts
        assert again.wait <= remaining / 2
    assert step(WRONG, spent=retry.Spent(faults=2), patient=True) == retry.Bisect(), (
        "that is about these texts"
    )


def after(*values: float) -> retry.Latency:
    latency = retry.Latency(retry.Timeouts())
    for value in values:
        latency.success(value)
    return latency


@pytest.mark.parametrize(
    ("samples", "timeout"),
    [([], 20.0), ([0.1] * 15, 20.0), ([0.1] * 16, 5.0), ([1.0] * 16, 12.0), ([30.0] * 16, 60.0)],
)
def test_the_attempt_timeout_follows_the_service_within_bounds(samples, timeout):
    assert after(*samples).attempt_timeout() == timeout


def test_a_round_of_timeouts_doubles_the_timeout_once_and_a_success_ends_that():
    latency = after(*[1.0] * 16)
    for _ in range(64):
        latency.timed_out(12.0, 0.0)
    assert latency.attempt_timeout() == 24.0
    latency.timed_out(36.0, 12.5)
    assert latency.attempt_timeout() == 48.0
    latency.success(1.0)
    assert latency.attempt_timeout() == 12.0
    for i in range(100, 2000):
        latency.timed_out(i + 1.0, i + 0.5)
    assert latency.attempt_timeout() == 60.0
