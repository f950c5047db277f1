"""One HTTP exchange as plain data, between whoever carries a request and whoever handles it."""

import json
import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol


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


@dataclass(frozen=True, slots=True)
class Carriage:
    """How to carry a reply, where that is to go wrong. By default nothing does.

    Attributes:
        delay: Seconds to wait before the first byte.
        end: Where the connection is closed too early: at the start of the reply, in its head, or after so many bytes of
            the body, whose whole length was declared.
        reset: Close it with a reset (RST), not with an orderly end (FIN).
    """

    delay: float = 0.0
    end: Literal["start", "head"] | int | None = None
    reset: bool = False


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
    carriage: Carriage = Carriage()


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
        key, text = name.lower(), value.strip(" \t")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


# Errors in the words of grpc-gateway: ``{"code", "message", "details"}``.

JSON_HEADERS: Final = (("content-type", "application/json"),)

# grpc-gateway v2, runtime/errors.go, read backwards [source]; another status is 2, UNKNOWN
_CODES: Final = {400: 3, 401: 16, 403: 7, 404: 5, 409: 10, 429: 8, 499: 1, 500: 13, 501: 12, 503: 14, 504: 4}


def status_reply(status: int, message: str, details: Sequence[Mapping[str, object]] = ()) -> Reply:
    """A reply with a ``google.rpc.Status`` as its body."""
    told = {"code": _CODES.get(status, 2), "message": message, "details": details}
    return Reply(status, JSON_HEADERS, json.dumps(told, separators=(",", ":")).encode())


class RpcError(Exception):
    """Ends a request with an error, of which `reply` tells."""

    def __init__(self, status: int, message: str, details: Sequence[Mapping[str, object]] = ()) -> None:
        super().__init__(message)
        self.reply = status_reply(status, message, details)


def plain_reply(status: int, text: str) -> Reply:
    """What a proxy in front of the API would reply, before the API saw the request."""
    return Reply(status, (("content-type", "text/plain"),), text.encode())


def lock_of_the_process() -> "threading.RLock":
    """A lock that a fork waits for: one that another thread held would stay locked in the child for ever. Made once a module."""
    lock = threading.RLock()
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=lock.acquire, after_in_parent=lock.release, after_in_child=lock.release)
    return lock
