"""Error statuses with every kind of body: the gateway's JSON, HTML, nothing, a megabyte, binary, compressed."""

import gzip
import json
from collections.abc import Mapping, Sequence
from typing import Any

from support.fault import Exchange, Fault
from support.wire import HTML, JSON, TEXT, Headers

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
