"""The retry policy, as a table."""

import pytest

from inworld_embeddings import errors
from inworld_embeddings._core.retry import Again, Divide, Isolate, Kind, Spent, Stop, decide, kind_of


def step(error, *, spent=None, texts=8, max_retries=2, remaining=100.0):
    return decide(
        error,
        spent or Spent(attempts=1),
        texts=texts,
        max_retries=max_retries,
        remaining=remaining,
        random=lambda: 0.5,
    )


STALE = errors.APIConnectionError("gone", stale=True)
RESET = errors.APIConnectionError("reset")
BUSY = errors.InternalServerError("busy", status_code=503)
THROTTLED = errors.RateLimitError("slow down", status_code=429)
TOO_LARGE = errors.RequestTooLargeError("large", status_code=429, sizes=(200, 100))
REFUSED = errors.BadRequestError("no", status_code=400, code=3)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (STALE, Kind.FREE),
        (RESET, Kind.TRANSIENT),
        (BUSY, Kind.TRANSIENT),
        (errors.ConflictError("x", status_code=409), Kind.TRANSIENT),
        (errors.APITimeoutError("slow"), Kind.TRANSIENT),
        (errors.APIResponseValidationError("short"), Kind.TRANSIENT),
        (THROTTLED, Kind.THROTTLE),
        (TOO_LARGE, Kind.SPLIT),
        (errors.RequestTooLargeError("x", status_code=413), Kind.SPLIT),
        (REFUSED, Kind.BISECT),
        (errors.BadRequestError("x", status_code=400, code=9), Kind.NEVER),
        (errors.BadRequestError("x", status_code=422), Kind.NEVER),
        (errors.AuthenticationError("x", status_code=401), Kind.NEVER),
        (errors.PermissionDeniedError("x", status_code=403), Kind.NEVER),
        (errors.NotFoundError("x", status_code=404), Kind.NEVER),
        (errors.TLSError("x"), Kind.NEVER),
        (errors.RedirectError("x"), Kind.NEVER),
        (errors.ConfigurationError("x"), Kind.NEVER),
    ],
)
def test_each_failure_has_its_kind(error, kind):
    assert kind_of(error) is kind


def test_a_stale_connection_is_repeated_once_for_free_and_then_like_a_reset():
    assert step(STALE, max_retries=0) == Again(Kind.FREE, 0.0)
    again = step(STALE, spent=Spent(attempts=2, free=1))
    assert isinstance(again, Again)
    assert again.kind is Kind.TRANSIENT
    assert step(STALE, spent=Spent(attempts=2, free=1), max_retries=0) == Stop()


def test_retries_end():
    assert isinstance(step(RESET, spent=Spent(attempts=2, faults=1)), Again)
    assert step(RESET, spent=Spent(attempts=3, faults=1, throttles=1)) == Stop()


def test_waits_grow_by_kind_and_follow_hints():
    assert step(RESET, spent=Spent(faults=1)).wait == pytest.approx(0.05)  # half of 0.05 * 2
    assert step(THROTTLED, spent=Spent(throttles=1)).wait == pytest.approx(1.0)  # half of 1 * 2
    hinted = errors.RateLimitError("x", status_code=429, retry_after=8.0)
    assert step(hinted).wait == pytest.approx(9.0)  # 8 * (1 + 0.25 / 2)


def test_no_wait_goes_past_the_deadline_and_no_hint_past_a_minute():
    assert step(errors.RateLimitError("x", status_code=429, retry_after=8.0), remaining=8.5) == Stop()
    assert step(errors.RateLimitError("x", status_code=429, retry_after=61.0)) == Stop()


def test_what_is_too_large_is_divided_by_the_sizes_named_or_in_halves():
    assert step(TOO_LARGE) == Divide(3)  # 8 * 100 / 200 * 0.9
    assert step(errors.RequestTooLargeError("x", status_code=413), texts=7) == Divide(4)
    assert step(TOO_LARGE, texts=1) == Stop()


def test_a_refusal_of_several_texts_is_isolated_and_of_one_final():
    assert step(REFUSED) == Isolate()
    assert step(REFUSED, texts=1) == Stop()
