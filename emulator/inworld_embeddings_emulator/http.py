"""HTTP/1.1 as the server reads and writes it: one request from a stream, one reply to bytes.

Whoever is unsure where a head or a body ends must not guess, or the next request is read from the middle of this one.
So whatever two readers could understand differently is refused: a CR or LF alone, folded lines, two lengths, and
other whitespace than space and tab.
"""

import re
from collections.abc import Collection
from email.utils import formatdate
from http import HTTPStatus
from io import BufferedIOBase
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, NamedTuple

from .messages import Reply, joined_headers

_MAX_LINES: Final = 64 * 1024
"""Most bytes of a head, or of a body's trailer."""

_REQUEST_LINE: Final = re.compile(rb"([!#-'*+\-.^_`|~\w]+) ([!-~\x80-\xff]+) HTTP/(\d)\.(\d)")
_FIELD: Final = re.compile(rb"([!#-'*+\-.^_`|~\w]+):[ \t]*([\t -~\x80-\xff]*?)[ \t]*")
_CHUNK: Final = re.compile(rb"([0-9a-fA-F]{1,15})[ \t]*(;.*)?")
_TOKENS: Final = re.compile(r"[\w!#$%&'*+.^`|~, \t-]+", re.ASCII)
_REASONS: Final = {status.value: status.phrase for status in HTTPStatus}
_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\[\]:@/\s]+)(:[0-9]{1,5})?")


class RefusedError(Exception):
    """The request gets a status and a line of text, and the connection is closed."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status, self.text = status, text


class Head(NamedTuple):
    """The head of a request."""

    method: str
    target: str
    version: str  # 1.1 or 1.0
    headers: dict[str, str]  # by lower-case name; one that came twice has a comma in it

    @property
    def closes(self) -> bool:
        """Whether the connection is closed after the reply: where the client wants it, and always with HTTP/1.0."""
        wishes = [wish.strip(" \t").lower() for wish in self.headers.get("connection", "").split(",")]
        return "close" in wishes or self.version == "1.0"


def read_head(stream: BufferedIOBase) -> Head:
    """The head of a request; an empty line before it does not count.

    Raises:
        RefusedError: 400 malformed, 431 too long, 505 another version than HTTP/1.
        ConnectionError: the client left in the middle.
    """
    first, *lines = _lines(stream) or _lines(stream) or [b""]
    matched = _REQUEST_LINE.fullmatch(first)
    if not matched:
        raise RefusedError(400, "malformed request line")
    method, target, major, minor = (part.decode("latin-1") for part in matched.groups())
    if major != "1":
        raise RefusedError(505, "only HTTP/1 is spoken here")
    return Head(method, target, f"1.{minor}", _fields(lines))


def body_length(head: Head, limit: int) -> int | None:
    """Length of the body in bytes, or None if it comes in chunks.

    Raises:
        RefusedError: 400 contradicting or malformed, 413 over the limit, 501 a coding other than chunked.
    """
    text, coding = head.headers.get("content-length", "0"), head.headers.get("transfer-encoding")
    if coding is not None:
        if "content-length" in head.headers:
            raise RefusedError(400, "both Content-Length and Transfer-Encoding")
        if coding.lower() != "chunked":
            status = 501 if _TOKENS.fullmatch(coding) else 400
            raise RefusedError(status, "only the chunked transfer coding is known")
        return None
    if not (text.isascii() and text.isdigit()):
        raise RefusedError(400, "malformed Content-Length")
    if len(text) > 18 or int(text) > limit:
        raise RefusedError(413, "Payload Too Large")
    return int(text)


def read_body(stream: BufferedIOBase, length: int | None, limit: int) -> bytes:
    """The body: so many bytes, or for None the chunks, which may have as many as the limit.

    Raises:
        RefusedError: 400 malformed chunks, 413 over the limit.
        ConnectionError: the client left in the middle.
    """
    if length is not None:
        return _exactly(stream, length)
    body = bytearray()
    while size := _chunk_size(stream):
        if len(body) + size > limit:
            raise RefusedError(413, "Payload Too Large")
        body += _exactly(stream, size)
        if _exactly(stream, 2) != b"\r\n":
            raise RefusedError(400, "malformed chunk")
    _fields(_lines(stream))
    return bytes(body)


def _chunk_size(stream: BufferedIOBase) -> int:
    found = _CHUNK.fullmatch(_line(stream, _MAX_LINES))
    if not found:
        raise RefusedError(400, "malformed chunk size")
    return int(found[1], 16)


def _fields(lines: list[bytes]) -> dict[str, str]:
    found = [_FIELD.fullmatch(line) for line in lines]
    if not all(found):
        raise RefusedError(400, "malformed header")
    return joined_headers((field[1].decode(), field[2].decode("latin-1")) for field in found if field)


def _lines(stream: BufferedIOBase) -> list[bytes]:
    """The lines before an empty one."""
    lines, room = [], _MAX_LINES
    while line := _line(stream, room):
        lines.append(line)
        room -= len(line) + 2
    return lines


def _line(stream: BufferedIOBase, limit: int) -> bytes:
    """A line without its end."""
    line = stream.readline(limit)
    if not line.endswith(b"\n"):
        if len(line) >= limit:
            raise RefusedError(431, "the head is too long")
        raise ConnectionError("the client left inside its request")
    if not line.endswith(b"\r\n") or b"\r" in line[:-2]:
        raise RefusedError(400, "CR and LF must come together, at the end of a line")
    return line[:-2]


def _exactly(stream: BufferedIOBase, length: int) -> bytes:
    data = stream.read(length)
    if len(data) < length:
        raise ConnectionError("the client left inside its request")
    return data


def reply_bytes(reply: Reply, *, close: bool, method: str = "GET") -> bytes:
    """What is sent of a reply to a method, of which HEAD gets no body. Its carriage may end it early."""
    framing = [("content-length", str(len(reply.body))), ("date", formatdate(usegmt=True))]
    framing += [("connection", "close")] if close else []
    fields = [f"{name}: {text}" for name, text in (*reply.headers, *framing)]
    line = f"HTTP/1.1 {reply.status} {_REASONS.get(reply.status, 'Unknown')}"
    head = "\r\n".join([line, *fields, "", ""]).encode("latin-1")
    match reply.carriage.end:
        case "start":
            return b""
        case "head":
            return head[: len(head) // 2]
        case cut:
            return head if method == "HEAD" else head + reply.body[:cut]


# Hosts. A web page can make its own name resolve to 127.0.0.1 and then talk to servers there (DNS rebinding). Its
# requests still carry the page's name as ``Host``, so a server that hears its own names only is out of reach.


def hears(header: str, bound: str, allowed: Collection[str] = ()) -> bool:
    """Whether a ``Host`` header names this server: loopback, the address it is bound to, or a name it was given.

    Bound to every address (``0.0.0.0`` or ``::``), it hears any address but no further name. Ports are not compared,
    so that a forwarded port works.
    """
    matched = _HOST.fullmatch(header)
    if not matched:
        return False
    name = matched[1].strip("[]").lower()
    if is_loopback(name) or name in {bound.lower(), *(host.lower() for host in allowed)}:
        return True
    bound_address = _address(bound or "0.0.0.0")  # noqa: S104 - what an empty host binds to
    return bound_address is not None and bound_address.is_unspecified and _address(name) is not None


def is_loopback(host: str) -> bool:
    """Whether a host name or address never leaves this machine."""
    name, address = host.rstrip(".").lower(), _address(host)
    return name == "localhost" or name.endswith(".localhost") or (address is not None and address.is_loopback)


def _address(host: str) -> IPv4Address | IPv6Address | None:
    """The IP address that a host is written as; None for a name."""
    try:
        return ip_address(host)
    except ValueError:
        return None
