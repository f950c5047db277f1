"""Our own connection pool behind httpx's interface, which the CPU benchmark speaks. Its responses are whole."""

from collections.abc import AsyncIterator
from functools import partial

import httpx

from inworld_embeddings._http.adapters import BODY_CAP
from inworld_embeddings._http.connect import tls_context
from inworld_embeddings._http.pool import ConnectionPool
from inworld_embeddings._retry import Timeouts


class OwnTransport(httpx.AsyncBaseTransport):
    """Our own pool, with the defaults that the client gives it."""

    def __init__(self) -> None:
        timeouts = Timeouts()
        self._pool = ConnectionPool(
            proxy=None,
            tls=partial(tls_context, trust_env=True),
            connect=timeouts.connect,
            keepalive=timeouts.keepalive,
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._pool.send(request, BODY_CAP)
        body = _Body(response.body, self._pool)
        return httpx.Response(response.status, headers=response.raw_headers, stream=body)

    async def aclose(self) -> None:
        await self._pool.aclose()


class _Body(httpx.AsyncByteStream):
    def __init__(self, body: bytes | bytearray, pool: ConnectionPool) -> None:
        self._body, self._pool = body, pool

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._body

    async def aclose(self) -> None:
        self._pool.reuse(self._body)
