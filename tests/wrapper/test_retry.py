"""The retry policy as a table, its waits, the retry budget, and the attempt timeout."""

import pytest

from inworld_embeddings import errors
from inworld_embeddings._retry import (
    Bisect,
    Budget,
    Kind,
    Latency,
    Retry,
    RetryPolicy,
    Spent,
    Split,
    Stop,
    Timeouts,
    decide,
    kind_of,
)

POLICY = RetryPolicy()
ALMOST_ONE = 1.0 - 2.0**-53


def a_budget(size=POLICY.budget):
    return Budget(size, POLICY.refund, left=size)


def step(error, *, spent=None, texts=8, max_retries=2, remaining=100.0, budget=None, patient=False):
    return decide(
        error,
        spent or Spent(attempts=1),
        texts=texts,
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
TOO_LARGE = errors.RequestTooLargeError("large", status_code=429, sizes=(200, 100))
REFUSED = errors.BadRequestError("no", status_code=400, code=3)
WRONG = errors.APIResponseValidationError("one vector is all NaN", content=True)


KINDS = {
    Kind.FREE: [STALE],
    Kind.TRANSIENT: [
        *(RESET, BUSY, errors.ConflictError("x", status_code=409)),
        *(errors.APITimeoutError("slow"), errors.APIResponseValidationError("short")),
    ],
    Kind.THROTTLE: [THROTTLED],
    Kind.SPLIT: [TOO_LARGE, errors.RequestTooLargeError("x", status_code=413)],
    Kind.BISECT: [REFUSED],
    Kind.NEVER: [
        errors.BadRequestError("x", status_code=400, code=9),
        errors.BadRequestError("x", status_code=422),
        errors.AuthenticationError("x", status_code=401),
        errors.PermissionDeniedError("x", status_code=403),
        errors.NotFoundError("x", status_code=404),
        *(errors.TLSError("x"), errors.RedirectError("x"), errors.ConfigurationError("x")),
    ],
}


@pytest.mark.parametrize("kind", Kind)
def test_each_failure_has_its_kind(kind):
    assert [kind_of(error) for error in KINDS[kind]] == [kind] * len(KINDS[kind])


def test_a_stale_connection_is_repeated_once_for_free_and_then_like_a_reset():
    assert step(STALE, max_retries=0) == Retry(Kind.FREE, 0.0)
    again = step(STALE, spent=Spent(attempts=2, free=1))
    assert isinstance(again, Retry)
    assert again.kind is Kind.TRANSIENT
    assert step(STALE, spent=Spent(attempts=2, free=1), max_retries=0) == Stop("max_retries=0")


def test_retries_end():
    assert isinstance(step(RESET, spent=Spent(attempts=2, faults=1)), Retry)
    assert step(RESET, spent=Spent(attempts=3, faults=1, throttles=1)) == Stop("max_retries=2")


def test_waits_grow_by_kind_and_follow_retry_after_but_not_past_the_deadline_or_a_minute():
    assert step(RESET, spent=Spent(faults=1)).wait == pytest.approx(0.05)  # half of 0.05 * 2
    assert step(THROTTLED, spent=Spent(throttles=1)).wait == pytest.approx(1.0)  # half of 1 * 2
    for kind in (errors.RateLimitError, errors.InternalServerError):
        assert step(kind("x", retry_after=8.0)).wait == pytest.approx(9.0)  # 8 * (1 + 0.25 / 2)
        assert step(kind("x", retry_after=8.0), remaining=8.5) == Stop("timeout")
        assert step(kind("x", retry_after=61.0)) == Stop()


def test_what_is_too_large_is_split_by_the_sizes_named_or_in_halves_and_a_refusal_bisected():
    assert step(TOO_LARGE) == Split(3)  # 8 * 100 / 200 * 0.9
    assert step(errors.RequestTooLargeError("x", status_code=413), texts=7) == Split(4)
    assert step(REFUSED) == Bisect()
    assert step(TOO_LARGE, texts=1) == step(REFUSED, texts=1) == Stop()


def test_wrong_content_is_bisected_once_the_retries_are_used_up():
    assert isinstance(step(WRONG), Retry)
    assert step(WRONG, spent=Spent(faults=2)) == Bisect()
    assert step(WRONG, spent=Spent().part(bisecting=True).part()) == Bisect()
    assert step(WRONG, spent=Spent(faults=2), texts=1) == Stop("max_retries=2")


@pytest.mark.parametrize(
    ("base", "retries", "longest"), [(0.05, 0, 0.05), (0.05, 8, 12.8), (0.05, 100_000, 20.0), (1.0, 4, 16.0)]
)
def test_the_wait_doubles_up_to_the_cap_and_is_jittered_from_zero(base, retries, longest):
    assert POLICY.wait(base, retries, lambda: 0.0) == 0.0
    assert POLICY.wait(base, retries, lambda: 0.5) == pytest.approx(longest / 2)
    assert POLICY.wait(base, retries, lambda: ALMOST_ONE) == pytest.approx(longest)


def test_G08_an_empty_budget_ends_retries_but_no_free_one_and_what_is_not_sent_spends_nothing():
    budget = a_budget(1)
    assert step(errors.RateLimitError("x", retry_after=8.0), budget=budget, remaining=0.1) == Stop("timeout")
    assert isinstance(step(BUSY, budget=budget), Retry)
    stopped = step(BUSY, budget=budget)
    assert isinstance(stopped, Stop)
    assert "budget" in stopped.limit
    assert isinstance(step(STALE, budget=budget), Retry)
    budget.give_back()
    assert isinstance(step(BUSY, budget=budget), Retry)


@pytest.mark.parametrize("error", [BUSY, THROTTLED, RESET], ids=repr)
def test_I01_while_nothing_else_succeeds_a_fault_is_retried_until_the_deadline_and_costs_nothing(error):
    budget, spent = a_budget(1), Spent(attempts=9, faults=2, throttles=2)
    assert budget.spend()
    for remaining in (100.0, 0.2, 0.01):
        again = step(error, spent=spent, budget=budget, remaining=remaining, patient=True)
        assert isinstance(again, Retry)
        assert not again.counts
        assert again.wait <= remaining / 2
    assert step(WRONG, spent=Spent(faults=2), patient=True) == Bisect(), "that is about these texts"


def after(*values: float) -> Latency:
    latency = Latency(Timeouts())
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
