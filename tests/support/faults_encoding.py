"""200s whose bytes are not plain UTF-8 JSON: captive portals, byte order marks, compression good and broken."""

import gzip
import zlib
from collections.abc import Callable, Sequence

from support.fault import Exchange, Fault, body
from support.faults_status import answer
from support.vectors import good_json
from support.wire import HTML, JSON

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
