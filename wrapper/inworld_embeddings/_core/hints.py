"""What a server says about when to come back, and its name for the request. The clock is an argument."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from .printable import cut, printable
from .rpc_details import InworldStatus, RequestInfo, RetryInfo
from .times import http_date

# ASCII digits only: float() would also take "1_000", "nan", "1e9" and other scripts' digits.
_NUMBER = re.compile(r"[0-9]{1,300}(?:\.[0-9]{1,300})?")
# RFC 1123, RFC 850 and asctime dates, also several of them in one comma-separated value.
_DATE = re.compile(r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6},? [0-9A-Za-z: +-]{16,40}")
_LONGEST_VALUE: Final = 1000
_LONGEST_ID: Final = 128


def retry_after(headers: Sequence[tuple[str, str]], details: Iterable[Any], now: float) -> float | None:
    """Seconds to wait, the longest of all valid hints; None without any.

    Read are ``Retry-After`` (seconds or a date), ``retry-after-ms``, ``RetryInfo`` and Inworld's ``reconnectTime``.
    Dates are measured against the answer's own ``Date``: the server's clock may not be ours. Past ones mean now.

    Args:
        headers: (name, value) pairs, names in lower case; repeated ones all count.
        details: From `parse_details`.
        now: Wall clock, seconds since the epoch, for answers without a ``Date``.
    """
    server_now = next((moment for value in _values(headers, "date") for moment in _dates(value)), now)
    hints = [*_header_hints(headers, server_now), *_detail_hints(details, server_now)]
    return max(hints, default=None)


def request_id(headers: Sequence[tuple[str, str]], details: Iterable[Any]) -> str | None:
    """The server's id for the request, from a header or else from ``RequestInfo``; printable, 128 characters at most."""
    candidates = [
        *_values(headers, "x-inworld-request-id"),
        *_values(headers, "x-request-id"),
        *(detail.request_id for detail in details if isinstance(detail, RequestInfo)),
    ]
    found = next((stripped for candidate in candidates if (stripped := candidate.strip())), None)
    return cut(printable(found[:_LONGEST_ID]), _LONGEST_ID) if found else None


def _values(headers: Sequence[tuple[str, str]], name: str) -> list[str]:
    return [value[:_LONGEST_VALUE] for key, value in headers if key == name]


def _header_hints(headers: Sequence[tuple[str, str]], server_now: float) -> Iterator[float]:
    for value in _values(headers, "retry-after"):
        yield from _numbers(value)
        yield from (max(0.0, moment - server_now) for moment in _dates(value))
    for value in _values(headers, "retry-after-ms"):
        yield from (number / 1000 for number in _numbers(value))


def _detail_hints(details: Iterable[Any], server_now: float) -> Iterator[float]:
    for detail in details:
        match detail:
            case RetryInfo(retry_delay=float() as delay):
                yield delay
            case InworldStatus(reconnect_type="TIMEOUT", reconnect_time=moment) if moment:
                yield max(0.0, moment.timestamp() - server_now)


def _numbers(value: str) -> Iterator[float]:
    for part in value.split(","):
        if _NUMBER.fullmatch(stripped := part.strip(" \t")):
            yield float(stripped)


def _dates(value: str) -> Iterator[float]:
    """Dates in a header value, seconds since the epoch."""
    for text in _DATE.findall(value):
        if (moment := http_date(text)) is not None:
            yield moment
