"""Decides what happens after a failed attempt. The one place to read, and to change, the retry policy.

`kind_of` says what kind of failure it was (the letters of the fault catalogue); `decide` turns that into a step.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from inworld_embeddings import errors
from inworld_embeddings._core import backoff

MAX_HINT = 60.0
"""Seconds. A server that asks for a longer wait gets its answer raised at once (catalogue C16)."""


class Kind(Enum):
    """What a failure allows."""

    NEVER = auto()
    """The same request fails again."""
    FREE = auto()
    """A kept-alive connection was already closed by the server: repeat once, at no cost."""
    TRANSIENT = auto()
    """Repeat after a short jittered wait."""
    THROTTLE = auto()
    """Too fast: wait longer, and slow down."""
    SPLIT = auto()
    """The request is too large: send it in parts."""
    BISECT = auto()
    """One of the texts is refused: find it, keep the rest."""


@dataclass(frozen=True, slots=True)
class Again:
    """Repeat the same request after ``wait`` seconds."""

    wait: float


@dataclass(frozen=True, slots=True)
class Divide:
    """Send the batch in two halves."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Give up: the error stands."""


Step = Again | Divide | Stop

_KINDS: tuple[tuple[type[errors.InworldEmbeddingsError], Kind], ...] = (
    (errors.TLSError, Kind.NEVER),
    (errors.RedirectError, Kind.NEVER),
    (errors.RequestTooLargeError, Kind.SPLIT),
    (errors.RateLimitError, Kind.THROTTLE),
    (errors.BadRequestError, Kind.BISECT),
)


def kind_of(error: errors.InworldEmbeddingsError) -> Kind:
    """The retry class of a failure."""
    if isinstance(error, errors.APIConnectionError) and error.stale:
        return Kind.FREE
    for cls, kind in _KINDS:
        if isinstance(error, cls):
            return kind
    return Kind.TRANSIENT if isinstance(error, errors.APIError) and error.retryable else Kind.NEVER


def stops_the_call(error: errors.InworldEmbeddingsError) -> bool:
    """Whether every other request of the call would fail the same way, so that none is sent any more."""
    return isinstance(
        error,
        errors.AuthenticationError
        | errors.PermissionDeniedError
        | errors.NotFoundError
        | errors.TLSError
        | errors.RedirectError
        | errors.ConfigurationError
        | errors.ClientClosedError,
    )


def decide(
    error: errors.InworldEmbeddingsError,
    *,
    texts: int,
    retries: int,
    max_retries: int,
    remaining: float,
    random: Callable[[], float],
) -> Step:
    """The step after a failed attempt.

    Args:
        error: The failure.
        texts: Number of texts in the request.
        retries: Retries of this batch so far.
        max_retries: Retries it may have.
        remaining: Seconds until the deadline.
        random: Uniform numbers in [0, 1).
    """
    kind = kind_of(error)
    if kind in (Kind.SPLIT, Kind.BISECT):
        return Divide() if texts > 1 else Stop()
    if kind is Kind.NEVER or retries >= max_retries:
        return Stop()
    hint = _hint(error)
    wait = _wait(kind, retries, hint, random)
    return Stop() if wait >= remaining or (hint or 0) > MAX_HINT else Again(wait)


def _hint(error: errors.InworldEmbeddingsError) -> float | None:
    return error.retry_after if isinstance(error, errors.APIStatusError) else None


def _wait(kind: Kind, retries: int, hint: float | None, random: Callable[[], float]) -> float:
    if kind is Kind.THROTTLE:
        return backoff.throttle_delay(retries, random, hint)
    return backoff.transient_delay(retries, random, hint)
