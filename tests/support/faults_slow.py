"""Answers without end and answers by the drop: header bombs, endless 1xx, one byte at a time.

Each ends when the client leaves or the server closes; the record's ``bytes_sent`` says how far it came.
"""

from itertools import count

from support.fault import Exchange, Fault, fault
from support.wire import JSON, head, response

_TOGETHER = 64  # headers in one write


def header_bomb(headers: int = 20_000, size: int = 1000) -> Fault:
    """So many headers of so many bytes (20 MB), then the right answer (B12)."""

    def play(ex: Exchange) -> None:
        ex.send(b"HTTP/1.1 200 OK\r\n")
        for start in range(0, headers, _TOGETHER):
            ex.send(_headers(start, min(headers, start + _TOGETHER), size))
        body = ex.good_body()
        ex.send(f"Content-Length: {len(body)}\r\n\r\n".encode() + body)

    return Fault(f"header_bomb_{headers}x{size}", play)


@fault
def endless_headers(ex: Exchange) -> None:
    """Header after header, for ever."""
    ex.send(b"HTTP/1.1 200 OK\r\n")
    for start in count(0, _TOGETHER):
        ex.send(_headers(start, start + _TOGETHER, 1000))


@fault
def endless_header(ex: Exchange) -> None:
    """One header line without an end."""
    ex.send(b"HTTP/1.1 200 OK\r\nX-Long: ")
    while True:
        ex.send(b"a" * 65536)


@fault
def endless_status_line(ex: Exchange) -> None:
    ex.send(b"HTTP/1.1 200 ")
    while True:
        ex.send(b"O" * 65536)


def endless_1xx(status: int = 102, interval: float = 0.01) -> Fault:
    """One interim response after the other (B13)."""

    def play(ex: Exchange) -> None:
        while True:
            ex.send(head(status, []))
            ex.conn.sleep(interval)

    return Fault(f"endless_{status}", play)


def some_1xx(status: int = 103, times: int = 3) -> Fault:
    """A few interim responses, then the right answer: no fault."""

    def play(ex: Exchange) -> None:
        ex.send(head(status, []) * times)
        ex.reply(200, ex.good_body())
        ex.mark_answered()

    return Fault(f"some_{status}", play)


def slow_headers(interval: float = 0.3) -> Fault:
    """The right answer, its head one byte at a time (B14)."""

    def play(ex: Exchange) -> None:
        body = ex.good_body()
        ex.conn.drip(head(200, [JSON, ("Content-Length", str(len(body)))]), interval)
        ex.send(body)
        ex.mark_answered()

    return Fault("slow_headers", play)


def slow_body(interval: float = 0.3) -> Fault:
    """The right answer, its body one byte at a time (B15)."""

    def play(ex: Exchange) -> None:
        body = ex.good_body()
        ex.send(head(200, [JSON, ("Content-Length", str(len(body)))]))
        ex.conn.drip(body, interval)
        ex.mark_answered()

    return Fault("slow_body", play)


def slow_error(status: int = 503, interval: float = 0.3) -> Fault:
    """An error whose body comes one byte at a time."""

    def play(ex: Exchange) -> None:
        ex.conn.drip(response(status, b'{"code":14,"message":"unavailable","details":[]}'), interval)

    return Fault(f"slow_{status}", play)


def _headers(start: int, stop: int, size: int) -> bytes:
    value = "b" * size
    return "".join(f"X-Bomb-{number}: {value}\r\n" for number in range(start, stop)).encode()
