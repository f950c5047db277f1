"""A transport around the real one that reads whole answers and bounds them.

httpx expands a compressed body without a limit, and reads one of any declared length (catalogue D13, D14). Here
nothing over the cap is kept. Of an error body, what can be read of its beginning is kept: its status says enough (C13).
"""

import zlib
from collections.abc import AsyncGenerator, Callable
from contextvars import ContextVar

import httpx

from .._http.connection import Body
from .._http.pool import PooledTransport
from .._http.whole import Buffers, Whole
from ..errors import APIResponseValidationError

BODY_CAP = 64 * 1024 * 1024
ERROR_BODY_CAP = 64 * 1024

body_cap: ContextVar[int] = ContextVar("body_cap", default=BODY_CAP)
"""Most bytes of the answer to the request that is being sent, decompressed."""


def cap_for(texts: int, dimension: int | None) -> int:
    """Bytes that the answer with so many vectors may take: 32 a number, which leaves room for every spelling of one."""
    return BODY_CAP if dimension is None else min(BODY_CAP, 64 * 1024 + texts * dimension * 32)


class GuardedTransport(httpx.AsyncBaseTransport):
    """Answers with complete, decompressed, bounded responses.

    Args:
        inner: Carries the bytes.
        owned: Whether closing this closes ``inner``.

    Attributes:
        buffers: Where the bodies of own connections are received, to be given back when they have been read.
        on_authorization: Told the ``Authorization`` of each request, so that it can be kept out of messages.
    """

    def __init__(self, inner: httpx.AsyncBaseTransport, *, owned: bool = True) -> None:
        self._inner = inner
        self._owned = owned
        self.buffers = Buffers()
        self.on_authorization: Callable[[str], None] = lambda _: None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.on_authorization(request.headers.get("authorization", ""))
        response = await self._inner.handle_async_request(request)
        stream = response.stream
        if not isinstance(stream, httpx.AsyncByteStream):
            raise TypeError("the transport must be asynchronous")
        encoding = _encoding(response)
        try:
            body = await self._bounded_body(response, encoding)
        finally:
            await stream.aclose()
        if response.status_code == 200 and not encoding:
            response.stream = Whole(body)
            return response
        headers = [
            (_RENAMED.get(name.lower(), name), value)
            for name, value in response.headers.raw
            if name.lower() not in _CONSUMED
        ]
        return httpx.Response(
            response.status_code, headers=headers, stream=Whole(body), extensions=response.extensions
        )

    async def _bounded_body(self, response: httpx.Response, encoding: str) -> bytes | bytearray:
        if response.status_code != 200:
            return await _error_body(response, encoding)
        cap = body_cap.get()
        declared = response.headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > cap:
            raise _too_large(cap)
        if not encoding and isinstance(response.stream, Body) and response.stream.length is not None:
            return await response.stream.whole(self.buffers)
        chunks = [chunk async for chunk in _plain(response, cap + 1, encoding)]
        if sum(map(len, chunks)) > cap:
            raise _too_large(cap)
        return b"".join(chunks)

    def freshen(self) -> None:
        """Has the next request use a new connection, after an answer that makes this one doubtful."""
        if isinstance(self._inner, PooledTransport):
            self._inner.drop_idle()

    async def aclose(self) -> None:
        if self._owned:
            await self._inner.aclose()


_RENAMED = {b"location": b"x-withheld-location"}
"""httpx parses a redirect's target even when it does not follow it, and fails on odd ones (A16)."""

_CONSUMED = (b"content-encoding", b"content-length", b"transfer-encoding")


async def _error_body(response: httpx.Response, encoding: str) -> bytes:
    chunks: list[bytes] = []
    try:
        async for chunk in _plain(response, ERROR_BODY_CAP, encoding):
            chunks.append(chunk)  # noqa: PERF401 - what came before it breaks off is kept
    except (httpx.RequestError, APIResponseValidationError):
        pass
    return b"".join(chunks)


async def _plain(response: httpx.Response, limit: int, encoding: str) -> AsyncGenerator[bytes]:
    """The decompressed body up to ``limit`` bytes; what is beyond is left unread."""
    if not isinstance(response.stream, httpx.AsyncByteStream):
        raise TypeError("the transport must be asynchronous")
    decompress = _decompressor(encoding)
    async for raw in response.stream:
        chunk = decompress(raw, limit) if decompress else raw[:limit]
        limit -= len(chunk)
        yield chunk
        if not limit:
            return
    if decompress and not decompress.finished:
        raise httpx.DecodingError("the compressed body ends early")


class _Decompressor:
    """Bounded gzip or zlib."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(zlib.MAX_WBITS | 32)  # 32: gzip or zlib, by its header

    def __call__(self, data: bytes, limit: int) -> bytes:
        try:
            return self._zlib.decompress(data, limit)
        except zlib.error:
            raise httpx.DecodingError("the compressed body is broken") from None

    @property
    def finished(self) -> bool:
        return self._zlib.eof


_BOMBS = ("br", "zstd", "compress", ",")
"""Parts of encodings that nobody sends by accident where ``identity`` was asked for."""


def _encoding(response: httpx.Response) -> str:
    encoding = response.headers.get("content-encoding", "").strip().lower()
    return "" if encoding == "identity" else encoding


def _decompressor(encoding: str) -> _Decompressor | None:
    match encoding:
        case "":
            return None
        case "gzip" | "x-gzip" | "deflate":
            return _Decompressor()
    raise APIResponseValidationError(
        "The answer is compressed in a way that was not asked for; it was not read.",
        retryable=not any(part in encoding for part in _BOMBS),
    )


def _too_large(cap: int) -> APIResponseValidationError:
    return APIResponseValidationError(
        f"The answer is larger than {cap} bytes; it was not read.", retryable=False
    )
