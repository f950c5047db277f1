"""HTTP clients for those that take one: by default httpx keeps 20 connections alive, too few for 64 at once."""

from typing import Any

from . import Settings


def http_client(settings: Settings, httpx: Any) -> Any:
    """One of ``httpx`` (or httpx2) that keeps as many connections as there are requests at once."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=settings.concurrency)
    return httpx.Client(limits=limits, timeout=60, follow_redirects=True)
