"""The types in `APIStatusError.details`: what google.rpc and Inworld add to an error. Unknown ones stay dicts.

Field names are read in protojson's camelCase and in snake_case. Sources: google/rpc/error_details.proto; for
`InworldStatus`, bodies seen on sibling endpoints.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, NamedTuple, TypeAlias

__all__ = [
    "BadRequest",
    "ErrorInfo",
    "FieldViolation",
    "InworldStatus",
    "QuotaFailure",
    "QuotaViolation",
    "RequestInfo",
    "RetryInfo",
]

ERROR_TYPES: Final = (
    "SESSION_TOKEN_EXPIRED",  # 0: also what an unset field looks like
    "SESSION_TOKEN_INVALID",
    "SESSION_RESOURCES_EXHAUSTED",
    "BILLING_TOKENS_EXHAUSTED",
    "ACCOUNT_DISABLED",
    "SESSION_INVALID",
    "RESOURCE_NOT_FOUND",
    "SAFETY_VIOLATION",
)
RECONNECT_TYPES: Final = ("UNDEFINED", "NO_RETRY", "IMMEDIATE", "TIMEOUT")

_SNAKE = re.compile("_([a-z])")
_DURATION = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,9})?s")
_INPUT_INDEX = re.compile(r"(?<![a-z0-9_])inputs?[\[./]([0-9]{1,9})(?![0-9])", re.IGNORECASE | re.ASCII)
_LONGEST_TIME: Final = 64


class RetryInfo(NamedTuple):
    """How long to wait, seconds; None if the server's duration is missing, negative or malformed."""

    retry_delay: float | None = None


class ErrorInfo(NamedTuple):
    """Why, in the service's own vocabulary."""

    reason: str = ""
    domain: str = ""
    metadata: Mapping[str, Any] = {}


class FieldViolation(NamedTuple):
    """One thing wrong with the request.

    Attributes:
        field: Path of the field, as the server writes it.
        description: What is wrong with it.
        input_index: Position in ``inputs`` the path points to, if it does: 3 for ``inputs[3].text``, ``inputs.3``,
            ``/inputs/3/text`` and their like.
    """

    field: str = ""
    description: str = ""
    input_index: int | None = None


class BadRequest(NamedTuple):
    """What is wrong with the request."""

    field_violations: tuple[FieldViolation, ...] = ()


class QuotaViolation(NamedTuple):
    """One limit that was passed, and whose it is."""

    subject: str = ""
    description: str = ""


class QuotaFailure(NamedTuple):
    """Which limits were passed."""

    violations: tuple[QuotaViolation, ...] = ()


class RequestInfo(NamedTuple):
    """The server's name for the request."""

    request_id: str = ""


class InworldStatus(NamedTuple):
    """Inworld's own account of an error.

    Attributes:
        error_type: Such as ``SESSION_TOKEN_INVALID``; an unknown number as text, or "" if there is none.
        reconnect_type: ``UNDEFINED``, ``NO_RETRY``, ``IMMEDIATE``, ``TIMEOUT``, or another name or number as text.
        reconnect_time: For TIMEOUT: from when on to try again, in UTC.
        max_retries: How often, as far as the server is concerned.
    """

    error_type: str = ""
    reconnect_type: str = "UNDEFINED"
    reconnect_time: datetime | None = None
    max_retries: int = 0


Detail: TypeAlias = RetryInfo | ErrorInfo | BadRequest | QuotaFailure | RequestInfo | InworldStatus


def parse_details(value: object) -> tuple[Detail | dict[str, Any], ...]:
    """The members of a ``details`` list; never raises.

    Args:
        value: Any decoded JSON value. What is no list gives nothing; members that are no objects are skipped.
    """
    return tuple(map(_parse, _objects(value)))


def _parse(raw: dict[str, Any]) -> Detail | dict[str, Any]:
    known = {_SNAKE.sub(lambda part: part[1].upper(), name): value for name, value in raw.items()}
    match _text(raw, "@type").rpartition("/")[2]:
        case "google.rpc.RetryInfo":
            delay = _text(known, "retryDelay")
            return RetryInfo(float(delay[:-1]) if _DURATION.fullmatch(delay) else None)
        case "google.rpc.ErrorInfo":
            metadata = raw.get("metadata")
            metadata = metadata if isinstance(metadata, dict) else {}
            return ErrorInfo(_text(raw, "reason"), _text(raw, "domain"), metadata)
        case "google.rpc.BadRequest":
            return BadRequest(tuple(map(_field_violation, _objects(known.get("fieldViolations")))))
        case "google.rpc.QuotaFailure":
            pairs = [(_text(m, "subject"), _text(m, "description")) for m in _objects(raw.get("violations"))]
            return QuotaFailure(tuple(QuotaViolation(*pair) for pair in pairs))
        case "google.rpc.RequestInfo":
            return RequestInfo(_text(known, "requestId"))
        case "ai.inworld.common.InworldStatus":
            return InworldStatus(
                _enum(known.get("errorType"), ERROR_TYPES, ""),
                _enum(known.get("reconnectType"), RECONNECT_TYPES, "UNDEFINED"),
                timestamp(known.get("reconnectTime")),
                integer(known.get("maxRetries")) or 0,
            )
    return raw


def _field_violation(raw: dict[str, Any]) -> FieldViolation:
    path = _text(raw, "field")
    index = _INPUT_INDEX.search(path)
    return FieldViolation(path, _text(raw, "description"), int(index[1]) if index else None)


def _text(raw: dict[str, Any], name: str) -> str:
    value = raw.get(name)
    return value if isinstance(value, str) else ""


def _objects(value: object) -> list[dict[str, Any]]:
    return [member for member in value if isinstance(member, dict)] if isinstance(value, list) else []


def integer(value: object) -> int | None:
    """An integer of 32 bits; None for anything else, also for a boolean."""
    return value if type(value) is int and abs(value) < 2**31 else None


def _enum(value: object, names: tuple[str, ...], unset: str) -> str:
    if isinstance(value, str):
        return value or unset
    number = integer(value)
    if number is None:
        return unset
    return names[number] if 0 <= number < len(names) else str(number)


def timestamp(value: object) -> datetime | None:
    """An RFC 3339 timestamp, in UTC; without a zone it is taken for UTC. None if it is unreadable."""
    if not isinstance(value, str) or not len("2025-05-16T02:50:26") <= len(value) <= _LONGEST_TIME:
        return None
    try:
        return _with_zone(datetime.fromisoformat(value)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def http_date(text: str) -> float | None:
    """A date as in HTTP headers, seconds since the epoch. None if it is unreadable."""
    try:
        return _with_zone(parsedate_to_datetime(text[:_LONGEST_TIME])).timestamp()
    except (ValueError, OverflowError):
        return None


def _with_zone(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
