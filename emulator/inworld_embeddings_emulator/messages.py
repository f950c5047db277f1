"""One HTTP exchange as plain data, and the seam between whoever carries it and whoever answers it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Request:
    """A complete HTTP request. What may hold a text or a key is not in its repr.

    Attributes:
        method: As sent, such as ``POST``.
        path: Request target with its query, such as ``/ml/v1alpha/embedding:embed``.
        headers: By lower-case name; repeated ones joined by a comma, see `joined_headers`.
        body: The body, without transfer coding.
    """

    method: str
    path: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class At(Enum):
    """Where an answer is given up."""

    BEFORE = "before"
    """Before its first byte."""

    HEAD = "head"
    """In the middle of its head."""


@dataclass(frozen=True, slots=True)
class Carriage:
    """How to carry an answer, where that is to go wrong. By default nothing does.

    Attributes:
        delay: Seconds to wait before the first byte.
        drop: Where to close the connection instead of answering in full.
        cut: Close it after so many bytes of the body, whose whole length was declared.
        reset: Close it with a reset (RST), not with an orderly end (FIN).
    """

    delay: float = 0.0
    drop: At | None = None
    cut: int | None = None
    reset: bool = False


PLAIN = Carriage()
"""As it should be."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete HTTP answer.

    Attributes:
        status: HTTP status.
        headers: (name, value) pairs, names in lower case. Framing (length, date) belongs to the carrier.
        body: The body.
        carriage: What is to go wrong on the way.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = field(repr=False)
    carriage: Carriage = PLAIN


class Handler(Protocol):
    """Answers requests: the emulator, or a layer around it that delays, counts or breaks."""

    @property
    def uses_test_key(self) -> bool:
        """Whether it answers to the published test key, which must not be reachable from other machines."""
        ...

    def handle(self, request: Request) -> Reply:
        """The answer. Called from several threads at once."""
        ...


def joined_headers(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Headers by lower-case name, values of repeated names joined as RFC 9110 section 5.2 has it."""
    headers: dict[str, str] = {}
    for name, value in pairs:
        key, text = name.lower(), value.strip()
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers
