"""Errors that say when to come back: Retry-After in every spelling, RetryInfo, both at once."""

from support.fault import Fault
from support.faults_status import status

RETRY_INFO = "type.googleapis.com/google.rpc.RetryInfo"

ODD_RETRY_AFTER = (
    "", "-5", "nan", "inf", "1e9", "1" + "0" * 20, "\u0663", "5, 10", "0x10", "1_000", "soon", "+1", " 1 s",
)  # fmt: skip
"""Values of which C16 and C17 say what becomes of each."""


def retry_after(*values: str, http: int = 429) -> Fault:
    """One Retry-After header per value, as text: seconds, dates or nonsense (C08, C12, C16, C17)."""
    fault = status(http, headers=[("Retry-After", value) for value in values])
    return Fault(f"retry_after_{'+'.join(values)}_{http}", fault.action)


def retry_after_date(retry: str, now: str, *, http: int = 429) -> Fault:
    """Retry-After as a date, with the server's own Date (C17)."""
    fault = status(http, headers=[("Retry-After", retry), ("Date", now)])
    return Fault(f"retry_after_date_{http}", fault.action)


def retry_info(delay: object, *, http: int = 429, header: str | None = None) -> Fault:
    """A RetryInfo detail with this ``retryDelay`` ("1.5s", or anything else), and a Retry-After beside it (C09)."""
    headers = [("Retry-After", header)] if header is not None else []
    fault = status(http, details=[{"@type": RETRY_INFO, "retryDelay": delay}], headers=headers)
    return Fault(f"retry_info_{delay}_{http}", fault.action)
