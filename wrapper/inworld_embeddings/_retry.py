"""Which errors are retried, when, and how long an attempt may take.

`kind_of` names the kind of a failure (the retry letters of the fault catalogue) and `decide` turns it into a step. All
numbers are in `RetryPolicy` and `Timeouts`. Nothing here reads a clock or makes randomness: both are arguments.
"""

from collections import deque
from collections.abc import Callable
from enum import Enum, auto
from math import inf
from typing import Final, NamedTuple, TypeAlias

from . import errors

Random: TypeAlias = Callable[[], float]
"""Returns floats in [0, 1)."""


def full_jitter(retries: int, random: Random, *, base: float, cap: float) -> float:
    """Draws a wait from [0, min(cap, base * 2**retries)) seconds.

    The jitter comes after the cap: drawn before it, every long wait would be exactly ``cap`` and all clients would
    return together.
    """
    # 2**64 is far over any cap; the bound keeps a very old job from overflowing a float.
    return random() * min(cap, base * 2.0 ** min(retries, 64))


class RetryPolicy(NamedTuple):
    """How long to wait before a retry, and how many retries an outage may cost.

    Attributes:
        transient_base: Longest first wait after a fault that may pass (reset, timeout, 5xx), seconds. It doubles.
        throttle_base: Longest first wait after a throttle (429), seconds. It doubles.
        longest_wait: Where the doubling ends, seconds.
        spread: A ``retry_after`` is waited out, and at random up to this share of it longer.
        longest_retry_after: Seconds. When the server asks for more, the error is raised at once (catalogue C16).
        budget: Retries in a full retry budget.
        refund: Retries that a success puts back. 0.5 carries steady random faults of 30 % with three attempts a call
            (0.39 retries a call against 0.97 successes), so an unlucky but living service is never given up on.
    """

    transient_base: float = 0.05
    throttle_base: float = 1.0
    longest_wait: float = 20.0
    spread: float = 0.25
    longest_retry_after: float = 60.0
    budget: float = 50.0
    refund: float = 0.5

    def wait(
        self, base: float, retries: int, random: Random, retry_after: float | None = None, most: float = inf
    ) -> float:
        """Seconds to wait: what the server asked for and up to ``spread`` more, or else full jitter.

        Args:
            base: `transient_base` or `throttle_base`.
            retries: Retries already made for the same cause, 0 for the first wait.
            random: Source of randomness.
            retry_after: Seconds the server asked for, if it did.
            most: The longest wait that makes sense, seconds, if the server asked for none.
        """
        if retry_after is not None:
            return retry_after * (1.0 + self.spread * random())
        return full_jitter(retries, random, base=base, cap=min(self.longest_wait, most))


HEDGE_CAPACITY: Final = 5.0
"""Hedges that may be saved up: a service that has become slow must not meet a burst of them."""
HEDGE_SHARE: Final = 0.05


class Budget:
    """A bucket of extra requests: an ordinary one puts a share of an extra one in, an extra one takes a whole one out.

    Of retries it is full at first, and successes fill it: in an outage a process makes at most ``policy.budget``
    retries, and then fails at once instead of adding load. Of hedges it is empty at first, and every request fills it.

    Args:
        capacity: Most extra requests in it.
        share: What an ordinary request puts in.
        left: Extra requests in it at first.
    """

    def __init__(self, capacity: float, share: float, *, left: float = 0.0) -> None:
        self._capacity, self._share, self._left = capacity, share, left

    @property
    def available(self) -> bool:
        """Whether an extra request is left."""
        return self._left >= 1.0 - 1e-9  # twenty times 0.05 is a hair under 1

    def earn(self) -> None:
        """Puts the share of one ordinary request in."""
        self._left = min(self._capacity, self._left + self._share)

    def spend(self) -> bool:
        """Takes one extra request out; False, taking nothing, when less than one is left."""
        if available := self.available:
            self._left -= 1.0
        return available

    def give_back(self) -> None:
        """Puts an extra request back that was not sent after all."""
        self._left = min(self._capacity, self._left + 1.0)


class Timeouts(NamedTuple):
    """How long the parts of an attempt may take, in seconds.

    Attributes:
        connect: To connect, TLS included.
        first_attempt: An attempt, until 16 latencies are known.
        shortest_attempt: An attempt, at least.
        longest_attempt: An attempt, at most.
        attempt_factor: An attempt may take this many times the 95th percentile of the latencies (no unit).
        keepalive: An idle connection is kept this long.
        step: A single read or write.
    """

    connect: float = 5.0
    first_attempt: float = 20.0
    shortest_attempt: float = 5.0
    longest_attempt: float = 60.0
    attempt_factor: float = 12.0
    keepalive: float = 15.0
    step: float = 60.0


SAMPLES: Final = 64
ENOUGH_SAMPLES: Final = 16


class Latency:
    """The last 64 latencies of successful requests: the base of the attempt timeout and of "cannot finish in time".

    Attributes:
        p50: Median, seconds; 0.0 while nothing is known.
        p95: 95th percentile, seconds; 0.0 while nothing is known.
        last: The newest, seconds; 0.0 while nothing is known.
        known: Whether there are enough (16) to judge by.
    """

    def __init__(self, timeouts: Timeouts) -> None:
        self.p50 = self.p95 = self.last = 0.0
        self.known = False
        self._timeouts = timeouts
        self._samples: deque[float] = deque(maxlen=SAMPLES)
        self._stretch = 1.0
        self._stretched_at = -inf

    def success(self, latency: float) -> None:
        """Records how long a successful request took, in seconds."""
        self._samples.append(latency)
        self.last = latency
        self._stretch = 1.0
        self._measure()

    def forget_oldest(self) -> None:
        """Drops a sample after it kept a request from being sent: an estimate nobody tests must fade."""
        if self._samples:
            self._samples.popleft()
        self._measure()

    def _measure(self) -> None:
        ordered = sorted(self._samples) or [0.0]
        count = len(ordered)
        self.known = count >= ENOUGH_SAMPLES
        self.p50 = ordered[(count - 1) // 2]
        self.p95 = ordered[(19 * count - 1) // 20]

    def timed_out(self, now: float, started_at: float) -> None:
        """Records that the attempt started at ``started_at`` ran into its own timeout at ``now``.

        Each round of timeouts without a success doubles the attempt timeout, so that a service that suddenly became
        slower still gets to respond instead of being asked again and again.
        """
        if started_at > self._stretched_at:  # once per round trip: 64 timeouts at once are one event
            self._stretch *= 2.0
            self._stretched_at = now

    def attempt_timeout(self) -> float:
        """Seconds an attempt that starts now may take."""
        timeouts = self._timeouts
        usual = timeouts.first_attempt
        if self.known:
            usual = max(timeouts.shortest_attempt, timeouts.attempt_factor * self.p95)
        return min(timeouts.longest_attempt, usual * self._stretch)


class Kind(Enum):
    """What a failure allows."""

    NEVER = auto()
    """N: the same request fails again."""
    FREE = auto()
    """F: the server had already closed a kept-alive connection; repeat once, at no cost."""
    TRANSIENT = auto()
    """T: repeat after a short jittered wait."""
    THROTTLE = auto()
    """R: too fast; wait longer, and slow down."""
    SPLIT = auto()
    """S: the request is too large; send it in parts."""
    BISECT = auto()
    """B: one of the texts is refused; find it, keep the rest."""


class Spent:
    """What a batch has used up so far.

    Attributes:
        first_at: When the first of them was sent.
        attempts: Requests sent for its texts.
        free: Retries at no cost.
        faults: Retries after faults that may pass.
        throttles: Retries after throttles.
        bisecting: Whether the batch is a part of one in which a refused text is looked for.
    """

    __slots__ = ("attempts", "bisecting", "faults", "first_at", "free", "throttles")

    def __init__(
        self,
        *,
        first_at: float = inf,
        attempts: int = 0,
        free: int = 0,
        faults: int = 0,
        throttles: int = 0,
        bisecting: bool = False,
    ) -> None:
        self.first_at, self.attempts, self.bisecting = first_at, attempts, bisecting
        self.free, self.faults, self.throttles = free, faults, throttles

    def note(self, kind: Kind) -> None:
        """Counts a retry of a kind."""
        self.free += kind is Kind.FREE
        self.faults += kind is Kind.TRANSIENT
        self.throttles += kind is Kind.THROTTLE

    def part(self, *, bisecting: bool = False) -> "Spent":
        """What a part of the batch starts with."""
        return Spent(first_at=self.first_at, attempts=self.attempts, bisecting=self.bisecting or bisecting)


class Retry(NamedTuple):
    """Send the same request again after ``wait`` seconds.

    Attributes:
        kind: Of the failure.
        wait: Seconds.
        counts: Whether it is one of ``max_retries`` and has been taken out of the budget.
    """

    kind: Kind
    wait: float
    counts: bool = False


class Split(NamedTuple):
    """Send the batch in parts of at most ``most`` texts: none of them alone is too large yet."""

    most: int


class Bisect(NamedTuple):
    """Find the refused texts."""


class Stop(NamedTuple):
    """Give up: the error stands.

    Attributes:
        limit: Which limit of the caller's ended it, in words, if one did.
    """

    limit: str = ""


Step = Retry | Split | Bisect | Stop

_INPUT_CODES: Final = (None, 3, 11)
"""gRPC INVALID_ARGUMENT and OUT_OF_RANGE: a 400 that may be about one text."""


def kind_of(error: errors.InworldEmbeddingsError) -> Kind:
    """The kind of a failure."""
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
    return kind_of(error) is Kind.BISECT or _has_wrong_content(error)


def stops_the_call(error: errors.InworldEmbeddingsError, policy: RetryPolicy) -> bool:
    """Whether every other request of the call would fail the same way, so that none is sent any more."""
    if isinstance(error, errors.APIResponseValidationError):
        return not error.retryable  # another model's vectors, or a body that means harm
    return _asks_for_too_much(error, policy) or isinstance(
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
    spent: Spent,
    *,
    texts: int,
    max_retries: int,
    remaining: float,
    policy: RetryPolicy,
    budget: Budget,
    random: Random,
    patient: bool = False,
) -> Step:
    """The step after a failed attempt. A `Retry` that counts has been taken out of the budget.

    Args:
        error: The failure.
        spent: What the batch has used up, this attempt included.
        texts: Number of texts in the request.
        max_retries: Retries it may have.
        remaining: Seconds until the deadline.
        policy: How long to wait.
        budget: The retry budget; when it is empty, there is no further retry (catalogue G08).
        random: Source of randomness.
        patient: Whether nothing else succeeds either: then a fault that may pass is retried until the deadline,
            and neither ``max_retries`` nor the budget is used up.
    """
    kind = kind_of(error)
    if kind is Kind.FREE:
        if not spent.free:
            return Retry(kind, 0.0)
        kind = Kind.TRANSIENT
    if kind is Kind.SPLIT:
        return Split(_fitting(error, texts)) if texts > 1 else Stop()
    if kind is Kind.BISECT:
        return Bisect() if texts > 1 else Stop()
    if kind is Kind.NEVER:
        return Stop()
    suspicious = texts > 1 and max_retries > 0 and _has_wrong_content(error)
    if suspicious and spent.bisecting:
        return Bisect()  # the whole batch was tried often enough; its single texts are again
    unsent = isinstance(error, errors.APIConnectionError) and error.unsent
    patient = unsent or (patient and not _has_wrong_content(error))
    if not patient and spent.faults + spent.throttles >= max_retries:
        return Bisect() if suspicious else Stop(f"max_retries={max_retries}")
    return _repeat(error, kind, spent, remaining, policy, random, None if patient else budget)


def _repeat(
    error: errors.InworldEmbeddingsError,
    kind: Kind,
    spent: Spent,
    remaining: float,
    policy: RetryPolicy,
    random: Random,
    budget: Budget | None,
) -> Retry | Stop:
    """Another attempt, if there is time for it, and a retry left in the budget where one is asked."""
    if kind is Kind.THROTTLE:
        base, retries = policy.throttle_base, spent.throttles
    else:
        base, retries = policy.transient_base, spent.faults
    wait = policy.wait(base, retries, random, _retry_after(error), most=remaining / 2)
    if wait >= remaining:
        return Stop("timeout")
    if _asks_for_too_much(error, policy):
        return Stop()
    if budget is not None and not budget.spend():
        return Stop("the client's retry budget, which many failures have emptied")
    return Retry(kind, wait, counts=budget is not None)


def _retry_after(error: errors.InworldEmbeddingsError) -> float | None:
    return error.retry_after if isinstance(error, errors.APIStatusError) else None


def _asks_for_too_much(error: errors.InworldEmbeddingsError, policy: RetryPolicy) -> bool:
    retryable = isinstance(error, errors.APIError) and error.retryable
    return retryable and (_retry_after(error) or 0.0) > policy.longest_retry_after


def _has_wrong_content(error: errors.InworldEmbeddingsError) -> bool:
    """Whether the response was about these texts but wrong: one of them may be what the model cannot take."""
    return isinstance(error, errors.APIResponseValidationError) and error.content


def _fitting(error: errors.InworldEmbeddingsError, texts: int) -> int:
    """Texts in a request that should fit: by the sizes the server named, with a tenth to spare, else half."""
    sizes = error.sizes if isinstance(error, errors.RequestTooLargeError) else None
    if sizes is None:
        return (texts + 1) // 2
    had, allowed = sizes
    return min(texts - 1, max(1, int(texts * allowed / had * 0.9)))
