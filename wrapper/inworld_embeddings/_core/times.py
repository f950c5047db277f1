"""Reads points in time that a server wrote: timestamps in JSON and dates in headers. What is unreadable is None."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST = 64


def timestamp(value: object) -> datetime | None:
    """An RFC 3339 timestamp, with its zone; UTC where none is given."""
    from dateutil.parser import isoparse  # noqa: PLC0415 - slow to import, and only some answers carry a time

    if not isinstance(value, str) or not len("2025-05-16T02:50:26") <= len(value) <= LONGEST:
        return None
    try:
        return _with_zone(isoparse(value))
    except (ValueError, OverflowError):
        return None


def http_date(text: str) -> float | None:
    """A date as in HTTP headers, seconds since the epoch."""
    try:
        return _with_zone(parsedate_to_datetime(text)).timestamp()
    except (ValueError, OverflowError):
        return None


def _with_zone(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
