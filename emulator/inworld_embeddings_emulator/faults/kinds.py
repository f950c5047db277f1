"""The faults that can be asked for, as data. What each does is said here and done in `refusals`, `answers`, `layer`.

Each class is one kind of the grammar. Those that garble a good answer are in `bad_answers`.
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import ClassVar, Final

from inworld_embeddings.errors import ConfigurationError

from ..messages import At
from .bad_answers import Dimension, Long, Nan, Null, Ragged, Short, Swap, Zero
from .fault import Fault
from .forms import (
    AMOUNT,
    COUNT,
    FLAG,
    FORM,
    PATTERN,
    PER_SECOND,
    SECONDS,
    SIZE,
    TEXT,
    choice,
    optional,
    setting,
    whole,
)


class Shape(Enum):
    """The distribution of latencies between its median and its 99th percentile."""

    LOGNORMAL = "lognormal"
    PARETO = "pareto"
    """The heavier tail."""


class Hint(Enum):
    """How a refusal says when to come back."""

    RETRY_AFTER = "retry-after"
    RETRY_INFO = "retry-info"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Ok(Fault):
    """No fault."""

    kind: ClassVar[str] = "ok"


@dataclass(frozen=True, slots=True)
class Status(Fault):
    """An error answer with a ``google.rpc.Status`` body.

    Attributes:
        code: HTTP status.
        retry_after: Seconds for a ``Retry-After`` header, rounded up.
        retry_date: The same as a date, so many seconds ahead.
        retry_info: Seconds for a ``RetryInfo`` detail.
        message: The status' message.
    """

    kind: ClassVar[str] = "status"
    code: int = setting(whole(400, 599))
    retry_after: float | None = optional(SECONDS)
    retry_date: float | None = optional(SECONDS)
    retry_info: float | None = optional(SECONDS)
    message: str | None = optional(TEXT)

    @property
    def label(self) -> str:
        return f"status={self.code}"


@dataclass(frozen=True, slots=True)
class Html(Fault):
    """The page of a proxy that cannot reach the service.

    Attributes:
        code: HTTP status.
        retry_after: Seconds for a ``Retry-After`` header, rounded up.
    """

    kind: ClassVar[str] = "html"
    code: int = setting(whole(400, 599), 502)
    retry_after: float | None = optional(SECONDS)

    @property
    def label(self) -> str:
        return f"html={self.code}"


@dataclass(frozen=True, slots=True)
class Latency(Fault):
    """The answer comes late: by a fixed time, a uniform one, or one of a distribution with a tail.

    Attributes:
        seconds: The delay; the least one with ``to``, the median with ``p99``.
        to: The greatest delay of a uniform distribution.
        p99: One in a hundred is later than this. No delay is longer than ten minutes.
        shape: The distribution that goes with ``p99``.
    """

    kind: ClassVar[str] = "latency"
    seconds: float = setting(SECONDS)
    to: float | None = optional(SECONDS)
    p99: float | None = optional(SECONDS)
    shape: Shape = field(default=Shape.LOGNORMAL, metadata={FORM: choice(Shape)})

    def __post_init__(self) -> None:
        Fault.__post_init__(self)  # not super(): slots make the class anew
        if self.to is not None and self.p99 is not None:
            raise ConfigurationError("latency: give to or p99, not both.")
        if self.to is not None and self.to < self.seconds:
            raise ConfigurationError("latency: to must not be less than the latency itself.")
        if self.p99 is not None and not 0 < self.seconds < self.p99:
            raise ConfigurationError("latency: p99 must be more than the median, and that more than 0.")


@dataclass(frozen=True, slots=True)
class Quota(Fault):
    """A limit on requests per second: a token bucket, full at first. Above it, 429.

    Attributes:
        per_second: Requests per second.
        burst: How many the bucket holds; by default as many as a second brings, and at least one.
        hint: How the 429 says when the next request would pass.
    """

    kind: ClassVar[str] = "quota"
    per_second: float = setting(PER_SECOND)
    burst: int | None = optional(COUNT)
    hint: Hint = field(default=Hint.RETRY_AFTER, metadata={FORM: choice(Hint)})


@dataclass(frozen=True, slots=True)
class Drop(Fault):
    """The connection closes instead of an answer.

    Attributes:
        at: Before the first byte, or in the middle of the head.
        reset: Closed with a reset (RST), not with an orderly end (FIN).
    """

    kind: ClassVar[str] = "drop"
    at: At = field(default=At.BEFORE, metadata={FORM: choice(At)})
    reset: bool = setting(FLAG, default=False)

    @property
    def label(self) -> str:
        return "drop" if self.at is At.BEFORE else "drop=head"


@dataclass(frozen=True, slots=True)
class Truncate(Fault):
    """The answer's whole length is declared, and the connection closes before its end. Shorter ones are left alone.

    Attributes:
        after: Bytes (int) or share (float under 1) of the body that arrive.
        reset: As in `Drop`.
    """

    kind: ClassVar[str] = "truncate"
    after: int | float = setting(AMOUNT, 0.5)
    reset: bool = setting(FLAG, default=False)


@dataclass(frozen=True, slots=True)
class MaxMessage(Fault):
    """429 ``grpc: received message larger than max (A vs. B)`` for larger requests and answers.

    Attributes:
        size: The limit in protobuf bytes.
    """

    kind: ClassVar[str] = "max-message"
    size: int = setting(SIZE)


@dataclass(frozen=True, slots=True)
class Poison(Fault):
    """400 for a request with a text in which a regular expression finds something.

    Attributes:
        pattern: The expression, searched as `re.search` does.
        silent: The 400 does not say which text it was. Otherwise a ``BadRequest`` detail names ``inputs[i]``.
    """

    kind: ClassVar[str] = "poison"
    pattern: str = setting(PATTERN)
    silent: bool = setting(FLAG, default=False)


KINDS: Final[dict[str, type[Fault]]] = {
    cls.kind: cls
    for cls in (
        Ok,
        Status,
        Html,
        Latency,
        Quota,
        Drop,
        Truncate,
        Short,
        Long,
        Ragged,
        Null,
        Nan,
        Zero,
        Swap,
        Dimension,
        MaxMessage,
        Poison,
    )
}
"""Every kind by its name."""
