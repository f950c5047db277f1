"""Reads one HTTP/1.1 request off a connection and the texts out of its body, noting what is wrong with it."""

import json
from dataclasses import dataclass

from support.connection import Connection

EMBED_PATH = "/ml/v1alpha/embedding:embed"


@dataclass(frozen=True, slots=True)
class Head:
    """Request line and headers as they came; names in lower case."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]

    def all(self, name: str) -> list[str]:
        return [value for known, value in self.headers if known == name.lower()]

    def get(self, name: str) -> str | None:
        return next(iter(self.all(name)), None)


def read_head(connection: Connection) -> Head | None:
    """The next request's head, or None when the client closed instead."""
    raw = connection.read_until(b"\r\n\r\n")
    if raw is None:
        return None
    first, *lines = raw.decode("latin-1").rstrip("\r\n").split("\r\n")
    method, _, rest = first.partition(" ")
    pairs = (line.partition(":") for line in lines)
    headers = tuple((name.lower(), value.strip()) for name, _, value in pairs)
    return Head(method, rest.rpartition(" ")[0], headers)


def read_body(connection: Connection, head: Head) -> bytes:
    """The body by Content-Length or chunks; empty without either."""
    if (head.get("transfer-encoding") or "").lower() == "chunked":
        return _read_chunks(connection)
    return connection.read_exactly(int(head.get("content-length") or 0))


def _read_chunks(connection: Connection) -> bytes:
    body = b""
    while True:
        line = connection.read_until(b"\r\n") or b"0"
        size = int(line.partition(b";")[0], 16)
        body += connection.read_exactly(size)
        connection.read_exactly(2)
        if not size:
            return body


def texts_in(body: bytes) -> tuple[str, ...]:
    """The texts of an embed request. Raises `ValueError` for any other body; the text of the error quotes none."""
    try:
        inputs = json.loads(body)["inputs"]
        texts = tuple(item["text"] for item in inputs)
    except (ValueError, KeyError, TypeError):
        raise ValueError("the body is no embed request") from None
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("a text is no string")
    return texts


def problem_with(head: Head, *, texts: tuple[str, ...] | None) -> str | None:
    """Why a request is not one a right client would send, or None."""
    if head.method != "POST" or head.target != EMBED_PATH:
        return f"asked for {head.method} {head.target}"
    if texts is None:
        return "the body is no embed request"
    if (head.get("content-type") or "").partition(";")[0] != "application/json":
        return "the content type is not JSON"
    return None
