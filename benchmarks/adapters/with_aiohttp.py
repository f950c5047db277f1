"""aiohttp, with its cookie jar, redirects and decompression off."""

import socket
import ssl
import weakref
from typing import Any

import aiohttp
import httpx
from aiohttp.http_exceptions import LineTooLong

from inworld_embeddings._error_mapping import (
    OversizedHeadError,
    ProxyRefusedError,
    StaleConnectionError,
    WrongSchemeError,
)
from inworld_embeddings._http.connect import SOCKET_OPTIONS
from inworld_embeddings._retry import Timeouts

from .base import Body, Candidate, Exchange, is_tls_alert, origin, readable


class CleanConnector(aiohttp.TCPConnector):
    """aiohttp's connector, which looks at a connection before it is used again: a stray answer may lie there."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._seen: weakref.WeakSet[Any] = weakref.WeakSet()
        self._dropped: weakref.WeakSet[Any] = weakref.WeakSet()

    async def connect(self, *arguments: Any, **options: Any) -> Any:
        while True:
            connection = await super().connect(*arguments, **options)
            protocol = connection.protocol
            stray = protocol.should_close or (protocol in self._seen and readable(connection.transport))
            self._seen.add(protocol)
            if not stray and protocol not in self._dropped:
                return connection
            connection.close()

    def drop_idle(self) -> None:
        """Uses none of the present connections again."""
        self._dropped |= self._seen


class AiohttpTransport(Candidate):
    """aiohttp, with its cookie jar, redirects and decompression off."""

    def open(self, context: ssl.SSLContext, connect_timeout: float) -> Any:  # noqa: ARG002 - it is in each request
        def with_options(address: Any) -> socket.socket:
            family, kind, protocol, *_ = address
            made = socket.socket(family, kind, protocol)
            for option in SOCKET_OPTIONS:
                made.setsockopt(*option)
            return made

        async def connecting(_: Any, context: Any, __: Any) -> None:
            context.trace_request_ctx.connecting()

        async def sending(_: Any, context: Any, __: Any) -> None:
            context.trace_request_ctx.sending()

        traces = aiohttp.TraceConfig()
        traces.on_connection_create_start.append(connecting)
        traces.on_connection_create_end.append(sending)
        return aiohttp.ClientSession(
            connector=CleanConnector(
                limit=0, keepalive_timeout=Timeouts().keepalive, ssl=context, socket_factory=with_options
            ),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            trace_configs=[traces],
            trust_env=False,
        )

    async def shut(self, client: Any) -> None:
        await client.close()

    def drop_idle(self) -> None:
        if self._opened is not None:
            self._opened.connector.drop_idle()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        exchange = Exchange(request)

        def translated(error: Exception) -> Exception | None:
            return self._translated(error, exchange)

        try:
            async with exchange.bounded():
                response = await self.client_for(request).request(
                    request.method, str(request.url), data=request.content,
                    headers=[(k.decode(), v.decode()) for k, v in request.headers.raw if k != b"content-length"],
                    allow_redirects=False, proxy=self._proxy, timeout=aiohttp.ClientTimeout(total=None),
                    trace_request_ctx=exchange,
                )  # fmt: skip
        except aiohttp.ClientError as error:
            self.raised(error, translated(error))
        exchange.answered = self._spoke_http = True
        return httpx.Response(
            response.status,
            headers=response.raw_headers,
            # close() keeps the connection if the body was read to its end
            stream=Body(response.content.iter_any(), translated, response.close),
        )

    @staticmethod
    def _translated(error: Exception, exchange: Exchange) -> Exception | None:
        match error:
            case aiohttp.ClientHttpProxyError(status=407):
                return ProxyRefusedError(str(error.message))
            case aiohttp.ClientHttpProxyError():
                return httpx.ProxyError(f"HTTP {error.status}")
            case aiohttp.ClientConnectorError():
                return httpx.ConnectError(str(error))
            case aiohttp.ClientError() if origin(error, LineTooLong) or "Too many headers" in str(error):
                return OversizedHeadError(str(error))
            case aiohttp.ClientResponseError() if is_tls_alert(error):
                return WrongSchemeError(str(error))
            case aiohttp.ServerDisconnectedError() | aiohttp.ClientOSError() if exchange.stale:
                return StaleConnectionError(str(error))
            case aiohttp.ClientError():
                return httpx.ReadError(str(error))
        return None

    @property
    def in_use(self) -> int:  # type: ignore[override]
        """How many connections carry an exchange, or are being made."""
        return len(self._opened.connector._acquired) if self._opened else 0  # noqa: SLF001 - no other way
