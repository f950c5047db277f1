"""Reads the body of an error answer: a gRPC status as JSON, or the few words a person can use of anything else.

No body raises, however broken, and no more than its first 64 kB is looked at.
"""

import re
from dataclasses import dataclass
from typing import Any

import msgspec

from .excerpt import excerpt
from .printable import LOOK
from .rpc_details import Detail, parse_details

__all__ = ["RpcStatus", "excerpt", "parse_status", "received_too_large"]

# grpc-go and gRPC's C core say "(A vs. B)"; newer grpc-go, after decompression, knows only B.
_TOO_LARGE = re.compile(
    r"message[a-z\s]{0,40}?\slarger\s{1,3}than\s{1,3}max\s{0,3}\(?\s{0,3}"
    r"(?:([0-9]{1,15})\s{0,3}vs\.?\s{0,3})?([0-9]{1,15})",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class RpcStatus:
    """A ``google.rpc.Status``.

    Attributes:
        code: gRPC status number, if there is one.
        message: The server's words, untouched: not yet safe to print.
        details: Known types as objects, others as dicts.
    """

    code: int | None
    message: str
    details: tuple[Detail | dict[str, Any], ...] = ()


def parse_status(body: bytes | bytearray) -> RpcStatus | None:
    """The status in a body, plain or wrapped as ``{"error": {…}}``; None for anything else. Never raises."""
    try:
        value = msgspec.json.decode(body[:LOOK])
    except (msgspec.DecodeError, RecursionError, ValueError):
        return None
    if isinstance(value, dict) and isinstance(value.get("error"), dict):
        value = value["error"]
    return _as_status(value) if isinstance(value, dict) else None


def received_too_large(message: str) -> tuple[int, int] | None:
    """(size, largest allowed) in bytes, if a message says that a gRPC hop refused a message for its size.

    Such a request comes as HTTP 429 but never succeeds unchanged: split it. The size is always over the limit;
    where the server does not say it, it is the least it can be.
    """
    match = _TOO_LARGE.search(message[:LOOK])
    if match is None:
        return None
    allowed = int(match[2])
    return max(int(match[1] or 0), allowed + 1), allowed


def _as_status(value: dict[str, Any]) -> RpcStatus | None:
    code, message = value.get("code"), value.get("message")
    if isinstance(code, bool) or not isinstance(code, int) or abs(code) >= 2**31:
        code = None
    if code is None and not isinstance(message, str):
        return None
    return RpcStatus(code, message if isinstance(message, str) else "", parse_details(value.get("details")))
