"""The transports that could carry the bytes, each behind httpx's interface, and how to make one of each.

All but our own stream their bodies, so that whoever reads decides when it is enough, and all trust what httpx trusts.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx

from inworld_embeddings._http.adapters import BODY_CAP
from inworld_embeddings._http.pool import ConnectionPool
from inworld_embeddings._retry import Timeouts

CONNECT_SECONDS = 5.0


def _connect_timeout(request: httpx.Request) -> float:
    return request.extensions.get("timeout", {}).get("connect") or CONNECT_SECONDS


class OwnTransport(httpx.AsyncBaseTransport):
    """Our own connection pool, whose responses are whole."""

    def __init__(self) -> None:
        timeouts = Timeouts()
        self._pool = ConnectionPool(
            proxy=None, trust_env=True, connect=timeouts.connect, keepalive=timeouts.keepalive
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._pool.send(request, BODY_CAP)
        body = _OwnBody(response.body, self._pool)
        return httpx.Response(response.status, headers=response.raw_headers, stream=body)

    async def aclose(self) -> None:
        await self._pool.aclose()


class _OwnBody(httpx.AsyncByteStream):
    def __init__(self, body: bytes | bytearray, pool: ConnectionPool) -> None:
        self._body, self._pool = body, pool

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._body

    async def aclose(self) -> None:
        self._pool.reuse(self._body)


class AiohttpTransport(httpx.AsyncBaseTransport):
    """aiohttp, with its cookie jar, redirects and decompression off."""

    def __init__(self) -> None:
        self._session: Any = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        import aiohttp

        self._session = self._session or self._new_session()
        headers = [(k.decode(), v.decode()) for k, v in request.headers.raw if k.lower() != b"content-length"]
        try:
            response = await self._session.request(
                request.method, str(request.url), data=await request.aread(), headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=_connect_timeout(request)),
            )  # fmt: skip
        except (aiohttp.ClientConnectorError, aiohttp.ServerTimeoutError) as error:
            raise httpx.ConnectError(str(error)) from error
        except aiohttp.ClientError as error:
            raise httpx.ReadError(str(error)) from error
        return httpx.Response(response.status, headers=response.raw_headers, stream=_AiohttpBody(response))

    @staticmethod
    def _new_session() -> Any:
        import aiohttp

        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=15, ssl=httpx.create_ssl_context()),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
        )

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()


class _AiohttpBody(httpx.AsyncByteStream):
    def __init__(self, response: Any) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        import aiohttp

        try:
            async for chunk in self._response.content.iter_any():
                yield chunk
        except aiohttp.ClientError as error:
            raise httpx.ReadError(str(error)) from error

    async def aclose(self) -> None:
        self._response.close()  # keeps the connection if the body was read to its end


class Urllib3Transport(httpx.AsyncBaseTransport):
    """urllib3 in worker threads; a read in flight goes on in its thread after its caller was cancelled."""

    def __init__(self) -> None:
        import urllib3

        self._pool = urllib3.PoolManager(
            maxsize=64, retries=False, ssl_context=httpx.create_ssl_context(),
        )  # fmt: skip

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await asyncio.to_thread(self._send, request, await request.aread())

    def _send(self, request: httpx.Request, body: bytes) -> httpx.Response:
        import urllib3

        failures = urllib3.exceptions
        try:
            response = self._pool.request(
                request.method, str(request.url), body=body, headers=dict(request.headers), redirect=False,
                decode_content=False, preload_content=False,
                timeout=urllib3.Timeout(connect=_connect_timeout(request), read=20),
            )  # fmt: skip
        except (failures.SSLError, failures.NewConnectionError, failures.ConnectTimeoutError) as error:
            raise httpx.ConnectError(str(error)) from error
        except failures.HTTPError as error:
            raise httpx.ReadError(str(error)) from error
        return httpx.Response(
            response.status, headers=list(response.headers.items()), stream=_Urllib3Body(response)
        )

    async def aclose(self) -> None:
        self._pool.clear()


class _Urllib3Body(httpx.AsyncByteStream):
    def __init__(self, response: Any) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        import urllib3

        try:
            while chunk := await asyncio.to_thread(self._response.read, 2**20, decode_content=False):
                yield chunk
        except urllib3.exceptions.HTTPError as error:
            raise httpx.ReadError(str(error)) from error

    async def aclose(self) -> None:
        self._response.close()  # a body that was read to its end has given its connection back


def pyreqwest_transport() -> httpx.AsyncBaseTransport:
    """pyreqwest (Rust), through the transport it ships, with what it does beside carrying switched off."""
    from datetime import timedelta

    from pyreqwest.client import ClientBuilder
    from pyreqwest.compatibility.httpx import HttpxTransport

    builder = ClientBuilder().follow_redirects(enable=False).gzip(enable=False).brotli(enable=False)
    builder = builder.zstd(enable=False).deflate(enable=False).referer(enable=False).no_proxy()
    builder = builder.connect_timeout(timedelta(seconds=CONNECT_SECONDS))
    return HttpxTransport(builder.build())


CANDIDATES: dict[str, Callable[[], httpx.AsyncBaseTransport]] = {
    "own": OwnTransport,
    "httpx": lambda: httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=None, keepalive_expiry=15)),
    "aiohttp": AiohttpTransport,
    "urllib3": Urllib3Transport,
    "pyreqwest": pyreqwest_transport,
}
