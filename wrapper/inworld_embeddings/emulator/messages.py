"""One HTTP exchange as plain data, and the seam between whoever carries it and whoever answers it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
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


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete HTTP answer.

    Attributes:
        status: HTTP status.
        headers: (name, value) pairs, names in lower case. Framing (length, date) belongs to the carrier.
        body: The body.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: bytes = field(repr=False)


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
