"""Decides what happens after a failed attempt. The one place to read, and to change, the retry policy.

`kind_of` says what kind of failure it was (the letters of the fault catalogue); `decide` turns that into a step.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from .. import errors
from . import backoff

MAX_HINT = 60.0
"""Seconds. A server that asks for a longer wait gets its answer raised at once (catalogue C16)."""


class Kind(Enum):
    """What a failure allows."""

    NEVER = auto()
    """N: the same request fails again."""
    FREE = auto()
    """F: a kept-alive connection was already closed by the server; repeat once, at no cost."""
    TRANSIENT = auto()
    """T: repeat after a short jittered wait."""
    THROTTLE = auto()
    """R: too fast; wait longer, and slow down."""
    SPLIT = auto()
    """S: the request is too large; send it in parts."""
    BISECT = auto()
    """B: one of the texts is refused; find it, keep the rest."""


@dataclass(slots=True)
class Spent:
    """What a batch has used up so far.

    Attributes:
        attempts: Requests sent for its texts.
        free: Repeats at no cost.
        faults: Repeats after faults that may pass.
        throttles: Repeats after throttles.
        searching: Whether the batch is a part of one that held a text to blame.
    """

    attempts: int = 0
    free: int = 0
    faults: int = 0
    throttles: int = 0
    searching: bool = False

    @property
    def retries(self) -> int:
        """Retries that count towards ``max_retries``."""
        return self.faults + self.throttles

    def note(self, kind: Kind) -> None:
        """Counts a retry of a kind."""
        self.free += kind is Kind.FREE
        self.faults += kind is Kind.TRANSIENT
        self.throttles += kind is Kind.THROTTLE

    def part(self, *, searching: bool = False) -> "Spent":
        """What a part of the batch starts with."""
        return Spent(attempts=self.attempts, searching=self.searching or searching)


@dataclass(frozen=True, slots=True)
class Again:
    """Repeat the same request after ``wait`` seconds."""

    kind: Kind
    wait: float


@dataclass(frozen=True, slots=True)
class Divide:
    """Send the batch in pieces of at most ``most`` texts: none of them alone is too large yet."""

    most: int


@dataclass(frozen=True, slots=True)
class Isolate:
    """Find the texts to blame."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Give up: the error stands."""


Step = Again | Divide | Isolate | Stop

_INPUT_CODES = (None, 3, 11)
"""gRPC INVALID_ARGUMENT and OUT_OF_RANGE: a 400 that may be about one text."""


def kind_of(error: errors.InworldEmbeddingsError) -> Kind:
    """The retry class of a failure."""
    match error:
        case errors.APIConnectionError(stale=True):
            return Kind.FREE
        case errors.RequestTooLargeError():
            return Kind.SPLIT
        case errors.RateLimitError():
            return Kind.THROTTLE
        case errors.BadRequestError(status_code=400) if error.code in _INPUT_CODES:
            return Kind.BISECT
        case errors.APIError(retryable=True):
            return Kind.TRANSIENT
    return Kind.NEVER


def is_about_texts(error: errors.InworldEmbeddingsError) -> bool:
    """Whether one text of the request may be the cause, and the others be fine without it."""
    return kind_of(error) is Kind.BISECT or _is_content(error)


def stops_the_call(error: errors.InworldEmbeddingsError) -> bool:
    """Whether every other request of the call would fail the same way, so that none is sent any more."""
    if isinstance(error, errors.APIResponseValidationError):
        return not error.retryable  # another model's vectors, or a body that means harm
    return _asks_for_too_much(error) or isinstance(
        error,
        errors.AuthenticationError
        | errors.PermissionDeniedError
        | errors.NotFoundError
        | errors.TLSError
        | errors.RedirectError
        | errors.ConfigurationError
        | errors.ClientClosedError
        | errors.RetryBudgetExhaustedError,
    )


def decide(
    error: errors.InworldEmbeddingsError,
    spent: Spent,
    *,
    texts: int,
    max_retries: int,
    remaining: float,
    random: Callable[[], float],
) -> Step:
    """The step after a failed attempt.

    Args:
        error: The failure.
        spent: What the batch has used up, this attempt included.
        texts: Number of texts in the request.
        max_retries: Retries it may have.
        remaining: Seconds until the deadline.
        random: Uniform numbers in [0, 1).
    """
    kind = kind_of(error)
    if kind is Kind.FREE:
        if not spent.free:
            return Again(Kind.FREE, 0.0)
        kind = Kind.TRANSIENT
    if kind is Kind.SPLIT:
        return Divide(_fitting(error, texts)) if texts > 1 else Stop()
    if kind is Kind.BISECT:
        return Isolate() if texts > 1 else Stop()
    if kind is Kind.NEVER:
        return Stop()
    suspicious = texts > 1 and max_retries > 0 and _is_content(error)
    if suspicious and spent.searching:
        return Isolate()  # the whole batch was tried often enough; its single texts are again
    if spent.retries >= max_retries:
        return Isolate() if suspicious else Stop()
    wait = _wait(kind, spent, _hint(error), random)
    return Stop() if wait >= remaining or _asks_for_too_much(error) else Again(kind, wait)


def _hint(error: errors.InworldEmbeddingsError) -> float | None:
    return error.retry_after if isinstance(error, errors.APIStatusError) else None


def _asks_for_too_much(error: errors.InworldEmbeddingsError) -> bool:
    return isinstance(error, errors.APIError) and error.retryable and (_hint(error) or 0.0) > MAX_HINT


def _wait(kind: Kind, spent: Spent, hint: float | None, random: Callable[[], float]) -> float:
    if kind is Kind.THROTTLE:
        return backoff.throttle_delay(spent.throttles, random, hint)
    return backoff.transient_delay(spent.faults, random, hint)


def _is_content(error: errors.InworldEmbeddingsError) -> bool:
    """Whether the answer was about these texts but wrong: one of them may be what the model cannot take."""
    return isinstance(error, errors.APIResponseValidationError) and error.content


def _fitting(error: errors.InworldEmbeddingsError, texts: int) -> int:
    """Texts in a request that should fit: by the sizes the server named, with a tenth to spare, else half."""
    sizes = error.sizes if isinstance(error, errors.RequestTooLargeError) else None
    if sizes is None:
        return (texts + 1) // 2
    had, allowed = sizes
    return min(texts - 1, max(1, int(texts * allowed / had * 0.9)))
