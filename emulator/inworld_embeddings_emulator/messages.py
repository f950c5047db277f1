"""One HTTP exchange as plain data, between whoever carries a request and whoever handles it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import Final, Protocol


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

    @property
    def route(self) -> str:
        """The path without its query."""
        return self.path.partition("?")[0]


class At(Enum):
    """Where a reply is given up: before its first byte, or in the middle of its head."""

    BEFORE = "before"
    HEAD = "head"


@dataclass(frozen=True, slots=True)
class Carriage:
    """How to carry a reply, where that is to go wrong. By default nothing does.

    Attributes:
        delay: Seconds to wait before the first byte.
        drop: Where to close the connection instead of replying in full.
        cut: Close it after so many bytes of the body, whose whole length was declared.
        reset: Close it with a reset (RST), not with an orderly end (FIN).
    """

    delay: float = 0.0
    drop: At | None = None
    cut: int | None = None
    reset: bool = False


PLAIN: Final = Carriage()


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete HTTP response.

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
    """Handles requests: the emulator, or a layer around it that delays, counts or breaks."""

    @property
    def uses_test_key(self) -> bool:
        """Whether it takes the published test key, and so must not be reachable from other machines."""
        ...

    def handle(self, request: Request) -> Reply:
        """The reply. Called from several threads at once."""
        ...


def joined_headers(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Headers by lower-case name, values of repeated names joined as RFC 9110 section 5.2 has it."""
    headers: dict[str, str] = {}
    for name, value in pairs:
        key, text = name.lower(), value.strip()
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


# Errors in the words of grpc-gateway: ``{"code", "message", "details"}`` with the HTTP status of the code.

JSON_HEADERS: Final = (("content-type", "application/json"),)


class Code(IntEnum):
    """The gRPC codes the emulator uses."""

    INVALID_ARGUMENT = 3
    NOT_FOUND = 5
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAUTHENTICATED = 16


_HTTP_STATUS: Final = {3: 400, 5: 404, 7: 403, 8: 429, 12: 501, 13: 500, 16: 401}
"""By code: grpc-gateway v2, runtime/errors.go [source]."""


class RpcError(Exception):
    """Ends a request with an error."""

    def __init__(self, code: Code, message: str, details: tuple[Mapping[str, object], ...] = ()) -> None:
        super().__init__(message)
        self.code, self.message, self.details = code, message, details


def error_reply(error: RpcError) -> Reply:
    """The reply that tells of an error."""
    return status_reply(_HTTP_STATUS[error.code], error.code.value, error.message, error.details)


def status_reply(http: int, code: int, message: str, details: Sequence[Mapping[str, object]] = ()) -> Reply:
    """A reply with a ``google.rpc.Status`` as its body."""
    status = {"code": code, "message": message, "details": details}
    return Reply(http, JSON_HEADERS, json.dumps(status, separators=(",", ":")).encode())


def plain_reply(status: int, text: str) -> Reply:
    """What a proxy in front of the API would reply, before the API saw the request."""
    return Reply(status, (("content-type", "text/plain"),), text.encode())
