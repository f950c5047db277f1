"""The transports that could carry the bytes, each behind httpx's interface, and how to make one of each."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx

from inworld_embeddings._http.pool import PooledTransport


class AiohttpTransport(httpx.AsyncBaseTransport):
    """aiohttp, with its cookie jar, redirects and decompression off."""

    def __init__(self) -> None:
        self._session: Any = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        import aiohttp

        if self._session is None:
            connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=15)
            self._session = aiohttp.ClientSession(
                connector=connector,
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
            )
        try:
            async with self._session.request(
                request.method,
                str(request.url),
                data=await request.aread(),
                headers=[
                    (k.decode(), v.decode()) for k, v in request.headers.raw if k.lower() != b"content-length"
                ],
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=None, connect=5),
            ) as response:
                return httpx.Response(
                    response.status, headers=response.raw_headers, content=_Once(await response.read())
                )
        except aiohttp.ClientConnectorError as error:
            raise httpx.ConnectError(str(error)) from error
        except TimeoutError as error:
            raise httpx.ConnectTimeout(str(error)) from error
        except aiohttp.ClientError as error:
            raise httpx.ReadError(str(error)) from error

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()


class Urllib3Transport(httpx.AsyncBaseTransport):
    """urllib3 in worker threads; a request in flight goes on after its caller was cancelled."""

    def __init__(self) -> None:
        import urllib3

        self._pool = urllib3.PoolManager(
            maxsize=64, retries=False, timeout=urllib3.Timeout(connect=5, read=60)
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await asyncio.to_thread(self._send, request, await request.aread())

    def _send(self, request: httpx.Request, body: bytes) -> httpx.Response:
        import urllib3

        try:
            response = self._pool.request(
                request.method, str(request.url), body=body, headers=dict(request.headers), redirect=False,
                decode_content=False, preload_content=True,
            )  # fmt: skip
        except urllib3.exceptions.SSLError as error:
            raise httpx.ConnectError(str(error)) from error
        except (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError) as error:
            raise httpx.ConnectError(str(error)) from error
        except urllib3.exceptions.HTTPError as error:
            raise httpx.ReadError(str(error)) from error
        return httpx.Response(
            response.status, headers=list(response.headers.items()), content=_Once(response.data)
        )

    async def aclose(self) -> None:
        self._pool.clear()


class _Once(httpx.AsyncByteStream):
    """A body that is there already."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    async def __aiter__(self) -> Any:
        yield self._data


CANDIDATES: dict[str, Callable[[], httpx.AsyncBaseTransport]] = {
    "own": PooledTransport,
    "httpx": lambda: httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=None, keepalive_expiry=15)),
    "aiohttp": AiohttpTransport,
    "urllib3": Urllib3Transport,
}
