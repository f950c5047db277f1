"""What the engine asks of a transport, how the body of a response is read, and the user's httpx transport or client.

httpx expands a compressed body without a limit, and reads one of any declared length (catalogue D13, D14). Here nothing
over the cap is kept. Of an error's body, what can be read of its beginning is kept: its status says enough (C13).
"""

import zlib
from collections.abc import AsyncIterable, Awaitable, Callable
from contextlib import suppress

import httpx

from .._error_mapping import Response
from .._retry import Timeouts
from ..errors import APIResponseValidationError

BODY_CAP = 64 * 1024 * 1024
"""Most bytes of the body of a 200, decompressed, as long as nothing is known of the vectors in it."""

ERROR_BODY_CAP = 64 * 1024
"""Bytes that are read of the body of any other status."""

_GZIP = b"\x1f\x8b"
_NEVER_BY_ACCIDENT = ("br", "zstd", "compress", ",")
"""In a ``Content-Encoding``: what nobody sends by accident where ``identity`` was asked for."""


class Transport:
    """Sends requests on one event loop; every response is whole, decompressed and bounded."""

    async def send(self, request: httpx.Request, cap: int) -> Response:
        """The response to a request, of any status.

        Args:
            request: With its body read.
            cap: Most bytes of the body of a 200, decompressed. Of other statuses the first 64 kB are read.

        Raises:
            APIResponseValidationError: the body of a 200 is over the cap, or compressed as nobody asked for.
            httpx.RequestError: there is no whole response.
        """
        raise NotImplementedError

    def freshen(self) -> None:
        """Has the next request use a new connection, after a response that makes this one doubtful."""

    def reuse(self, body: bytes | bytearray) -> None:
        """Takes back the body of a response, once nobody reads it any more: its memory receives another."""

    async def aclose(self) -> None:
        """Closes the connections."""


class HttpxTransport(Transport):
    """A transport or client of the user's, read by way of httpx's interface. Its connections are never closed here.

    Args:
        send: Sends a request; the response's body may still have to be read.
        timeouts: ``connect`` and ``step`` go with each request, as httpx passes them. The engine's deadlines are tighter.
    """

    def __init__(
        self, send: Callable[[httpx.Request], Awaitable[httpx.Response]], timeouts: Timeouts
    ) -> None:
        self._send = send
        self._timeout = httpx.Timeout(timeouts.step, connect=timeouts.connect, pool=None).as_dict()

    async def send(self, request: httpx.Request, cap: int) -> Response:
        """See `Transport`."""
        request.extensions["timeout"] = self._timeout
        response = await self._send(request)
        stream = response.stream
        if not isinstance(stream, httpx.AsyncByteStream):
            raise TypeError("the transport must be asynchronous")
        try:
            return await read_response(response.status_code, response.headers.raw, stream, cap)
        finally:
            await stream.aclose()


def cap_for(texts: int, dimension: int | None) -> int:
    """Bytes that the response with so many vectors may take: 32 a number, which leaves room for every spelling of one."""
    return BODY_CAP if dimension is None else min(BODY_CAP, 64 * 1024 + texts * dimension * 32)


async def read_response(
    status: int, headers: list[tuple[bytes, bytes]], chunks: AsyncIterable[bytes], cap: int
) -> Response:
    """The whole response, from its head and the pieces of its body; what is beyond the cap is left unread.

    Raises:
        APIResponseValidationError: a 200 over the cap, or compressed in a way that was not asked for.
        httpx.DecodingError: a 200 whose compressed body is broken.
        httpx.RequestError: a 200 that breaks off.
    """
    body = bytearray()
    response = Response(status, headers, body)
    encoding = ", ".join(response.values("content-encoding")).strip().lower()
    if status != 200:
        with suppress(httpx.RequestError, APIResponseValidationError):
            await _read(body, chunks, encoding, ERROR_BODY_CAP)
        return response
    declared = response.header("content-length") or ""
    if not (declared.isdecimal() and int(declared) > cap):
        await _read(body, chunks, encoding, cap + 1)
        if len(body) <= cap:
            return response
    raise APIResponseValidationError(
        f"The response is larger than {cap} bytes; it was not read.", retryable=False
    )


async def _read(body: bytearray, chunks: AsyncIterable[bytes], encoding: str, limit: int) -> None:
    """Reads a body up to the limit; what came before an error is in it."""
    decompressor = _decompressor(encoding)
    async for chunk in chunks:
        rest: bytes = chunk
        while rest:
            if decompressor and decompressor.eof:
                if not _GZIP.startswith(rest[:2]):
                    break
                decompressor = _decompressor(encoding)  # gzip may come in several members
            room = limit - len(body)
            try:
                body += decompressor.decompress(rest, room) if decompressor else rest[:room]
            except zlib.error:
                raise httpx.DecodingError("the compressed body is broken") from None
            if len(body) == limit:
                return
            rest = decompressor.unused_data if decompressor else b""
    if decompressor and not decompressor.eof:
        raise httpx.DecodingError("the compressed body ends early")


def _decompressor(encoding: str) -> "zlib._Decompress | None":
    match encoding:
        case "" | "identity":
            return None
        case "gzip" | "x-gzip" | "deflate":
            return zlib.decompressobj(zlib.MAX_WBITS | 32)  # 32: gzip or zlib, by its header
    raise APIResponseValidationError(
        "The response is compressed in a way that was not asked for; it was not read.",
        retryable=not any(part in encoding for part in _NEVER_BY_ACCIDENT),
    )
