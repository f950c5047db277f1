"""The faults that no emulator plays: what is wrong in the bytes, in their framing, or with the connection itself.

What the emulator can do is said in its own words instead: a script may hold ``"status=503;retry-after=2"``.
"""

import gzip
import json
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import count
from typing import Any

from support.connection import Connection
from support.fault import (
    CHUNKED,
    JSON,
    LAST_CHUNK,
    OK,
    TEXT,
    Exchange,
    Fault,
    Headers,
    Request,
    Stage,
    body,
    body_fault,
    chunk,
    fault,
    head,
    response,
)
from support.vectors import (
    embeddings_json,
    good_json,
    row_json,
    rows_json,
    stray_texts,
    text_id,
)

# Section C: statuses and error bodies.

_HTTP_TO_GRPC = {
    400: 3, 401: 16, 403: 7, 404: 5, 409: 10, 429: 8, 499: 1, 500: 13, 501: 12, 503: 14, 504: 4,
}  # fmt: skip

RETRY_INFO = "type.googleapis.com/google.rpc.RetryInfo"
BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"


def rpc_body(code: int, message: str = "it did not work", details: Sequence[Mapping[str, Any]] = ()) -> bytes:
    """The gateway's error body."""
    return json.dumps({"code": code, "message": message, "details": list(details)}).encode()


def answer(name: str, status: int, body: bytes = b"", headers: Headers = (JSON,)) -> Fault:
    """Any complete response."""
    return Fault(name, lambda ex: ex.reply(status, body, headers))


def status(
    http: int,
    *,
    code: int | None = None,
    message: str = "it did not work",
    details: Sequence[Mapping[str, Any]] = (),
    headers: Headers = (),
) -> Fault:
    """An error with a gateway body; the gRPC code follows from the HTTP status unless given."""
    grpc = code if code is not None else _HTTP_TO_GRPC.get(http, 2)
    return answer(f"status_{http}", http, rpc_body(grpc, message, details), [JSON, *headers])


def key_echo(text: str, *, http: int = 403) -> Fault:
    """An error message that quotes what the test gives it: a key, ANSI codes, line breaks (C14)."""
    return status(http, code=7, message=text)


def retry_after(*values: str, http: int = 429) -> Fault:
    """One Retry-After header per value, as text: seconds, dates or nonsense (C08, C12, C16, C17)."""
    return status(http, headers=[("Retry-After", value) for value in values])


def retry_after_date(retry: str, now: str, *, http: int = 429) -> Fault:
    """Retry-After as a date, with the server's own Date (C17)."""
    return status(http, headers=[("Retry-After", retry), ("Date", now)])


def retry_info(delay: object, *, http: int = 429, header: str | None = None) -> Fault:
    """A RetryInfo detail with this ``retryDelay`` ("1.5s", or anything else), and a Retry-After beside it (C09)."""
    headers = [("Retry-After", header)] if header is not None else []
    return status(http, details=[{"@type": RETRY_INFO, "retryDelay": delay}], headers=headers)


def html_error(http: int) -> Fault:
    page = f"<html><head><title>{http}</title></head><body><h1>{http}</h1></body></html>".encode()
    return answer(f"html_{http}", http, page, [("Content-Type", "text/html; charset=utf-8")])


def endless_error(http: int) -> Fault:
    """An error body without length or end, for as long as the client reads."""
    return _endless(f"endless_{http}", head(http, [TEXT]), b"x" * 65536)


def unfinished_error(http: int) -> Fault:
    """An error whose body breaks off: the status has been read, and says enough."""

    def play(ex: Exchange) -> None:
        ex.send(head(http, [TEXT, ("Content-Length", "5000")]) + b"the beginning")
        ex.conn.close()

    return Fault(f"unfinished_{http}", play)


_ODD_JSON = {
    "null": b"null", "list": b"[]", "string": b'"no"', "number": b"7", "empty_object": b"{}",
    "code_string": b'{"code":"8","message":"m","details":[]}',
    "code_huge": b'{"code":1e400,"message":"m"}',
    "message_number": b'{"code":8,"message":5}',
    "details_object": b'{"code":8,"message":"m","details":{"a":1}}',
    "details_null": b'{"code":8,"message":null,"details":null}',
    "details_mixed": b'{"code":8,"message":"m","details":[null,1,"x",{"@type":5}]}',
    "cut": b'{"code":8,"mess',
    "deep": b'{"details":' + b"[" * 50_000,
}  # fmt: skip


def error_bodies(http: int) -> tuple[Fault, ...]:
    """Every kind of body under one status (C13)."""
    code = _HTTP_TO_GRPC.get(http, 2)
    binary, octets = bytes(range(256)) * 4, ("Content-Type", "application/octet-stream")
    return (
        status(http),
        answer("nested", http, b'{"error":' + rpc_body(code) + b"}"),  # as streaming endpoints have it
        html_error(http),
        answer("text", http, b"upstream connect error or disconnect/reset before headers", [TEXT]),
        answer("empty", http, b"", []),
        answer("huge", http, rpc_body(2, "x" * 2**20)),
        answer("binary", http, binary, [octets]),
        answer("binary_json", http, binary),
        answer("gzip", http, gzip.compress(rpc_body(code)), [JSON, ("Content-Encoding", "gzip")]),
        *(
            answer(f"no_{encoding}", http, rpc_body(2), [JSON, ("Content-Encoding", encoding)])
            for encoding in ("gzip", "br", "gzip, gzip")
        ),
        unfinished_error(http),
        *(answer(f"odd_{name}", http, body) for name, body in _ODD_JSON.items()),
    )


no_content = answer("no_content_204", 204, b"", [])
partial_content = Fault("partial_206", lambda ex: ex.reply(206, ex.good_body()))
EMPTY_SUCCESSES = (no_content, partial_content, answer("empty_200", 200))
"""C15: a success that brings nothing."""

# Servers with limits.

RECEIVED_LARGER = "grpc: received message larger than max ({size} vs. {limit})"
DECOMPRESSED_LARGER = "grpc: received message after decompression larger than max ({size} vs. {limit})"
SENDING_LARGER = "grpc: trying to send message larger than max ({size} vs. {limit})"


def when(condition: Callable[[Request], bool], then: Fault, otherwise: Fault = OK) -> Fault:
    """One fault if the request is so, another if not."""
    return Fault("when", lambda ex: ex.play(then if condition(ex.request) else otherwise))


def too_many_texts(limit: int) -> Fault:
    """413 for batches of more texts (C06)."""
    return when(lambda request: len(request.texts) > limit, status(413))


def too_many_bytes(limit: int) -> Fault:
    """413 for bodies of more bytes (C06)."""
    return when(lambda request: request.body_bytes > limit, status(413))


def message_larger_than_max(
    limit: int,
    *,
    size: Callable[[Request], int] = lambda request: request.body_bytes,
    wording: str = RECEIVED_LARGER,
) -> Fault:
    """The 429 that will never succeed: a gRPC hop's message limit, with both sizes in its message (C10)."""

    def play(ex: Exchange) -> None:
        actual = size(ex.request)
        message = wording.format(size=actual, limit=limit)
        ex.play(status(429, code=8, message=message) if actual > limit else OK)

    return Fault("message_larger_than_max", play)


def poison(texts: Collection[str], *, field_violations: bool = False) -> Fault:
    """400 for any batch that holds one of these texts; with violations, it names their places (C01)."""
    guilty = frozenset(map(text_id, texts))

    def play(ex: Exchange) -> None:
        places = [index for index, text in enumerate(ex.request.texts) if text_id(text) in guilty]
        details = [violations(places)] if field_violations else []
        ex.play(status(400, message="invalid input", details=details) if places else OK)

    return Fault("poison", play)


def violations(places: Collection[int]) -> dict[str, Any]:
    """The detail that names inputs by their places."""
    named = [{"field": f"inputs[{index}].text", "description": "is refused"} for index in places]
    return {"@type": BAD_REQUEST, "fieldViolations": named}


def wrong_for(texts: Collection[str], bad: Fault) -> Fault:
    """Another fault for any batch that holds one of these texts, such as a body that is never valid."""
    guilty = frozenset(map(text_id, texts))
    return when(lambda request: any(text_id(text) in guilty for text in request.texts), bad)


# Section D: 200s whose content is wrong.


@body
def one_vector_short(texts: Sequence[str], dim: int) -> bytes:
    return embeddings_json(rows_json(texts[:-1], dim))


@body
def first_vector_missing(texts: Sequence[str], dim: int) -> bytes:
    """One short, and every vector that is there belongs one place further on."""
    return embeddings_json(rows_json(texts[1:], dim))


@body
def one_vector_extra(texts: Sequence[str], dim: int) -> bytes:
    return embeddings_json(rows_json([*texts, *stray_texts(1)], dim))


@body
def ragged(texts: Sequence[str], dim: int) -> bytes:
    """The last vector is one value short; with one text the answer is just of another dimension."""
    return embeddings_json([*rows_json(texts[:-1], dim), row_json(texts[-1], dim - 1)])


def other_dimension(dim: int) -> Fault:
    """Right but for the dimension, and all rows agree: only an earlier response can tell (D05)."""
    return body_fault(f"dimension_{dim}", lambda texts, _: good_json(texts, dim))


def last_row(name: str, row: bytes) -> Fault:
    """The last element of ``embeddings`` is this JSON (D03)."""
    return body_fault(f"row_{name}", lambda texts, dim: embeddings_json([*rows_json(texts[:-1], dim), row]))


def whole(name: str, data: bytes) -> Fault:
    """The body is this (D02)."""
    return body_fault(f"body_{name}", lambda _texts, _dim: data)


def number(literal: str) -> Fault:
    """The first value of the last vector is this literal, whatever it is."""

    def build(texts: Sequence[str], dim: int) -> bytes:
        first, rest = row_json(texts[-1], dim).split(b",", 1)
        row = first[: first.index(b"[") + 1] + literal.encode() + b"," + rest
        return embeddings_json([*rows_json(texts[:-1], dim), row])

    return body_fault(f"number_{literal[:24]}", build)


def constant_vectors(literal: str) -> Fault:
    """Every value of every vector is this (D07)."""
    return body_fault(
        f"constant_{literal}",
        lambda texts, dim: embeddings_json(
            [b'{"values":[' + b",".join([literal.encode()] * dim) + b"]}"] * len(texts)
        ),
    )


zero_vectors = constant_vectors("0")
huge_norm = constant_vectors("1e30")

# 200s whose bytes are not plain UTF-8 JSON.

html_200 = answer(
    "html_200",
    200,
    b"<!DOCTYPE html><html><title>Sign in</title><body>Welcome</body></html>",
    [("Content-Type", "text/html; charset=utf-8")],
)


def content_type(value: str | None) -> Fault:
    """The right JSON under another Content-Type, or under none."""
    headers = [] if value is None else [("Content-Type", value)]
    return Fault(f"content_type_{value}", lambda ex: ex.reply(200, ex.good_body(), headers))


def respelled(name: str, respell: Callable[[bytes], bytes]) -> Fault:
    """The right body, passed through a function."""
    return body_fault(name, lambda texts, dim: respell(good_json(texts, dim)))


def encoded(name: str, encoding: str, encode: Callable[[bytes], bytes], *, good: bool = False) -> Fault:
    """The right body, passed through ``encode`` and called ``encoding``."""

    def play(ex: Exchange) -> None:
        ex.reply(200, encode(ex.good_body()), [JSON, ("Content-Encoding", encoding)])
        if good:
            ex.mark_answered()

    return Fault(name, play)


gzip_good = encoded("gzip_good", "gzip", gzip.compress, good=True)
gzip_bad_checksum = encoded("gzip_bad_checksum", "gzip", lambda data: gzip.compress(data)[:-8] + b"\0" * 8)
not_gzip = encoded("not_gzip", "gzip", bytes)

BROKEN_ENCODINGS = (
    encoded("gzip_cut", "gzip", lambda data: gzip.compress(data)[:-12]),
    gzip_bad_checksum,
    not_gzip,
    encoded("unknown_encoding", "x-secret", lambda data: data[::-1]),
)
"""Bodies that cannot be undone, or only in part."""

GOOD_ENCODINGS = (
    encoded("identity", "identity", bytes, good=True),
    gzip_good,
    encoded("deflate_good", "deflate", zlib.compress, good=True),
)

# Bodies that want to fill the client's memory. The server itself needs a few megabytes at most.

_PIECE = 2**20
_FILLER = b" " * _PIECE  # white space is good JSON, so no parser may stop the bomb before the cap does


def _endless(name: str, beginning: bytes, more: bytes, pause: float = 0.0) -> Fault:
    """Bytes that never end, after these; ``bytes_sent`` tells how many the client took."""

    def play(ex: Exchange) -> None:
        ex.send(beginning)
        while True:
            ex.send(more)
            ex.conn.sleep(pause)

    return Fault(name, play)


def declared_body(size: int = 10_000_000_000) -> Fault:
    """An honest Content-Length over any cap, and a body to match for whoever reads it (D14)."""

    def play(ex: Exchange) -> None:
        ex.send(head(200, [JSON, ("Content-Length", str(size))]))
        for start in range(0, size, _PIECE):
            ex.send(_FILLER[: size - start])

    return Fault(f"declares_{size}", play)


def endless_chunks() -> Fault:
    return _endless("endless_chunks", head(200, [JSON, CHUNKED]), chunk(_FILLER))


def endless_close_delimited() -> Fault:
    return _endless("endless_close_delimited", head(), _FILLER)


def gzip_bomb(size: int = 10**9) -> Fault:
    """White space of ``size`` bytes (rounded up to 1 MiB), a thousandth of that on the wire (D13)."""
    return _streamed(f"gzip_bomb_{size}", "gzip", size, wbits=31)


def deflate_bomb(size: int = 10**9) -> Fault:
    return _streamed(f"deflate_bomb_{size}", "deflate", size, wbits=15)


def double_gzip_bomb(size: int = 2 * 10**8) -> Fault:
    """The same, compressed twice: under a kilobyte. Made before it is sent: 0.2 s for each 10**8 bytes."""
    return encoded(f"double_gzip_bomb_{size}", "gzip, gzip", lambda _: gzip.compress(b"".join(packed(size))))


def zstd_bomb(size: int = 10**9) -> Fault:
    """White space as run-length blocks: four bytes on the wire for 128 kB. For clients that ask for zstd."""
    return encoded(f"zstd_bomb_{size}", "zstd", lambda _: _zstd_runs(size))


def many_encodings(times: int = 50) -> Fault:
    """The right body, compressed so many times over."""

    def compress(data: bytes) -> bytes:
        for _ in range(times):
            data = gzip.compress(data)
        return data

    return encoded(f"gzip_{times}_times", ", ".join(["gzip"] * times), compress)


def _streamed(name: str, encoding: str, size: int, wbits: int) -> Fault:
    def play(ex: Exchange) -> None:
        ex.send(head(200, [JSON, CHUNKED, ("Content-Encoding", encoding)]))
        for piece in packed(size, wbits):
            ex.send(chunk(piece))
        ex.send(LAST_CHUNK)

    return Fault(name, play)


def packed(size: int, wbits: int = 31) -> Iterator[bytes]:
    """One valid compressed stream (a single gzip member) of white space, piece by piece."""
    packer = zlib.compressobj(9, wbits=wbits)
    for _ in range(-(-size // _PIECE)):
        yield packer.compress(_FILLER) + packer.flush(zlib.Z_SYNC_FLUSH)
    yield packer.flush()


def _zstd_runs(size: int) -> bytes:
    """A frame (RFC 8878) with a window of 128 kB, no checksum and no content size, of RLE blocks only."""
    block, run = 1 << 17, 1 << 1
    count = -(-size // block)
    piece = (block << 3 | run).to_bytes(3, "little") + b" "
    last = (block << 3 | run | 1).to_bytes(3, "little") + b" "
    return b"\x28\xb5\x2f\xfd\x00\x38" + piece * (count - 1) + last


# Section B: the connection itself.

rst_on_connect = Fault("rst_on_connect", lambda ex: ex.conn.rst(), Stage.CONNECT)
fin_on_connect = Fault("fin_on_connect", lambda ex: ex.conn.fin(), Stage.CONNECT)
black_hole_on_connect = Fault("black_hole_on_connect", lambda ex: ex.conn.hold(), Stage.CONNECT)
rst_before_body = Fault("rst_before_body", lambda ex: ex.conn.rst(), Stage.HEAD)
never_read_body = Fault("never_read_body", lambda ex: ex.conn.hold(), Stage.HEAD)
"""The client's write stalls once both kernels' buffers are full (B17). Give the server a ``receive_buffer`` of
4096 and send more than the client's own send buffer may grow to (on Linux 4 MB: use 8)."""

rst_before_any_byte = Fault("rst_before_any_byte", lambda ex: ex.conn.rst())
fin_before_any_byte = Fault("fin_before_any_byte", lambda ex: ex.conn.close())
black_hole = Fault("black_hole", lambda ex: ex.conn.wait_for_client_to_leave())
"""Read the request and never answer (B16). Ends when the client leaves."""


@fault
def close_after_answer(ex: Exchange) -> None:
    """Answer rightly and close at once, without a word of it in the headers (B01)."""
    ex.answer()
    ex.conn.close()


@fault
def announced_close(ex: Exchange) -> None:
    """Answer rightly with ``Connection: close`` and close: good manners, not a fault."""
    ex.reply(200, ex.good_body(), [JSON, ("Connection", "close")])
    ex.mark_answered()
    ex.conn.close()


def _broken_off(name: str, end: Callable[[Connection], None]) -> Fault:
    """Half of the body, and then this end (B04)."""

    def play(ex: Exchange) -> None:
        good = ex.good_body()
        ex.send(head(200, [JSON, ("Content-Length", str(len(good)))]) + good[: len(good) // 2])
        end(ex.conn)

    return Fault(name, play)


def _reset_later(conn: Connection) -> None:
    conn.sleep(0.02)  # or the reset would overtake the bytes
    conn.rst()


rst_mid_body = _broken_off("rst_mid_body", _reset_later)
fin_mid_body = _broken_off("fin_mid_body", lambda conn: conn.close())
black_hole_mid_body = _broken_off("black_hole_mid_body", lambda conn: conn.wait_for_client_to_leave())


def raw(name: str, data: bytes) -> Fault:
    """Send these bytes instead of an answer, and close (B11)."""

    def play(ex: Exchange) -> None:
        ex.send(data)
        ex.conn.close()

    return Fault(name, play)


CONNECTION_LOSSES = (
    rst_before_any_byte,
    fin_before_any_byte,
    rst_mid_body,
    fin_mid_body,
    raw("fin_mid_headers", b"HTTP/1.1 200 OK\r\nContent-Type: appli"),
)
"""Losses of the connection before the answer is complete: all transient."""

# Framing: lengths that lie, broken chunks, and bytes that are no HTTP at all.


def framed(name: str, make: Callable[[bytes], bytes], *, close: bool = True, good: bool = False) -> Fault:
    """What ``make`` makes of the right body: head, body and all. Then the connection is closed, or not."""

    def play(ex: Exchange) -> None:
        ex.send(make(ex.good_body()))
        if good:
            ex.mark_answered()
        if close:
            ex.conn.close()

    return Fault(name, play)


def _in_sevens(good: bytes) -> bytes:
    return b"".join(chunk(good[start : start + 7]) for start in range(0, len(good), 7)) + LAST_CHUNK


def _sized(good: bytes, more: int) -> bytes:
    return head(200, [JSON, ("Content-Length", str(len(good) + more))]) + good


_CHUNKED_HEAD = head(200, [JSON, CHUNKED])

chunked = framed("chunked", lambda good: _CHUNKED_HEAD + _in_sevens(good), close=False, good=True)
close_delimited = framed("close_delimited", lambda good: head() + good, good=True)
truncated_close_delimited = framed("truncated", lambda good: head() + good[: len(good) // 2])
content_length_too_small = framed("length_too_small", lambda good: _sized(good, -10), close=False)
"""The rest is left over for the next answer."""

CUT_CHUNKS = (
    framed("fin_mid_chunk", lambda good: _CHUNKED_HEAD + f"{2 * len(good):x}\r\n".encode() + good),
    framed("missing_last_chunk", lambda good: _CHUNKED_HEAD + chunk(good)),
)
"""B05."""


def _chunk_size(name: str, line: bytes) -> Fault:
    """A good answer whose one chunk has this as its size line (B06)."""
    return framed(
        f"chunk_size_{name}",
        lambda good: _CHUNKED_HEAD + line + b"\r\n" + good + b"\r\n" + LAST_CHUNK,
        close=False,
    )


BAD_CHUNK_SIZES = (
    _chunk_size("not_hex", b"zz"),
    _chunk_size("negative", b"-5"),
    _chunk_size("empty", b""),
    _chunk_size("prefixed", b"0x10"),
    _chunk_size("huge", b"f" * 40),
    _chunk_size("endless", b"1" * 100_000),
)


def _lengths(name: str, *headers: tuple[str, str]) -> Fault:
    """A good body behind framing headers that cannot be trusted."""
    return framed(f"length_{name}", lambda good: head(200, [JSON, *headers]) + good)


BAD_LENGTHS = (
    framed("length_too_large", lambda good: _sized(good, 10)),
    _lengths("negative", ("Content-Length", "-1")),
    _lengths("word", ("Content-Length", "many")),
    _lengths("twice", ("Content-Length", "2"), ("Content-Length", "200")),
    _lengths("list", ("Content-Length", "2, 200")),
    _lengths("and_chunked", ("Content-Length", "2"), CHUNKED),
)
"""B07: lengths that lie, are no numbers, or several."""


def _status_line(name: str, line: bytes) -> Fault:
    """A good answer behind a bad first line (B11)."""
    return framed(f"status_line_{name}", lambda good: line + b"\r\n" + _sized(good, 0).partition(b"\r\n")[2])


tls_bytes = raw("tls_alert", bytes.fromhex("15030300020228"))

NOT_HTTP = (
    raw("garbage", bytes(range(128, 256)) * 8),
    _status_line("no_code", b"HTTP/1.1 OK"),
    raw("nul", b"\0" * 64),
    raw("empty_lines_then_end", b"\r\n" * 8),
    raw("json_only", b'{"embeddings":[]}'),
    raw("ssh", b"SSH-2.0-OpenSSH_9.6\r\n"),
    raw("http2_settings", bytes.fromhex("000000040000000000")),
    raw("header_without_colon", b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n"),
    _status_line("code_word", b"HTTP/1.1 two hundred"),
    _status_line("code_2000", b"HTTP/1.1 2000 OK"),
    _status_line("code_negative", b"HTTP/1.1 -20 OK"),
)
"""First bytes that are no HTTP/1.1 response (B11)."""

LENIENT_STATUS_LINES = (
    _status_line("version_9", b"HTTP/9.9 200 OK"),
    _status_line("lower_case", b"http/1.1 200 ok"),
    _status_line("no_phrase", b"HTTP/1.1 200"),
    _status_line("version_0", b"HTTP/1.0 200 OK"),
)
"""First lines that clients may refuse or let pass; the vectors behind them are right."""

# Responses that nobody asked for, on a connection that will be used again.


def _stray(ex: Exchange) -> bytes:
    """A complete answer of the same shape for somebody else's texts: wrong, but nothing about it says so."""
    return response(200, good_json(stray_texts(len(ex.request.texts)), ex.dim))


@fault
def extra_response_same_packet(ex: Exchange) -> None:
    """The right answer and a stray one in the same write (B09)."""
    ex.send(response(200, ex.good_body()) + _stray(ex))
    ex.mark_answered()


@fault
def extra_half_response(ex: Exchange) -> None:
    """The right answer and the first half of a stray one in the same write."""
    stray = _stray(ex)
    ex.send(response(200, ex.good_body()) + stray[: len(stray) // 2])
    ex.mark_answered()


@fault
def extra_line(ex: Exchange) -> None:
    """The right answer and one empty line too many: harmless by the letter, and often seen."""
    ex.send(response(200, ex.good_body()) + b"\r\n")
    ex.mark_answered()


@fault
def extra_408(ex: Exchange) -> None:
    """The right answer, and a 408 in the same write, as servers send when they close an idle connection."""
    ex.send(response(200, ex.good_body()) + response(408, b"", [("Connection", "close")]))
    ex.mark_answered()
    ex.conn.close()


@fault
def extra_response_when_idle(ex: Exchange) -> None:
    """The right answer, and a stray one when the client has had time to read it (B10).

    The record counts as finished when the stray answer is out, so `Oracle.wait_until_idle` waits for it.
    """
    ex.answer()
    ex.conn.sleep(0.05)
    ex.send(_stray(ex))


STRAYS = (extra_response_same_packet, extra_half_response, extra_408, extra_response_when_idle)

# Answers without end and answers by the drop. Each ends when the client leaves or the server closes.

_OK_LINE = b"HTTP/1.1 200 OK\r\n"


def header_bomb(headers: int = 20_000, size: int = 1000) -> Fault:
    """So many headers of so many bytes (20 MB), then the right answer (B12)."""

    def play(ex: Exchange) -> None:
        ex.send(_OK_LINE)
        for start in range(0, headers, 64):
            ex.send(_headers(start, min(headers, start + 64), size))
        good = ex.good_body()
        ex.send(f"Content-Length: {len(good)}\r\n\r\n".encode() + good)

    return Fault(f"header_bomb_{headers}x{size}", play)


@fault
def endless_headers(ex: Exchange) -> None:
    """Header after header, for ever."""
    ex.send(_OK_LINE)
    for start in count(0, 64):
        ex.send(_headers(start, start + 64, 1000))


def _headers(start: int, stop: int, size: int) -> bytes:
    value = "b" * size
    return "".join(f"X-Bomb-{number}: {value}\r\n" for number in range(start, stop)).encode()


def _with_endless_trailer(name: str, beginning: bytes, more: bytes) -> Fault:
    def play(ex: Exchange) -> None:
        ex.send(_CHUNKED_HEAD + chunk(ex.good_body()) + b"0\r\n" + beginning)
        ex.conn.sleep(0.02)  # the trailers come on their own
        while True:
            ex.send(more)

    return Fault(name, play)


HEADER_BOMBS = (
    header_bomb(),
    endless_headers,
    _endless("endless_header", _OK_LINE + b"X-Long: ", b"a" * 65536),
    _endless("endless_status_line", b"HTTP/1.1 200 ", b"O" * 65536),
    _endless(
        "endless_1xx_headers", b"HTTP/1.1 103 Early Hints\r\n", b"Link: </style.css>; rel=preload\r\n" * 2048
    ),
    _with_endless_trailer("endless_trailers", b"", b"X-Trailer: b\r\n" * 4096),
    _with_endless_trailer("endless_trailer", b"X-Trailer: ", b"b" * 65536),
)
"""B12."""


def endless_1xx(status: int = 102, interval: float = 0.01) -> Fault:
    """One interim response after the other (B13)."""
    return _endless(f"endless_{status}", b"", head(status, []), interval)


def some_1xx(status: int = 103, times: int = 3) -> Fault:
    """A few interim responses, then the right answer: no fault."""

    def play(ex: Exchange) -> None:
        ex.send(head(status, []) * times)
        ex.answer()

    return Fault(f"some_{status}", play)


def slow_headers(interval: float = 0.3) -> Fault:
    """The right answer, its head one byte at a time (B14)."""

    def play(ex: Exchange) -> None:
        good = response(200, ex.good_body())
        end = good.index(b"\r\n\r\n")
        ex.conn.drip(good[:end], interval)
        ex.send(good[end:])
        ex.mark_answered()

    return Fault("slow_headers", play)


def slow_body(interval: float = 0.3) -> Fault:
    """The right answer, its body one byte at a time (B15)."""

    def play(ex: Exchange) -> None:
        good = ex.good_body()
        ex.send(head(200, [JSON, ("Content-Length", str(len(good)))]))
        ex.conn.drip(good, interval)
        ex.mark_answered()

    return Fault("slow_body", play)


def slow_error(status: int = 503, interval: float = 0.3) -> Fault:
    """An error whose body comes one byte at a time."""
    return Fault(f"slow_{status}", lambda ex: ex.conn.drip(response(status, rpc_body(14)), interval))


# Section A: before there is any TLS, over the bare socket, whatever the server's context.


def client_hello(conn: Connection) -> bytes:
    """Read the first record, so that what is played is an answer to it."""
    header = conn.read_exactly(5)
    return conn.read_exactly(int.from_bytes(header[3:], "big"))


def _after_hello(name: str, play: Callable[[Connection], None]) -> Fault:
    def action(ex: Exchange) -> None:
        client_hello(ex.conn)
        play(ex.conn)

    return Fault(name, action, Stage.CONNECT)


def _says_after_hello(name: str, data: bytes) -> Fault:
    def play(conn: Connection) -> None:
        conn.send(data)
        conn.fin()

    return _after_hello(name, play)


handshake_stall = black_hole_on_connect
handshake_stall_after_hello = _after_hello("handshake_stall_after_hello", Connection.wait_for_client_to_leave)
rst_in_handshake = _after_hello("rst_in_handshake", Connection.rst)
fin_in_handshake = _after_hello("fin_in_handshake", Connection.close)
plaintext_answer_in_handshake = _says_after_hello(
    "plaintext_answer_in_handshake",
    response(400, b"Client sent garbage to an HTTP server", [TEXT, ("Connection", "close")]),
)
alert_protocol_version = _says_after_hello("alert_protocol_version", bytes.fromhex("15030100020246"))
garbage_in_handshake = _says_after_hello("garbage_in_handshake", bytes(range(128, 256)))

# A mixture for long runs: a client survives each after a retry, and none takes long. Some hold the right answer.

MIXED: tuple[Fault, ...] = (
    *CONNECTION_LOSSES,
    *CUT_CHUNKS,
    BAD_LENGTHS[0],
    truncated_close_delimited,
    BAD_CHUNK_SIZES[0],
    *NOT_HTTP[:2],
    tls_bytes,
    *STRAYS,
    close_after_answer,
    *(status(http) for http in (408, 429, 500, 502, 503, 504)),
    html_error(502),
    retry_after("0", http=503),
    *EMPTY_SUCCESSES,
    *(one_vector_short, first_vector_missing, one_vector_extra),
    *BROKEN_ENCODINGS,
    ragged,
    number("NaN"),
)
