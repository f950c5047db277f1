"""Reads the bodies of responses: decompressed, and never more than was asked for.

httpx expands a compressed body without a limit, and reads one of any declared length (catalogue D13, D14). Here nothing
over the cap is kept. Of an error's body, what can be read of its beginning is kept: its status says enough (C13).
"""

import zlib
from collections.abc import AsyncIterable

import httpx

from .._error_mapping import Response
from ..errors import APIResponseValidationError

BODY_CAP = 64 * 1024 * 1024
"""Most bytes of the body of a 200, decompressed, as long as nothing is known of the vectors in it."""

ERROR_BODY_CAP = 64 * 1024
"""Bytes that are read of the body of any other status."""

_DESCRIBE_THE_ENCODED = (b"content-encoding", b"content-length")


def cap_for(texts: int, dimension: int | None) -> int:
    """Bytes that the response with so many vectors may take: 32 a number, which leaves room for every spelling of one."""
    return BODY_CAP if dimension is None else min(BODY_CAP, 64 * 1024 + texts * dimension * 32)


async def read_response(
    status: int, headers: list[tuple[bytes, bytes]], chunks: AsyncIterable[bytes], cap: int
) -> Response:
    """The whole response, from its head and the pieces of its body.

    Args:
        status: HTTP status.
        headers: (name, value) pairs. When the body was compressed, those that say so are not in the response.
        chunks: The body as it comes. What is beyond the limit is left unread.
        cap: Most bytes of the body of a 200.

    Raises:
        APIResponseValidationError: a 200 over the cap, or compressed in a way that was not asked for.
        httpx.DecodingError: a 200 whose compressed body is broken.
        httpx.RequestError: a 200 that breaks off.
    """
    response = Response(status, headers, b"")
    encoding = ", ".join(response.values("content-encoding")).strip().lower()
    declared = response.header("content-length") or ""
    if status == 200 and declared.isdecimal() and int(declared) > cap:
        raise _too_large(cap)
    if encoding == "identity":
        encoding = ""
    elif encoding:
        response.raw_headers = [pair for pair in headers if pair[0].lower() not in _DESCRIBE_THE_ENCODED]
    pieces: list[bytes] = []
    try:
        await _collect(pieces, chunks, encoding, cap + 1 if status == 200 else ERROR_BODY_CAP)
    except (httpx.RequestError, APIResponseValidationError):
        if status == 200:
            raise
    if status == 200 and sum(map(len, pieces)) > cap:
        raise _too_large(cap)
    response.body = b"".join(pieces)
    return response


async def _collect(pieces: list[bytes], chunks: AsyncIterable[bytes], encoding: str, limit: int) -> None:
    decompressor = _decompressor(encoding)
    async for chunk in chunks:
        try:
            piece = decompressor.decompress(chunk, limit) if decompressor else chunk[:limit]
        except zlib.error:
            raise httpx.DecodingError("the compressed body is broken") from None
        pieces.append(piece)
        limit -= len(piece)
        if not limit:
            return
    if decompressor and not decompressor.eof:
        raise httpx.DecodingError("the compressed body ends early")


_BOMBS = ("br", "zstd", "compress", ",")
"""Parts of encodings that nobody sends by accident where ``identity`` was asked for."""


def _decompressor(encoding: str) -> "zlib._Decompress | None":
    match encoding:
        case "":
            return None
        case "gzip" | "x-gzip" | "deflate":
            return zlib.decompressobj(zlib.MAX_WBITS | 32)  # 32: gzip or zlib, by its header
    raise APIResponseValidationError(
        "The response is compressed in a way that was not asked for; it was not read.",
        retryable=not any(part in encoding for part in _BOMBS),
    )


def _too_large(cap: int) -> APIResponseValidationError:
    return APIResponseValidationError(
        f"The response is larger than {cap} bytes; it was not read.", retryable=False
    )
