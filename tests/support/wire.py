"""Bytes of HTTP/1.1 responses, written by hand so that they can also be wrong."""

from collections.abc import Iterable
from http import HTTPStatus

Headers = Iterable[tuple[str, str]]

JSON = ("Content-Type", "application/json")
TEXT = ("Content-Type", "text/plain; charset=utf-8")
HTML = ("Content-Type", "text/html; charset=utf-8")


def reason(status: int) -> str:
    """The usual phrase of a status, or one for those that have none."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unassigned"


def head(status: int = 200, headers: Headers = (JSON,)) -> bytes:
    """Status line, headers and the empty line, exactly as given: no length is added."""
    lines = [f"HTTP/1.1 {status} {reason(status)}", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join([*lines, "", ""]).encode("utf-8")


def response(status: int = 200, body: bytes = b"", headers: Headers = (JSON,)) -> bytes:
    """A complete response with an honest Content-Length."""
    return head(status, [*headers, ("Content-Length", str(len(body)))]) + body


def chunk(data: bytes) -> bytes:
    """One chunk of a chunked body; ``chunk(b"")`` is the last one, trailers and all."""
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


LAST_CHUNK = chunk(b"")
CHUNKED = ("Transfer-Encoding", "chunked")
