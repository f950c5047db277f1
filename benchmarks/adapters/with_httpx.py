"""httpx and httpx2, through the transports they ship."""

import ssl
from types import ModuleType
from typing import Any

import h11
import httpx
import httpx2

from inworld_embeddings._error_mapping import (
    OversizedHeadError,
    ProxyRefusedError,
    StaleConnectionError,
    WrongSchemeError,
)
from inworld_embeddings._http.connect import SOCKET_OPTIONS
from inworld_embeddings._retry import Timeouts

from .base import Body, Candidate, Exchange, is_tls_alert, origin


class HttpxTransport(Candidate):
    """httpx's own."""

    library: ModuleType = httpx

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self._retired: list[Any] = []

    def open(self, context: ssl.SSLContext, connect_timeout: float) -> Any:  # noqa: ARG002 - it is in each request
        return self.library.AsyncHTTPTransport(
            verify=context,
            trust_env=False,
            limits=self.library.Limits(max_connections=None, keepalive_expiry=Timeouts().keepalive),
            proxy=self._proxy_setting(context),
            socket_options=SOCKET_OPTIONS,
        )

    def drop_idle(self) -> None:
        if self._opened is not None:
            self._retired.append(self._opened)
            self._opened = None

    async def _sweep(self) -> None:
        """Closes the clients that are dropped and have nothing in use any more."""
        for client in [client for client in self._retired if not _in_use(client)]:
            self._retired.remove(client)
            await self.shut(client)

    async def aclose(self) -> None:
        self.drop_idle()
        for client in self._retired:
            await self.shut(client)

    def _proxy_setting(self, context: ssl.SSLContext) -> Any:
        if self._proxy and self._proxy.startswith("https:"):
            return self.library.Proxy(self._proxy, ssl_context=context)
        return self._proxy

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        exchange = Exchange(request)

        async def trace(event: str, what: Any) -> None:
            match event:
                case "connection.connect_tcp.started":
                    exchange.connecting()
                case "http11.send_request_headers.started" if what["request"].method != b"CONNECT":
                    exchange.sending()
                case "http11.receive_response_headers.complete":
                    exchange.answered = True

        def translated(error: Exception) -> Exception | None:
            return self._translated(error, exchange)

        await self._sweep()
        try:
            async with exchange.bounded():
                response = await self.client_for(request).handle_async_request(self._request(request, trace))
        except self.library.TransportError as error:
            self.raised(error, self._translated(error, exchange))
        self._spoke_http = True
        return httpx.Response(
            response.status_code,
            headers=response.headers.raw,
            stream=Body(aiter(response.stream), translated, response.stream.aclose),
        )

    def _request(self, request: httpx.Request, trace: Any) -> Any:
        request.extensions["trace"] = trace
        return request

    def _translated(self, error: Exception, exchange: Exchange) -> Exception | None:
        refused = origin(error, h11.RemoteProtocolError)
        if refused is not None and refused.error_status_hint == 431:
            return OversizedHeadError(str(error))
        if refused is not None and is_tls_alert(refused):
            return WrongSchemeError(str(error))
        if isinstance(error, self.library.ProxyError) and str(error).startswith("407"):
            return ProxyRefusedError(str(error))
        ended = (
            isinstance(error, self.library.NetworkError | self.library.RemoteProtocolError)
            and refused is None
        )
        if ended and exchange.stale and not isinstance(error, self.library.ConnectError):
            return StaleConnectionError(str(error))
        same: type[Exception] | None = getattr(httpx, type(error).__name__, None)
        return same(str(error)) if same else None

    @property
    def in_use(self) -> int:  # type: ignore[override]
        """How many connections carry an exchange, or are being made."""
        return sum(_in_use(client) for client in (*self._retired, self._opened) if client is not None)


def _in_use(client: Any) -> int:
    connections = client._pool.connections  # noqa: SLF001 - no other way
    return sum(not (connection.is_idle() or connection.is_closed()) for connection in connections)


class Httpx2Transport(HttpxTransport):
    """httpx2's, whose requests and answers are classes of their own."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.library = httpx2
        self._url: tuple[httpx.URL | None, Any] = None, None

    def _request(self, request: httpx.Request, trace: Any) -> Any:
        if self._url[0] != request.url:
            self._url = request.url, self.library.URL(str(request.url))
        return self.library.Request(
            request.method,
            self._url[1],
            headers=request.headers.raw,
            stream=self.library.ByteStream(request.content),
            extensions={**request.extensions, "trace": trace},
        )
