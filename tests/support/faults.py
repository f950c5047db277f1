"""What a server can do wrong: every fault a `FaultServer` plays, by section of the catalogue."""

import gzip
import json
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from support.connection import Connection
from support.fault import OK, Exchange, Fault, Request, Stage, at, body, body_fault, fault, good_body
from support.reader import EMBED_PATH
from support.script import Choice, at_random
from support.vectors import (
    DIM,
    embeddings_json,
    good_json,
    row_json,
    rows_json,
    stray_texts,
    text_id,
    values_json,
    vectors_for,
)
from support.wire import CHUNKED, HTML, JSON, LAST_CHUNK, TEXT, Headers, chunk, head, response

# Error statuses with every kind of body: the gateway's JSON, HTML, nothing, a megabyte, binary, compressed.

GRPC_TO_HTTP = {
    1: 499, 2: 500, 3: 400, 4: 504, 5: 404, 6: 409, 7: 403, 8: 429,
    9: 400, 10: 409, 11: 400, 12: 501, 13: 500, 14: 503, 15: 500, 16: 401,
}  # fmt: skip
"""The gateway's HTTP status for each gRPC code."""

_HTTP_TO_GRPC = {
    400: 3, 401: 16, 403: 7, 404: 5, 409: 10, 429: 8, 499: 1,
    500: 13, 501: 12, 503: 14, 504: 4,
}  # fmt: skip


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


def grpc_status(code: int) -> Fault:
    """The error of a gRPC code under the HTTP status the gateway gives it."""
    return status(GRPC_TO_HTTP[code], code=code)


def nested_error(http: int, code: int) -> Fault:
    """The form of the streaming endpoints: the status wrapped in ``error``."""
    return answer(f"nested_{http}", http, b'{"error":' + rpc_body(code) + b"}")


def html_error(http: int) -> Fault:
    page = f"<html><head><title>{http}</title></head><body><h1>{http}</h1></body></html>".encode()
    return answer(f"html_{http}", http, page, [HTML])


def text_error(http: int, text: str = "upstream connect error or disconnect/reset before headers") -> Fault:
    """What a proxy in front answers."""
    return answer(f"text_{http}", http, text.encode(), [TEXT])


def empty_error(http: int) -> Fault:
    return answer(f"empty_{http}", http, b"", [])


def huge_error(http: int, size: int = 2**20) -> Fault:
    """A gateway body whose message alone is a megabyte."""
    return answer(f"huge_{http}", http, rpc_body(2, "x" * size))


def endless_error(http: int) -> Fault:
    """An error body without length or end, for as long as the client reads."""

    def play(ex: Exchange) -> None:
        ex.send(f"HTTP/1.1 {http} Error\r\nContent-Type: text/plain\r\n\r\n".encode())
        while True:
            ex.send(b"x" * 65536)

    return Fault(f"endless_{http}", play)


def binary_error(http: int) -> Fault:
    return answer(
        f"binary_{http}", http, bytes(range(256)) * 4, [("Content-Type", "application/octet-stream")]
    )


def binary_json_error(http: int) -> Fault:
    """Binary rubbish that calls itself JSON."""
    return answer(f"binary_json_{http}", http, bytes(range(256)) * 4)


def gzip_error(http: int) -> Fault:
    body = gzip.compress(rpc_body(_HTTP_TO_GRPC.get(http, 2)))
    return answer(f"gzip_{http}", http, body, [JSON, ("Content-Encoding", "gzip")])


def broken_gzip_error(http: int) -> Fault:
    """Says gzip and is not."""
    return answer(f"broken_gzip_{http}", http, rpc_body(2), [JSON, ("Content-Encoding", "gzip")])


def odd_json_errors(http: int) -> tuple[Fault, ...]:
    """JSON bodies that are no gateway status."""
    bodies = {
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
    return tuple(answer(f"odd_{name}_{http}", http, body) for name, body in bodies.items())


def error_bodies(http: int) -> tuple[Fault, ...]:
    """Every kind of body under one status (C13)."""
    kinds = (
        status, nested_of, html_error, text_error, empty_error, huge_error,
        binary_error, binary_json_error, gzip_error, broken_gzip_error,
    )  # fmt: skip
    return (*(kind(http) for kind in kinds), *odd_json_errors(http))


def nested_of(http: int) -> Fault:
    """`nested_error` with the code that belongs to the status."""
    return nested_error(http, _HTTP_TO_GRPC.get(http, 2))


no_content = answer("no_content_204", 204, b"", [])
empty_200 = answer("empty_200", 200)


partial_content = Fault("partial_206", lambda ex: ex.reply(206, ex.good_body()))
"""206 with a body that would be right under 200."""

EMPTY_SUCCESSES = (no_content, partial_content, empty_200)
"""C15: a success that brings nothing."""

TRANSIENT_STATUSES = (
    408,
    409,
    425,
    499,
    500,
    502,
    503,
    504,
    520,
    521,
    522,
    523,
    524,
    525,
    526,
    527,
    530,
    599,
)
"""C05 and C11."""

FINAL_STATUSES = (400, 401, 403, 404, 405, 402, 406, 410, 414, 415, 418, 422, 431, 451, 501)
"""Never retried: C01 to C04, and unknown 4xx."""


# Errors that say when to come back: Retry-After in every spelling, RetryInfo, both at once.

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


# Redirects of every kind. A client that follows one sends its texts and its key where nobody meant them to go.

REDIRECT_STATUSES = (301, 302, 303, 307, 308)


def redirect(status: int, location: str) -> Fault:
    """This status with this Location (A16)."""

    def play(ex: Exchange) -> None:
        ex.reply(status, b"", [("Location", location)])

    return Fault(f"redirect_{status}", play)


def redirect_without_location(status: int = 302) -> Fault:
    return Fault(f"redirect_{status}_nowhere", lambda ex: ex.reply(status, b"", []))


def redirect_to_itself(status: int = 307) -> Fault:
    """The same origin and path: a loop for whoever follows."""
    return redirect(status, EMBED_PATH)


ODD_LOCATIONS = (
    "file:///etc/hostname",
    "http://127.0.0.1:0/",
    "http://127.0.0.1:99999/",
    "//127.0.0.1:1/ml",
    "ftp://127.0.0.1/",
    "http://",
    "http://[::bad/",
    "embedding:embed",
    "",
)
"""Locations that name no place to go, for `redirect`."""


# Servers with limits: batches too large by texts or bytes, a text they refuse, so many requests a second.

BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"

RECEIVED_LARGER = "grpc: received message larger than max ({size} vs. {limit})"
DECOMPRESSED_LARGER = "grpc: received message after decompression larger than max ({size} vs. {limit})"
SENDING_LARGER = "grpc: trying to send message larger than max ({size} vs. {limit})"


def when(condition: Callable[[Request], bool], then: Fault, otherwise: Fault = OK) -> Fault:
    """One fault if the request is so, another if not."""
    return Fault("when", lambda ex: ex.play(then if condition(ex.request) else otherwise))


def too_many_texts(limit: int, *, http: int = 413, otherwise: Fault = OK) -> Fault:
    """413 for batches of more texts (C06)."""
    return when(lambda request: len(request.texts) > limit, status(http), otherwise)


def too_many_bytes(limit: int, *, http: int = 413, otherwise: Fault = OK) -> Fault:
    """413 for bodies of more bytes (C06)."""
    return when(lambda request: request.body_bytes > limit, status(http), otherwise)


def message_larger_than_max(
    limit: int,
    *,
    size: Callable[[Request], int] = lambda request: request.body_bytes,
    wording: str = RECEIVED_LARGER,
    otherwise: Fault = OK,
) -> Fault:
    """The 429 that will never succeed: a gRPC hop's message limit, with both sizes in its message (C10).

    Args:
        limit: the most that ``size`` may be.
        size: bytes of the request; for a limit by texts, ``lambda r: 3072 * len(r.texts)``.
        wording: one of the three that gRPC uses, with ``{size}`` and ``{limit}``.
        otherwise: what smaller batches get.
    """

    def play(ex: Exchange) -> None:
        actual = size(ex.request)
        message = wording.format(size=actual, limit=limit)
        ex.play(status(429, code=8, message=message) if actual > limit else otherwise)

    return Fault("message_larger_than_max", play)


def poison(
    texts: Collection[str], *, field_violations: bool = False, http: int = 400, otherwise: Fault = OK
) -> Fault:
    """400 for any batch that holds one of these texts; a client has to bisect to find it (C01).

    With ``field_violations`` the error names the place of each, as ``inputs[3].text``.
    """
    guilty = frozenset(map(text_id, texts))

    def play(ex: Exchange) -> None:
        places = [index for index, text in enumerate(ex.request.texts) if text_id(text) in guilty]
        details = [_violations(places)] if field_violations else []
        ex.play(status(http, code=3, message="invalid input", details=details) if places else otherwise)

    return Fault("poison", play)


def _violations(places: list[int]) -> dict[str, Any]:
    named = [{"field": f"inputs[{index}].text", "description": "is refused"} for index in places]
    return {"@type": BAD_REQUEST, "fieldViolations": named}


def wrong_for(texts: Collection[str], bad: Fault, otherwise: Fault = OK) -> Fault:
    """Another fault for any batch that holds one of these texts, such as a body that is never valid."""
    guilty = frozenset(map(text_id, texts))
    return when(lambda request: any(text_id(text) in guilty for text in request.texts), bad, otherwise)


def key_echo(text: str, *, http: int = 403) -> Fault:
    """An error message that quotes what the test gives it: a key, ANSI codes, line breaks (C14)."""
    return Fault(f"key_echo_{http}", lambda ex: ex.reply(http, rpc_body(7, text)))


# 200s whose JSON is right but whose shape is not (D01 to D05, D12, D15), and some odd ones that are right.


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


@body
def ragged_same_total(texts: Sequence[str], dim: int) -> bytes:
    """The first vector gives one value to the last: the sum of all lengths is right. Needs two texts."""
    first, last = row_json(texts[0], dim - 1), row_json(texts[-1], dim + 1)
    return embeddings_json([first, *rows_json(texts[1:-1], dim), last])


def other_dimension(dim: int) -> Fault:
    """Right but for the dimension, and all rows agree: only an earlier response can tell (D05)."""
    return body_fault(f"dimension_{dim}", lambda texts, _: good_json(texts, dim))


def last_row(name: str, row: bytes) -> Fault:
    """The last element of ``embeddings`` is this JSON (D03)."""
    return body_fault(f"row_{name}", lambda texts, dim: embeddings_json([*rows_json(texts[:-1], dim), row]))


def whole(name: str, data: bytes) -> Fault:
    """The body is this (D02)."""
    return body_fault(f"body_{name}", lambda _texts, _dim: data)


@body
def nested_values(texts: Sequence[str], dim: int) -> bytes:
    """``[[1], [2]]`` for ``[1, 2]``: a reader that flattens would not see it."""
    nested = [[[value] for value in json.loads(values_json(text, dim))] for text in texts]
    return json.dumps({"embeddings": [{"values": values} for values in nested]}).encode()


@body
def top_level_rows(texts: Sequence[str], dim: int) -> bytes:
    """A list of the right rows, without the object around it."""
    return b"[" + b",".join(rows_json(texts, dim)) + b"]"


@body
def bare_rows(texts: Sequence[str], dim: int) -> bytes:
    """Rows that are lists of numbers, not objects with ``values``."""
    return embeddings_json([values_json(text, dim) for text in texts])


@fault
def swapped(ex: Exchange) -> None:
    """The right vectors in reverse order (D15): nothing in the response tells."""
    texts = list(reversed(ex.request.texts))
    ex.reply(200, good_json(texts, ex.dim))


@fault
def somebody_elses_vectors(ex: Exchange) -> None:
    """A response that belongs to another request (D16)."""
    ex.reply(200, good_json(stray_texts(len(ex.request.texts)), ex.dim))


@body
def duplicate_embeddings_key(texts: Sequence[str], dim: int) -> bytes:
    """``embeddings`` twice, first with somebody else's vectors: readers differ in which one they take."""
    wrong, right = good_json(stray_texts(len(texts)), dim), good_json(texts, dim)
    return wrong[:-1] + b"," + right[1:]


@body
def duplicate_values_key(texts: Sequence[str], dim: int) -> bytes:
    """``values`` twice in the last row, first with somebody else's."""
    wrong, right = row_json(stray_texts(1)[0], dim), row_json(texts[-1], dim)
    return embeddings_json([*rows_json(texts[:-1], dim), wrong[:-1] + b"," + right[1:]])


def _with_unknown_fields(texts: Sequence[str], dim: int) -> bytes:
    rows = [
        b'{"index":3,"new":{"values":[9,9]},' + row[1:-1] + b',"z":null}' for row in rows_json(texts, dim)
    ]
    return b'{"model":"m","usage":{"embeddings":[1]},' + embeddings_json(rows)[1:-1] + b',"more":[[1],"x"]}'


def _with_white_space(texts: Sequence[str], dim: int) -> bytes:
    return json.dumps(json.loads(good_json(texts, dim)), indent="\t\r\n ").encode()


def _with_escaped_keys(texts: Sequence[str], dim: int) -> bytes:
    return good_json(texts, dim).replace(b'"embeddings"', b'"\\u0065mbeddings"')


unknown_fields = good_body("unknown_fields", _with_unknown_fields)
white_space = good_body("white_space", _with_white_space)
escaped_keys = good_body("escaped_keys", _with_escaped_keys)

GOOD_SHAPES = (unknown_fields, white_space, escaped_keys)
"""Odd, but right: must be accepted (D12)."""

WRONG_COUNTS = (
    one_vector_short,
    first_vector_missing,
    one_vector_extra,
    whole("no_vectors", b'{"embeddings":[]}'),
)
"""D01."""

BAD_ENVELOPES = (
    whole("embeddings_missing", b"{}"),
    whole("embeddings_null", b'{"embeddings":null}'),
    whole("embeddings_object", b'{"embeddings":{}}'),
    whole("embeddings_string", b'{"embeddings":"none"}'),
    whole("embeddings_number", b'{"embeddings":1}'),
    whole("top_level_list", b"[]"),
    whole("top_level_null", b"null"),
    whole("top_level_string", b'"ok"'),
    whole("top_level_number", b"1"),
    whole("top_level_true", b"true"),
    whole("blank", b" \n"),
    whole("error_in_200", b'{"code":13,"message":"internal","details":[]}'),
    whole("cut", b'{"embeddings":[{"values":[0.1,'),
    top_level_rows,
    bare_rows,
)
"""D02."""

BAD_ROWS = (
    last_row("values_missing", b"{}"),
    last_row("values_null", b'{"values":null}'),
    last_row("values_empty", b'{"values":[]}'),
    last_row("values_object", b'{"values":{}}'),
    last_row("values_string", b'{"values":"0.1"}'),
    last_row("values_number", b'{"values":0.1}'),
    last_row("null", b"null"),
    last_row("list", b"[]"),
    last_row("string", b'"row"'),
    nested_values,
)
"""D03, and D08 for rows."""

UNEQUAL_ROWS = (ragged, ragged_same_total)
"""D04; both need at least two texts."""


# 200s with one odd number in an otherwise right answer (D06 to D09), and values nested without end (D10).


def number(literal: str) -> Fault:
    """The first value of the last vector is this literal, whatever it is."""

    def build(texts: Sequence[str], dim: int) -> bytes:
        first, rest = row_json(texts[-1], dim).split(b",", 1)
        row = first[: first.index(b"[") + 1] + literal.encode() + b"," + rest
        return embeddings_json([*rows_json(texts[:-1], dim), row])

    return body_fault(f"number_{literal[:24]}", build)


def vectors_with(literal: str, texts: Sequence[str], dim: int = DIM) -> NDArray[np.float32]:
    """What a client must make of `number` with a good literal: numpy's rounding to float32."""
    vectors = vectors_for(texts, dim)
    vectors[-1, 0] = np.float32(float(literal))
    return vectors


GOOD_LITERALS = (
    "0", "1", "-1", "-0.0", "-0", "1e-45", "1e-46", "5e-324", "1e-400", "1E-2", "1e+2", "123456789",
    "16777217", "9007199254740993", "18446744073709551616", "3.4028234663852886e38", "0.1",
    "0." + "1234567890" * 1000,
    "0.500000029802322387695312" + "5" * 40,
)  # fmt: skip
"""Numbers that must be accepted (D09)."""

NOT_FINITE = (
    "NaN", "Infinity", "-Infinity", "nan", "inf", '"NaN"', '"Infinity"', '"-Infinity"',
    "1e999", "-1e999", "1e39", "-1e39", "3.5e38", "1" + "0" * 400,
)  # fmt: skip
"""Numbers that are none, or none in float32 (D06)."""

NO_NUMBERS = (
    '"0.5"', '""', "true", "false", "null", "[1]", "[]", "{}", "0x10", "01", "+1", ".5", "1.", "1e", "--1",
    "1_000", "1,5,", "", "'1'", "0.5 0.5", "\u0661",
)  # fmt: skip
"""Things in a number's place that are no JSON numbers (D08)."""

good_numbers = tuple(map(number, GOOD_LITERALS))
BAD_NUMBERS = tuple(map(number, (*NOT_FINITE, *NO_NUMBERS)))


def constant_vectors(literal: str) -> Fault:
    """Every value of every vector is this: ``"0"`` for all-zero vectors, ``"1e30"`` for a huge norm (D07)."""

    def build(texts: Sequence[str], dim: int) -> bytes:
        row = b'{"values":[' + b",".join([literal.encode()] * dim) + b"]}"
        return embeddings_json([row] * len(texts))

    return body_fault(f"constant_{literal}", build)


zero_vectors = constant_vectors("0")
huge_norm = constant_vectors("1e30")

_DEPTH = 200_000

DEEP_NESTING = (
    whole("deep_lists", b"[" * _DEPTH + b"]" * _DEPTH),
    whole("deep_lists_open", b"[" * _DEPTH),
    whole("deep_objects", b'{"a":' * _DEPTH + b"1" + b"}" * _DEPTH),
    whole("deep_values", b'{"embeddings":[{"values":' + b"[" * _DEPTH + b"]" * _DEPTH + b"}]}"),
    whole("deep_unknown", b'{"new":' + b"[" * _DEPTH + b"]" * _DEPTH + b',"embeddings":[]}'),
)
"""D10."""


# 200s whose bytes are not plain UTF-8 JSON: captive portals, byte order marks, compression good and broken.

html_200 = answer(
    "html_200", 200, b"<!DOCTYPE html><html><title>Sign in</title><body>Welcome</body></html>", [HTML]
)
html_as_json_200 = answer("html_as_json_200", 200, b"<!DOCTYPE html><html></html>")


def content_type(value: str | None) -> Fault:
    """The right JSON under another Content-Type, or under none."""
    headers = [] if value is None else [("Content-Type", value)]
    return Fault(f"content_type_{value}", lambda ex: ex.reply(200, ex.good_body(), headers))


@body
def utf8_bom(texts: Sequence[str], dim: int) -> bytes:
    return b"\xef\xbb\xbf" + good_json(texts, dim)


@body
def utf16_body(texts: Sequence[str], dim: int) -> bytes:
    return good_json(texts, dim).decode().encode("utf-16")


@body
def invalid_utf8(texts: Sequence[str], dim: int) -> bytes:
    """A field nobody asked for, with bytes that are no UTF-8."""
    return good_json(texts, dim)[:-1] + b',"note":"\xff\xfe\xc3"}'


@body
def trailing_garbage(texts: Sequence[str], dim: int) -> bytes:
    return good_json(texts, dim) + b" trailing"


@body
def two_documents(texts: Sequence[str], dim: int) -> bytes:
    return good_json(texts, dim) * 2


@body
def nul_after_json(texts: Sequence[str], dim: int) -> bytes:
    return good_json(texts, dim) + b"\0"


BAD_TEXT = (utf16_body, trailing_garbage, two_documents, nul_after_json, html_200, html_as_json_200)
"""Bytes that are not one JSON document."""


def encoded(name: str, encoding: str, encode: Callable[[bytes], bytes]) -> Fault:
    """The right body, passed through ``encode`` and called ``encoding``."""

    def play(ex: Exchange) -> None:
        ex.reply(200, encode(ex.good_body()), [JSON, ("Content-Encoding", encoding)])

    return Fault(name, play)


def _good(fault: Fault) -> Fault:
    def play(ex: Exchange) -> None:
        fault.action(ex)
        ex.mark_answered()

    return Fault(fault.name, play)


def raw_deflate(data: bytes) -> bytes:
    """Deflate without the zlib wrapper, as some servers understand ``deflate``."""
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


plain_named_identity = _good(encoded("identity", "identity", bytes))
gzip_good = _good(encoded("gzip_good", "gzip", gzip.compress))
deflate_good = _good(encoded("deflate_good", "deflate", zlib.compress))

gzip_cut = encoded("gzip_cut", "gzip", lambda data: gzip.compress(data)[:-12])
gzip_bad_checksum = encoded("gzip_bad_checksum", "gzip", lambda data: gzip.compress(data)[:-8] + b"\0" * 8)
gzip_garbage_after = encoded("gzip_garbage_after", "gzip", lambda data: gzip.compress(data) + b"garbage")
not_gzip = encoded("not_gzip", "gzip", bytes)
unknown_encoding = encoded("unknown_encoding", "x-secret", lambda data: data[::-1])
deflate_raw = encoded("deflate_raw", "deflate", raw_deflate)

LENIENT_ENCODINGS = (gzip_garbage_after, deflate_raw)
"""Bodies that some readers understand; the vectors are right if they do."""

BROKEN_ENCODINGS = (gzip_cut, gzip_bad_checksum, not_gzip, unknown_encoding)
"""Bodies that cannot be undone, or only in part."""

GOOD_ENCODINGS = (plain_named_identity, gzip_good, deflate_good)
"""Must be understood by a client that asks for them; a client that asks for none may refuse the last two."""


# 200s that want to fill the client's memory: compressed bombs, and bodies of any length, declared or not.

_PIECE = 2**20
_FILLER = b" " * _PIECE  # white space is good JSON, so no parser may stop the bomb before the cap does


def declared_body(size: int = 10_000_000_000) -> Fault:
    """An honest Content-Length over any cap, and a body to match for whoever reads it (D14)."""

    def play(ex: Exchange) -> None:
        ex.send(head(200, [JSON, ("Content-Length", str(size))]))
        for start in range(0, size, _PIECE):
            ex.send(_FILLER[: size - start])

    return Fault(f"declares_{size}", play)


def endless_chunks() -> Fault:
    """A chunked body that never ends."""

    def play(ex: Exchange) -> None:
        ex.send(head(200, [JSON, CHUNKED]))
        while True:
            ex.send(chunk(_FILLER))

    return Fault("endless_chunks", play)


def endless_close_delimited() -> Fault:
    """A body without a length that never ends."""

    def play(ex: Exchange) -> None:
        ex.send(head())
        while True:
            ex.send(_FILLER)

    return Fault("endless_close_delimited", play)


def gzip_bomb(size: int = 10**9) -> Fault:
    """White space of ``size`` bytes (rounded up to 1 MiB), a thousandth of that on the wire (D13)."""
    return _streamed(f"gzip_bomb_{size}", "gzip", size, wbits=31)


def deflate_bomb(size: int = 10**9) -> Fault:
    return _streamed(f"deflate_bomb_{size}", "deflate", size, wbits=15)


def double_gzip_bomb(size: int = 2 * 10**8) -> Fault:
    """The same, compressed twice: under a kilobyte on the wire. Made before it is sent: 0.2 s for each 10**8 bytes."""

    def play(ex: Exchange) -> None:
        packed = gzip.compress(b"".join(_packed(size, wbits=31)))
        ex.reply(200, packed, [JSON, ("Content-Encoding", "gzip, gzip")])

    return Fault(f"double_gzip_bomb_{size}", play)


def zstd_bomb(size: int = 10**9) -> Fault:
    """White space as run-length blocks: four bytes on the wire for 128 kB. For clients that ask for zstd."""

    def play(ex: Exchange) -> None:
        ex.reply(200, _zstd_runs(size), [JSON, ("Content-Encoding", "zstd")])

    return Fault(f"zstd_bomb_{size}", play)


def many_encodings(times: int = 50) -> Fault:
    """The right body, compressed so many times over."""

    def play(ex: Exchange) -> None:
        body = ex.good_body()
        for _ in range(times):
            body = gzip.compress(body)
        ex.reply(200, body, [JSON, ("Content-Encoding", ", ".join(["gzip"] * times))])

    return Fault(f"gzip_{times}_times", play)


def _streamed(name: str, encoding: str, size: int, wbits: int) -> Fault:
    def play(ex: Exchange) -> None:
        ex.send(head(200, [JSON, CHUNKED, ("Content-Encoding", encoding)]))
        for piece in _packed(size, wbits):
            ex.send(chunk(piece))
        ex.send(chunk(b""))

    return Fault(name, play)


def _packed(size: int, wbits: int) -> Iterator[bytes]:
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


# Faults of the connection itself: resets, ends and silences, at connect, before, inside and after an answer.


@at(Stage.CONNECT)
def rst_on_connect(ex: Exchange) -> None:
    """Reset at once, before anything is read."""
    ex.conn.rst()


@at(Stage.CONNECT)
def fin_on_connect(ex: Exchange) -> None:
    """Close at once, before anything is read; what the client sends is swallowed, so it sees no reset."""
    ex.conn.fin()


@at(Stage.CONNECT)
def black_hole_on_connect(ex: Exchange) -> None:
    """Accept, then neither read nor write. On a TLS port: a handshake that stalls."""
    ex.conn.hold()


@at(Stage.HEAD)
def never_read_body(ex: Exchange) -> None:
    """Read the head and nothing more (B17).

    The client's write stalls once both kernels' buffers are full. Give the server a ``receive_buffer`` of
    4096 and send more than the client's own send buffer may grow to (on Linux 4 MB: use 8).
    """
    ex.conn.hold()


@at(Stage.HEAD)
def rst_before_body(ex: Exchange) -> None:
    """Reset after the head, while the client may still be writing."""
    ex.conn.rst()


@fault
def rst_before_any_byte(ex: Exchange) -> None:
    """B03."""
    ex.conn.rst()


@fault
def fin_before_any_byte(ex: Exchange) -> None:
    """B02; on a reused connection B01 as a server plays it that closes while the request is on its way."""
    ex.conn.close()


@fault
def black_hole(ex: Exchange) -> None:
    """Read the request and never answer (B16). Ends when the client leaves."""
    ex.conn.wait_for_client_to_leave()


@fault
def close_after_answer(ex: Exchange) -> None:
    """Answer rightly and close at once, without a word of it in the headers (B01)."""
    ex.reply(200, ex.good_body())
    ex.mark_answered()
    ex.conn.close()


@fault
def rst_after_answer(ex: Exchange) -> None:
    """Answer rightly, give the bytes time to be read, and reset."""
    ex.reply(200, ex.good_body())
    ex.mark_answered()
    ex.conn.sleep(0.05)
    ex.conn.rst()


@fault
def announced_close(ex: Exchange) -> None:
    """Answer rightly with ``Connection: close`` and close: good manners, not a fault."""
    ex.reply(200, ex.good_body(), [JSON, ("Connection", "close")])
    ex.mark_answered()
    ex.conn.close()


@fault
def rst_mid_body(ex: Exchange) -> None:
    """Half of the body, then a reset (B04)."""
    _half_a_body(ex)
    ex.conn.sleep(0.05)  # or the reset would overtake the bytes
    ex.conn.rst()


@fault
def fin_mid_body(ex: Exchange) -> None:
    _half_a_body(ex)
    ex.conn.close()


@fault
def black_hole_mid_body(ex: Exchange) -> None:
    _half_a_body(ex)
    ex.conn.wait_for_client_to_leave()


@fault
def fin_mid_headers(ex: Exchange) -> None:
    ex.send(b"HTTP/1.1 200 OK\r\nContent-Type: appli")
    ex.conn.close()


@fault
def rst_mid_headers(ex: Exchange) -> None:
    ex.send(b"HTTP/1.1 200 OK\r\nContent-Type: appli")
    ex.conn.sleep(0.05)
    ex.conn.rst()


def close_when_idle(seconds: float) -> Fault:
    """Answer rightly and close after so many idle seconds, as a server with a short keep-alive does."""

    def play(ex: Exchange) -> None:
        ex.reply(200, ex.good_body())
        ex.mark_answered()
        ex.conn.sleep(seconds)
        ex.conn.close()

    return Fault(f"close_when_idle_{seconds}", play)


def _half_a_body(ex: Exchange) -> None:
    body = ex.good_body()
    ex.send(head(200, [JSON, ("Content-Length", str(len(body)))]) + body[: len(body) // 2])


CONNECTION_LOSSES = (
    rst_before_any_byte,
    fin_before_any_byte,
    rst_mid_body,
    fin_mid_body,
    rst_mid_headers,
    fin_mid_headers,
)
"""Losses of the connection before the answer is complete: all transient."""


# Faults of HTTP framing: lengths that lie, broken chunks, and bytes that are no HTTP at all.


@fault
def chunked(ex: Exchange) -> None:
    """The right answer in chunks of 7 bytes: no fault."""
    body = ex.good_body()
    pieces = [chunk(body[start : start + 7]) for start in range(0, len(body), 7)]
    ex.send(head(200, [JSON, CHUNKED]) + b"".join(pieces) + LAST_CHUNK)
    ex.mark_answered()


@fault
def close_delimited(ex: Exchange) -> None:
    """The right answer without a length, ended by closing: no fault."""
    ex.send(head() + ex.good_body())
    ex.mark_answered()
    ex.conn.close()


@fault
def fin_mid_chunk(ex: Exchange) -> None:
    """A chunk that promises twice what comes before the end (B05)."""
    body = ex.good_body()
    ex.send(head(200, [JSON, CHUNKED]) + f"{2 * len(body):x}\r\n".encode() + body)
    ex.conn.close()


@fault
def missing_last_chunk(ex: Exchange) -> None:
    """All of the JSON is there, but not the empty chunk that says so (B05)."""
    ex.send(head(200, [JSON, CHUNKED]) + chunk(ex.good_body()))
    ex.conn.close()


@fault
def content_length_too_large(ex: Exchange) -> None:
    """All of the JSON, then the end, where the header promises 10 bytes more (B07)."""
    body = ex.good_body()
    ex.send(head(200, [JSON, ("Content-Length", str(len(body) + 10))]) + body)
    ex.conn.close()


@fault
def content_length_too_small(ex: Exchange) -> None:
    """The header promises 10 bytes less than come: the rest is left over for the next answer."""
    body = ex.good_body()
    ex.send(head(200, [JSON, ("Content-Length", str(len(body) - 10))]) + body)


@fault
def truncated_close_delimited(ex: Exchange) -> None:
    """Half of the JSON, no length, and a clean end: only the JSON can tell (B08)."""
    body = ex.good_body()
    ex.send(head() + body[: len(body) // 2])
    ex.conn.close()


def chunk_size(name: str, line: bytes) -> Fault:
    """A good answer whose one chunk has this as its size line (B06)."""

    def play(ex: Exchange) -> None:
        ex.send(head(200, [JSON, CHUNKED]) + line + b"\r\n" + ex.good_body() + b"\r\n" + LAST_CHUNK)

    return Fault(f"chunk_size_{name}", play)


def framing_headers(name: str, *headers: tuple[str, str]) -> Fault:
    """A good body behind framing headers that cannot be trusted."""

    def play(ex: Exchange) -> None:
        ex.send(head(200, [JSON, *headers]) + ex.good_body())
        ex.conn.close()

    return Fault(f"framing_{name}", play)


def raw(name: str, data: bytes) -> Fault:
    """Send these bytes instead of an answer, and close (B11)."""

    def play(ex: Exchange) -> None:
        ex.send(data)
        ex.conn.close()

    return Fault(f"raw_{name}", play)


def status_line(name: str, line: bytes) -> Fault:
    """A good answer behind a bad first line (B11)."""

    def play(ex: Exchange) -> None:
        body = good_json(ex.request.texts, ex.dim)
        ex.send(line + b"\r\nContent-Type: application/json\r\n")
        ex.send(f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        ex.conn.close()

    return Fault(f"status_line_{name}", play)


illegal_chunk_size = chunk_size("not_hex", b"zz")

BAD_CHUNK_SIZES = (
    illegal_chunk_size,
    chunk_size("negative", b"-5"),
    chunk_size("empty", b""),
    chunk_size("prefixed", b"0x10"),
    chunk_size("huge", b"f" * 40),
    chunk_size("endless", b"1" * 100_000),
)

BAD_LENGTHS = (
    framing_headers("length_negative", ("Content-Length", "-1")),
    framing_headers("length_word", ("Content-Length", "many")),
    framing_headers("length_twice", ("Content-Length", "2"), ("Content-Length", "200")),
    framing_headers("length_list", ("Content-Length", "2, 200")),
)
"""Lengths that are no numbers, or several. Clients differ in them; none may hand out a wrong vector."""

length_and_chunked = framing_headers("length_and_chunked", ("Content-Length", "2"), CHUNKED)

garbage_bytes = raw("garbage", bytes(range(128, 256)) * 8)
tls_bytes = raw("tls_alert", bytes.fromhex("15030300020228"))
malformed_status_line = status_line("no_code", b"HTTP/1.1 OK")

NOT_HTTP = (
    garbage_bytes,
    tls_bytes,
    malformed_status_line,
    raw("nul", b"\0" * 64),
    raw("empty_lines_then_end", b"\r\n" * 8),
    raw("json_only", b'{"embeddings":[]}'),
    raw("ssh", b"SSH-2.0-OpenSSH_9.6\r\n"),
    raw("http2_settings", bytes.fromhex("000000040000000000")),
    raw("header_without_colon", b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n"),
    status_line("code_word", b"HTTP/1.1 two hundred"),
    status_line("code_2000", b"HTTP/1.1 2000 OK"),
    status_line("code_negative", b"HTTP/1.1 -20 OK"),
)
"""First bytes that are no HTTP/1.1 response (B11)."""

LENIENT_STATUS_LINES = (
    status_line("version_9", b"HTTP/9.9 200 OK"),
    status_line("lower_case", b"http/1.1 200 ok"),
    status_line("no_phrase", b"HTTP/1.1 200"),
    status_line("version_0", b"HTTP/1.0 200 OK"),
)
"""First lines that clients may refuse or let pass; the vectors behind them are right."""

TRUNCATIONS = (fin_mid_chunk, missing_last_chunk, content_length_too_large, truncated_close_delimited)
"""Ends that come too early: all transient."""


# Answers nobody asked for, on a connection that will be used again: the next call must get its own.


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


def extra_response_when_idle(seconds: float = 0.05) -> Fault:
    """The right answer, and a stray one so many seconds later, while the connection rests (B10).

    The record counts as finished when the stray answer is out, so `Oracle.wait_until_idle` waits for it.
    """

    def play(ex: Exchange) -> None:
        ex.reply(200, ex.good_body())
        ex.mark_answered()
        ex.conn.sleep(seconds)
        ex.send(_stray(ex))

    return Fault("extra_response_when_idle", play)


STRAYS = (extra_response_same_packet, extra_half_response, extra_408, extra_response_when_idle())


# Answers without end and answers by the drop: header bombs, endless 1xx, one byte at a time.

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


# Faults of a TLS port before there is any TLS: played over the bare socket, whatever the server's context.

handshake_stall = black_hole_on_connect
"""Accept and say nothing (A08)."""


def _client_hello(conn: Connection) -> None:
    """Read the first record, so that what is played is an answer to it."""
    header = conn.read_exactly(5)
    conn.read_exactly(int.from_bytes(header[3:], "big"))


@at(Stage.CONNECT)
def handshake_stall_after_hello(ex: Exchange) -> None:
    _client_hello(ex.conn)
    ex.conn.wait_for_client_to_leave()


@at(Stage.CONNECT)
def rst_in_handshake(ex: Exchange) -> None:
    """A09."""
    _client_hello(ex.conn)
    ex.conn.rst()


@at(Stage.CONNECT)
def fin_in_handshake(ex: Exchange) -> None:
    _client_hello(ex.conn)
    ex.conn.close()


@at(Stage.CONNECT)
def plaintext_answer_in_handshake(ex: Exchange) -> None:
    """What a plain HTTP server says to a ClientHello (A07)."""
    _client_hello(ex.conn)
    ex.send(response(400, b"Client sent garbage to an HTTP server", [TEXT, ("Connection", "close")]))
    ex.conn.fin()


@at(Stage.CONNECT)
def alert_protocol_version(ex: Exchange) -> None:
    """The fatal alert 70 of a server that speaks none of the client's versions (A06)."""
    _client_hello(ex.conn)
    ex.send(bytes.fromhex("15030100020246"))
    ex.conn.fin()


@at(Stage.CONNECT)
def garbage_in_handshake(ex: Exchange) -> None:
    _client_hello(ex.conn)
    ex.send(bytes(range(128, 256)))
    ex.conn.fin()


# Mixtures for long runs: faults after which a retry must succeed, and none that takes long.

RESETS_AND_503: tuple[Fault, ...] = (status(503), rst_before_any_byte, rst_mid_body)
"""G03."""

MIXED: tuple[Fault, ...] = (
    *CONNECTION_LOSSES,
    *TRUNCATIONS,
    illegal_chunk_size,
    *NOT_HTTP[:3],
    *STRAYS,
    close_after_answer,
    rst_after_answer,
    *(status(http) for http in (408, 429, 500, 502, 503, 504)),
    html_error(502),
    text_error(503),
    retry_after("0", http=503),
    *EMPTY_SUCCESSES,
    *WRONG_COUNTS,
    *BROKEN_ENCODINGS,
    ragged,
    number("NaN"),
    trailing_garbage,
)
"""A little of everything in sections B, C and D that a client survives; some of them hold the right answer."""


def mixed(seed: int, rate: float = 0.3) -> Choice:
    """A script: that share of requests meets one of `MIXED`."""
    return at_random(seed, rate, MIXED)
