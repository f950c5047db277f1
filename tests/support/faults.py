"""The faults that no emulator plays: what is wrong in the bytes, in their framing, or with the connection itself.

What the emulator can do is said in its own words instead: a script may hold ``"status=503;retry-after=2"``.
"""

import gzip
import json
import zlib
from itertools import count
from operator import methodcaller

from support.fault import (
    CHUNKED,
    JSON,
    OK,
    TEXT,
    Fault,
    Stage,
    body_fault,
    chunk,
    fault,
    head,
    response,
    sends,
)
from support.vectors import embeddings_json, good_json, row_json, rows_json, stray_texts, text_id

close, reset, end, drain = map(methodcaller, ("close", "rst", "fin", "wait_for_client_to_leave"))
"""How a fault may end its connection."""

# Section C: statuses and error bodies.

_HTTP_TO_GRPC = {
    400: 3, 401: 16, 403: 7, 404: 5, 409: 10, 429: 8, 499: 1, 500: 13, 501: 12, 503: 14, 504: 4,
}  # fmt: skip

BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"


def rpc_body(code, message="it did not work", details=()):
    """The gateway's error body."""
    return json.dumps({"code": code, "message": message, "details": list(details)}).encode()


def answer(name, status, body=b"", headers=(JSON,)):
    """Any complete response."""
    return sends(name, lambda _: response(status, body, headers))


def status(http, *, code=None, message="it did not work", details=(), headers=()):
    """An error with a gateway body; the gRPC code follows from the HTTP status unless given."""
    grpc = code if code is not None else _HTTP_TO_GRPC.get(http, 2)
    return answer(f"status_{http}", http, rpc_body(grpc, message, details), [JSON, *headers])


def retry_after(*values, http=429):
    """One Retry-After header per value, as text: seconds or nonsense (C08, C12, C16)."""
    return status(http, headers=[("Retry-After", value) for value in values])


def html_error(http):
    page = f"<html><head><title>{http}</title></head><body><h1>{http}</h1></body></html>".encode()
    return answer(f"html_{http}", http, page, [("Content-Type", "text/html; charset=utf-8")])


def endless_error(http):
    """An error body without length or end, for as long as the client reads."""
    return _endless(f"endless_{http}", head(http, [TEXT]), b"x" * 65536)


def error_bodies(http):
    """What only the wire tells apart, under one status (C13); other bodies are read in test_error_mapping.py."""
    beginning = [TEXT, ("Content-Length", "5000")]
    return (
        answer("empty", http, b"", []),
        answer("gzip", http, gzip.compress(rpc_body(2)), [JSON, ("Content-Encoding", "gzip")]),
        *(
            answer(f"no_{encoding}", http, rpc_body(2), [JSON, ("Content-Encoding", encoding)])
            for encoding in ("gzip", "br")
        ),
        sends(f"unfinished_{http}", lambda _: head(http, beginning) + b"the beginning", close),
    )


no_content = answer("no_content_204", 204, b"", [])
EMPTY_SUCCESSES = (
    no_content,
    sends("partial_206", lambda ex: response(206, ex.good_body())),
    answer("empty_200", 200),
)
"""C15: a success that brings nothing."""

# Servers with limits.

RECEIVED_LARGER = "grpc: received message larger than max ({size} vs. {limit})"
DECOMPRESSED_LARGER = "grpc: received message after decompression larger than max ({size} vs. {limit})"
SENDING_LARGER = "grpc: trying to send message larger than max ({size} vs. {limit})"


def when(condition, then, otherwise=OK):
    """One fault if the request is so, another if not."""
    return Fault("when", lambda ex: ex.play(then if condition(ex.request) else otherwise))


def too_many_texts(limit):
    """413 for batches of more texts (C06)."""
    return when(lambda request: len(request.texts) > limit, status(413))


def too_many_bytes(limit):
    """413 for bodies of more bytes (C06)."""
    return when(lambda request: request.body_bytes > limit, status(413))


def message_larger_than_max(limit, *, size=lambda request: request.body_bytes, wording=RECEIVED_LARGER):
    """The 429 that will never succeed: a gRPC hop's message limit, with both sizes in its message (C10)."""

    def play(ex):
        actual = size(ex.request)
        message = wording.format(size=actual, limit=limit)
        ex.play(status(429, code=8, message=message) if actual > limit else OK)

    return Fault("message_larger_than_max", play)


def poison(texts, *, field_violations=False):
    """400 for any batch that holds one of these texts; with violations, it names their places (C01)."""
    guilty = frozenset(map(text_id, texts))

    def play(ex):
        places = [index for index, text in enumerate(ex.request.texts) if text_id(text) in guilty]
        details = [violations(places)] if field_violations else []
        ex.play(status(400, message="invalid input", details=details) if places else OK)

    return Fault("poison", play)


def violations(places):
    """The detail that names inputs by their places."""
    named = [{"field": f"inputs[{index}].text", "description": "is refused"} for index in places]
    return {"@type": BAD_REQUEST, "fieldViolations": named}


def wrong_for(texts, bad):
    """Another fault for any batch that holds one of these texts, such as a body that is never valid."""
    guilty = frozenset(map(text_id, texts))
    return when(lambda request: any(text_id(text) in guilty for text in request.texts), bad)


# Section D: 200s whose content is wrong.


def _rows(name, rows):
    return body_fault(name, lambda texts, dim: embeddings_json(rows(texts, dim)))


one_vector_short = _rows("one_vector_short", lambda texts, dim: rows_json(texts[:-1], dim))
first_vector_missing = _rows("first_vector_missing", lambda texts, dim: rows_json(texts[1:], dim))
one_vector_extra = _rows("one_vector_extra", lambda texts, dim: rows_json([*texts, *stray_texts(1)], dim))
ragged = _rows("ragged", lambda texts, dim: [*rows_json(texts[:-1], dim), row_json(texts[-1], dim - 1)])
"""The last vector is one value short; with one text the answer is just of another dimension."""


def other_dimension(dim):
    """Right but for the dimension, and all rows agree: only an earlier response can tell (D05)."""
    return body_fault(f"dimension_{dim}", lambda texts, _: good_json(texts, dim))


def whole(name, data):
    """The body is this (D02)."""
    return body_fault(f"body_{name}", lambda _texts, _dim: data)


def number(literal):
    """The first value of the last vector is this literal, whatever it is."""

    def rows(texts, dim):
        first, rest = row_json(texts[-1], dim).split(b",", 1)
        row = first[: first.index(b"[") + 1] + literal.encode() + b"," + rest
        return [*rows_json(texts[:-1], dim), row]

    return _rows(f"number_{literal[:24]}", rows)


def _constant(literal):
    row = lambda dim: b'{"values":[' + b",".join([literal] * dim) + b"]}"  # noqa: E731
    return _rows(f"constant_{literal.decode()}", lambda texts, dim: [row(dim)] * len(texts))


zero_vectors, huge_norm = _constant(b"0"), _constant(b"1e30")
"""D07."""

html_200 = answer(
    "html_200",
    200,
    b"<!DOCTYPE html><html><title>Sign in</title><body>Welcome</body></html>",
    [("Content-Type", "text/html; charset=utf-8")],
)


def content_type(value):
    """The right JSON under another Content-Type, or under none."""
    headers = [] if value is None else [("Content-Type", value)]
    return sends(f"content_type_{value}", lambda ex: response(200, ex.good_body(), headers), good=True)


def encoded(name, encoding, encode, *, good=False):
    """The right body, passed through ``encode`` and called ``encoding``."""
    headers = [JSON, ("Content-Encoding", encoding)]
    return sends(name, lambda ex: response(200, encode(ex.good_body()), headers), good=good)


gzip_good = encoded("gzip_good", "gzip", gzip.compress, good=True)
not_gzip = encoded("not_gzip", "gzip", bytes)

BROKEN_ENCODINGS = (
    encoded("gzip_cut", "gzip", lambda data: gzip.compress(data)[:-12]),
    encoded("gzip_bad_checksum", "gzip", lambda data: gzip.compress(data)[:-8] + b"\0" * 8),
    not_gzip,
    encoded("unknown_encoding", "x-secret", lambda data: data[::-1]),
)
"""Bodies that cannot be undone, or only in part."""


def _in_members(body):
    return b"".join(gzip.compress(body[at : at + 99]) for at in range(0, len(body), 99))


GOOD_ENCODINGS = (
    encoded("identity", "identity", bytes, good=True),
    gzip_good,
    encoded("several_gzip_members", "gzip", _in_members, good=True),
    encoded("deflate_good", "deflate", zlib.compress, good=True),
)

# Bodies that want to fill the client's memory. The server itself needs a few megabytes at most.

_PIECE = 2**20
_FILLER = b" " * _PIECE  # white space is good JSON, so no parser may stop the bomb before the cap does


def _endless(name, beginning, more, pause=0.0):
    """Bytes that never end, after these; ``bytes_sent`` tells how many the client took."""

    def play(ex):
        ex.send(beginning)
        while True:
            ex.send(more)
            ex.conn.sleep(pause)

    return Fault(name, play)


def declared_body(size=10_000_000_000):
    """An honest Content-Length over any cap, and a body to match for whoever reads it (D14)."""

    def play(ex):
        ex.send(head(200, [JSON, ("Content-Length", str(size))]))
        for start in range(0, size, _PIECE):
            ex.send(_FILLER[: size - start])

    return Fault(f"declares_{size}", play)


_CHUNKED_HEAD = head(200, [JSON, CHUNKED])
endless_chunks = _endless("endless_chunks", _CHUNKED_HEAD, chunk(_FILLER))
endless_close_delimited = _endless("endless_close_delimited", head(), _FILLER)


def bomb(encoding, size=10**9):
    """White space of ``size`` bytes (rounded up to 1 MiB), a thousandth of that on the wire (D13)."""

    def play(ex):
        ex.send(head(200, [JSON, CHUNKED, ("Content-Encoding", encoding)]))
        for piece in packed(size, {"gzip": 31, "deflate": 15}[encoding]):
            ex.send(chunk(piece))
        ex.send(chunk(b""))

    return Fault(f"{encoding}_bomb_{size}", play)


def packed(size, wbits=31):
    """One valid compressed stream (a single gzip member) of white space, piece by piece."""
    packer = zlib.compressobj(9, wbits=wbits)
    for _ in range(-(-size // _PIECE)):
        yield packer.compress(_FILLER) + packer.flush(zlib.Z_SYNC_FLUSH)
    yield packer.flush()


NOT_ASKED_FOR = (
    encoded("double_gzip_bomb", "gzip, gzip", lambda _: gzip.compress(b"".join(packed(10**8)))),
    encoded("brotli", "br", lambda _: b"\x1b" + b"x" * 99),
)
"""Encodings that no request of ours named."""

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

close_after_answer = sends("close_after_answer", lambda ex: response(200, ex.good_body()), close, good=True)
"""Answer rightly and close at once, without a word of it in the headers (B01)."""


announced_close = sends(
    "announced_close",
    lambda ex: response(200, ex.good_body(), [JSON, ("Connection", "close")]),
    close,
    good=True,
)
"""Good manners, not a fault."""


def _half(ex):
    good = ex.good_body()
    return _sized(good, 0)[: -(len(good) // 2)]


def _reset_later(conn):
    conn.sleep(0.02)  # or the reset would overtake the bytes
    conn.rst()


rst_mid_body = sends("rst_mid_body", _half, _reset_later)
fin_mid_body = sends("fin_mid_body", _half, close)
black_hole_mid_body = sends("black_hole_mid_body", _half, drain)


def raw(name, data):
    """Send these bytes instead of an answer, and close (B11)."""
    return sends(name, lambda _: data, close)


# Framing: lengths that lie, broken chunks, and bytes that are no HTTP at all.


def framed(name, make, ending=close, *, good=False):
    """What ``make`` makes of the right body: head, body and all."""
    return sends(name, lambda ex: make(ex.good_body()), ending, good=good)


def _in_sevens(good):
    return b"".join(chunk(good[start : start + 7]) for start in range(0, len(good), 7)) + chunk(b"")


def _sized(good, more):
    return head(200, [JSON, ("Content-Length", str(len(good) + more))]) + good


def _chunk_size(name, line):
    """A good answer whose one chunk has this as its size line."""
    make = lambda good: _CHUNKED_HEAD + line + b"\r\n" + good + b"\r\n" + chunk(b"")  # noqa: E731
    return framed(f"chunk_size_{name}", make, None)


def _lengths(name, *headers):
    """A good body behind framing headers that cannot be trusted."""
    return framed(f"length_{name}", lambda good: head(200, [JSON, *headers]) + good)


chunked = framed("chunked", lambda good: _CHUNKED_HEAD + _in_sevens(good), None, good=True)
close_delimited = framed("close_delimited", lambda good: head() + good, good=True)
truncated_close_delimited = framed("truncated", lambda good: head() + good[: len(good) // 2])
content_length_too_small = framed("length_too_small", lambda good: _sized(good, -10), None)
"""The rest is left over for the next answer."""
tls_bytes = raw("tls_alert", bytes.fromhex("15030300020228"))

NOT_WHOLE = {
    "B02": (fin_before_any_byte,),
    "B03": (rst_before_any_byte,),
    "B04": (rst_mid_body, fin_mid_body, raw("fin_mid_headers", b"HTTP/1.1 200 OK\r\nContent-Type: appli")),
    "B05": (
        framed("fin_mid_chunk", lambda good: _CHUNKED_HEAD + f"{2 * len(good):x}\r\n".encode() + good),
        framed("missing_last_chunk", lambda good: _CHUNKED_HEAD + chunk(good)),
    ),
    "B06": (
        _chunk_size("not_hex", b"zz"),
        _chunk_size("negative", b"-5"),
        _chunk_size("huge", b"f" * 40),
        _chunk_size("endless", b"1" * 100_000),
    ),
    "B07": (
        framed("length_too_large", lambda good: _sized(good, 10)),
        _lengths("word", ("Content-Length", "many")),
        _lengths("twice", ("Content-Length", "2"), ("Content-Length", "200")),
        _lengths("and_chunked", ("Content-Length", "2"), CHUNKED),
    ),
    "B11": (
        raw("garbage", bytes(range(128, 256)) * 8),
        raw("empty_lines_then_end", b"\r\n" * 8),
        raw("header_without_colon", b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n"),
        framed("code_2000", lambda good: b"HTTP/1.1 2000 OK\r\n" + _sized(good, 0).partition(b"\r\n")[2]),
    ),
}
"""By row: losses of the connection, and framing that cannot be trusted, before the answer is complete. All transient."""

# Responses that nobody asked for, on a connection that will be used again.


def _stray(ex):
    """A complete answer of the same shape for somebody else's texts: wrong, but nothing about it says so."""
    return response(200, good_json(stray_texts(len(ex.request.texts)), ex.dim))


def _followed_by(name, more, ending=None):
    return sends(name, lambda ex: response(200, ex.good_body()) + more(ex), ending, good=True)


extra_response_same_packet = _followed_by("extra_response_same_packet", _stray)
extra_half_response = _followed_by("extra_half_response", lambda ex: _stray(ex)[:-100])
extra_line = _followed_by("extra_line", lambda _: b"\r\n")
"""One empty line too many: harmless by the letter, and often seen."""
extra_408 = _followed_by("extra_408", lambda _: response(408, b"", [("Connection", "close")]), close)
"""As servers send when they close an idle connection."""


@fault
def extra_response_when_idle(ex):
    """The right answer, and a stray one when the client has had time to read it (B10).

    The record counts as finished when the stray answer is out, so `Oracle.wait_until_idle` waits for it.
    """
    ex.answer()
    ex.conn.sleep(0.05)
    ex.send(_stray(ex))


STRAYS = (extra_response_same_packet, extra_half_response, extra_408, extra_response_when_idle)

# Answers without end and answers by the drop. Each ends when the client leaves or the server closes.

_OK_LINE = b"HTTP/1.1 200 OK\r\n"


def _headers(start, stop, size):
    value = "b" * size
    return "".join(f"X-Bomb-{number}: {value}\r\n" for number in range(start, stop)).encode()


def many_headers(number, size):
    """So many headers of so many bytes, then the rest of the right answer."""
    return sends(
        "many_headers",
        lambda ex: _OK_LINE + _headers(0, number, size) + _sized(ex.good_body(), 0).partition(b"\r\n")[2],
        good=True,
    )


@fault
def endless_headers(ex):
    ex.send(_OK_LINE)
    for start in count(0, 64):
        ex.send(_headers(start, start + 64, 1000))


@fault
def endless_trailer(ex):
    ex.send(_CHUNKED_HEAD + chunk(ex.good_body()) + b"0\r\nX-Trailer: ")
    ex.conn.sleep(0.02)  # the trailers come on their own
    while True:
        ex.send(b"b" * 65536)


HEADER_BOMBS = (
    endless_headers,
    _endless("endless_header", _OK_LINE + b"X-Long: ", b"a" * 65536),
    _endless("endless_status_line", b"HTTP/1.1 200 ", b"O" * 65536),
    _endless(
        "endless_1xx_headers", b"HTTP/1.1 103 Early Hints\r\n", b"Link: </style.css>; rel=preload\r\n" * 2048
    ),
    endless_trailer,
)
"""B12."""


def endless_1xx(status=102, interval=0.01):
    """One interim response after the other (B13)."""
    return _endless(f"endless_{status}", b"", head(status, []), interval)


def some_1xx(status=103, times=3):
    """A few interim responses, then the right answer: no fault."""
    return sends(
        f"some_{status}", lambda ex: head(status, []) * times + response(200, ex.good_body()), good=True
    )


def slow_headers(interval=0.3):
    """The right answer, its head one byte at a time (B14)."""

    def play(ex):
        start, blank, rest = response(200, ex.good_body()).partition(b"\r\n\r\n")
        ex.conn.drip(start, interval)
        ex.send(blank + rest)
        ex.mark_answered()

    return Fault("slow_headers", play)


def slow_body(interval=0.3):
    """The right answer, its body one byte at a time (B15)."""

    def play(ex):
        good = ex.good_body()
        ex.send(_sized(good, 0)[: -len(good)])
        ex.conn.drip(good, interval)
        ex.mark_answered()

    return Fault("slow_body", play)


def slow_error(status=503, interval=0.3):
    """An error whose body comes one byte at a time."""
    return Fault(f"slow_{status}", lambda ex: ex.conn.drip(response(status, rpc_body(14)), interval))


# Section A: before there is any TLS, over the bare socket, whatever the server's context.


def client_hello(conn):
    """Read the first record, so that what is played is an answer to it."""
    header = conn.read_exactly(5)
    return conn.read_exactly(int.from_bytes(header[3:], "big"))


def after_hello(name, data, ending=end):
    """Send these bytes after the first record of a handshake, and end the connection in this way."""

    def action(ex):
        client_hello(ex.conn)
        ex.send(data)
        ending(ex.conn)

    return Fault(name, action, Stage.CONNECT)


handshake_stall_after_hello = after_hello("after_hello", b"", drain)
rst_in_handshake = after_hello("rst_in_handshake", b"", reset)
fin_in_handshake = after_hello("fin_in_handshake", b"", close)
plaintext_answer_in_handshake = after_hello(
    "plaintext", response(400, b"Client sent garbage to an HTTP server", [TEXT, ("Connection", "close")])
)
alert_protocol_version = after_hello("alert_protocol_version", bytes.fromhex("15030100020246"))
garbage_in_handshake = after_hello("garbage_in_handshake", bytes(range(128, 256)))

# A mixture for long runs: a client survives each after a retry, and none takes long. Some hold the right answer.

MIXED = (
    *(faults[0] for faults in NOT_WHOLE.values()),
    *NOT_WHOLE["B04"][1:],
    truncated_close_delimited,
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
