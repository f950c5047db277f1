"""The ``details`` of an error body as objects: google.rpc types, and Inworld's own status.

Whatever else a server puts there stays a plain dict. Field names are read in protojson's camelCase and in
snake_case. Sources: google/rpc/error_details.proto; for `InworldStatus` bodies seen on sibling endpoints.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from .times import timestamp

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

_DURATION = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,9})?s")
_INPUT_INDEX = re.compile(r"(?<![a-z0-9_])inputs?[\[./]([0-9]{1,9})(?![0-9])", re.IGNORECASE | re.ASCII)
_LONGEST_INTEGER = 2**31 - 1


@dataclass(frozen=True, slots=True)
class RetryInfo:
    """How long to wait, seconds; None if the server's duration is missing, negative or malformed."""

    retry_delay: float | None = None


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """Why, in the service's own vocabulary."""

    reason: str = ""
    domain: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One thing wrong with the request.

    Attributes:
        field: Path of the field, as the server writes it.
        description: What is wrong with it.
        input_index: Position in ``inputs`` the path points to, if it does.
    """

    field: str = ""
    description: str = ""
    input_index: int | None = None


@dataclass(frozen=True, slots=True)
class BadRequest:
    """What is wrong with the request."""

    field_violations: tuple[FieldViolation, ...] = ()


@dataclass(frozen=True, slots=True)
class QuotaViolation:
    """One limit that was passed, and whose it is."""

    subject: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class QuotaFailure:
    """Which limits were passed."""

    violations: tuple[QuotaViolation, ...] = ()


@dataclass(frozen=True, slots=True)
class RequestInfo:
    """The server's name for the request."""

    request_id: str = ""


@dataclass(frozen=True, slots=True)
class InworldStatus:
    """Inworld's own account of an error.

    Attributes:
        error_type: A name of `ERROR_TYPES`, another name or a number as text, or "" if there is none.
        reconnect_type: A name of `RECONNECT_TYPES`, or another name or number as text.
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
    members = value if isinstance(value, list) else []
    return tuple(_parse(member) for member in members if isinstance(member, dict))


def input_index(field: str) -> int | None:
    """3 for ``inputs[3].text``, ``inputs.3``, ``/inputs/3/text`` and their like; None for other paths."""
    match = _INPUT_INDEX.search(field)
    return int(match[1]) if match else None


def _parse(raw: dict[str, Any]) -> Detail | dict[str, Any]:
    reader = _READERS.get(_text(raw, "@type").rpartition("/")[2])
    return reader(raw) if reader else raw


def _member(raw: Mapping[str, Any], name: str) -> Any:
    head, *rest = name.split("_")
    camel = head + "".join(word.capitalize() for word in rest)
    return raw.get(camel, raw.get(name))


def _text(raw: Mapping[str, Any], name: str) -> str:
    value = _member(raw, name)
    return value if isinstance(value, str) else ""


def _objects(raw: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    value = _member(raw, name)
    return [member for member in value if isinstance(member, dict)] if isinstance(value, list) else []


def _integer(value: object) -> int | None:
    is_integer = isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _LONGEST_INTEGER
    return value if isinstance(value, int) and is_integer else None


def _enum(value: object, names: tuple[str, ...], unset: str) -> str:
    if isinstance(value, str):
        return value or unset
    number = _integer(value)
    if number is None:
        return unset
    return names[number] if 0 <= number < len(names) else str(number)


def _time(value: object) -> datetime | None:
    moment = timestamp(value)
    try:
        return moment and moment.astimezone(UTC)
    except OverflowError:
        return None


def _retry_info(raw: dict[str, Any]) -> RetryInfo:
    delay = _text(raw, "retry_delay")
    return RetryInfo(float(delay[:-1]) if _DURATION.fullmatch(delay) else None)


def _error_info(raw: dict[str, Any]) -> ErrorInfo:
    metadata = _member(raw, "metadata")
    return ErrorInfo(
        _text(raw, "reason"), _text(raw, "domain"), metadata if isinstance(metadata, dict) else {}
    )


def _bad_request(raw: dict[str, Any]) -> BadRequest:
    return BadRequest(
        tuple(
            FieldViolation(
                _text(member, "field"), _text(member, "description"), input_index(_text(member, "field"))
            )
            for member in _objects(raw, "field_violations")
        )
    )


def _quota_failure(raw: dict[str, Any]) -> QuotaFailure:
    members = _objects(raw, "violations")
    return QuotaFailure(tuple(QuotaViolation(_text(m, "subject"), _text(m, "description")) for m in members))


def _inworld_status(raw: dict[str, Any]) -> InworldStatus:
    return InworldStatus(
        _enum(_member(raw, "error_type"), ERROR_TYPES, ""),
        _enum(_member(raw, "reconnect_type"), RECONNECT_TYPES, "UNDEFINED"),
        _time(_member(raw, "reconnect_time")),
        _integer(_member(raw, "max_retries")) or 0,
    )


_READERS: Final[dict[str, Callable[[dict[str, Any]], Detail]]] = {
    "google.rpc.RetryInfo": _retry_info,
    "google.rpc.ErrorInfo": _error_info,
    "google.rpc.BadRequest": _bad_request,
    "google.rpc.QuotaFailure": _quota_failure,
    "google.rpc.RequestInfo": lambda raw: RequestInfo(_text(raw, "request_id")),
    "ai.inworld.common.InworldStatus": _inworld_status,
}
