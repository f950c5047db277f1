"""urllib3 in worker threads."""

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from http import client as http_client
from typing import Any

import httpx
import urllib3

from inworld_embeddings._error_mapping import (
    OversizedHeadError,
    ProxyRefusedError,
    StaleConnectionError,
    WrongSchemeError,
)
from inworld_embeddings._http.connect import SOCKET_OPTIONS

from .base import Body, Candidate, Exchange, is_tls_alert, origin


class Urllib3Transport(Candidate):
    """urllib3 in worker threads. A cancelled request ends in its thread when its socket is shut down under it."""

    def open(self, context: ssl.SSLContext, connect_timeout: float) -> Any:  # noqa: ARG002 - it is in each request
        settings: dict[str, Any] = {
            "num_pools": 4,
            "maxsize": 64,
            "retries": False,
            "ssl_context": context,
            "socket_options": [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1), *SOCKET_OPTIONS],
        }
        if self._proxy is None:
            manager: Any = urllib3.PoolManager(**settings)
        else:
            url = httpx.URL(self._proxy)
            login = f"{url.username}:{url.password}" if url.username else None
            manager = urllib3.ProxyManager(
                self._proxy, proxy_headers=urllib3.make_headers(proxy_basic_auth=login),
                proxy_ssl_context=context, **settings,
            )  # fmt: skip
        manager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}
        return manager, ThreadPoolExecutor(64)

    async def shut(self, client: Any) -> None:
        self.drop_idle()
        client[1].shutdown(wait=False)

    def drop_idle(self) -> None:
        if self._opened is not None:
            pools = self._opened[0].pools
            for key in pools.keys():  # noqa: SIM118 - it cannot be iterated over
                pools[key].close()
            pools.clear()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        manager, threads = self.client_for(request)
        call = _Call(request)

        def send() -> Any:
            _Call.of_thread.call = call
            return manager.request(
                request.method, str(request.url), body=request.content, headers=dict(request.headers), redirect=False,
                decode_content=False, preload_content=False,
                timeout=urllib3.Timeout(connect=call.exchange.connect_timeout, read=60),
            )  # fmt: skip

        try:
            response = await call.run(threads, send)
        except urllib3.exceptions.HTTPError as error:
            self.raised(error, _urllib3_translated(error, call.exchange))
        call.exchange.answered = self._spoke_http = True

        async def chunks() -> AsyncIterator[bytes]:
            while chunk := await call.run(threads, lambda: response.read(2**16, decode_content=False)):
                yield chunk

        return httpx.Response(
            response.status,
            headers=list(response.headers.items()),
            stream=Body(chunks(), lambda error: _urllib3_translated(error, call.exchange), response.close),
        )


class _Call:
    """One request in its thread, which can be ended from the loop's."""

    of_thread = threading.local()

    def __init__(self, request: httpx.Request) -> None:
        self.exchange = Exchange(request)
        self.ended = False
        self.connection: Any = None

    async def run(self, threads: ThreadPoolExecutor, work: Callable[[], Any]) -> Any:
        """What the work returns. If the caller is cancelled, the connection ends, and with it the work."""
        working = threads.submit(work)
        try:
            return await asyncio.wrap_future(working)
        except asyncio.CancelledError:
            self.ended = True
            working.add_done_callback(_close_unread)
            with contextlib.suppress(
                AttributeError, TypeError, OSError
            ):  # there may be no socket yet, or no more
                socket.socket.shutdown(self.connection.sock, socket.SHUT_RDWR)
            raise


def _close_unread(working: Future[Any]) -> None:
    """Closes the answer that came as its caller left."""
    if not working.cancelled() and not working.exception() and hasattr(working.result(), "close"):
        working.result().close()


class _Observed:
    """A connection of urllib3's that tells the call it serves what it does."""

    def connect(self) -> None:
        call = _Call.of_thread.call
        call.connection, call.exchange.connected = self, True
        super().connect()  # type: ignore[misc]
        if call.ended:
            raise ConnectionAbortedError("cancelled")

    def request(self, *arguments: Any, **options: Any) -> None:
        _Call.of_thread.call.connection = self
        super().request(*arguments, **options)  # type: ignore[misc]


class _ObservedHTTP(_Observed, urllib3.connection.HTTPConnection):
    pass


class _ObservedHTTPS(_Observed, urllib3.connection.HTTPSConnection):
    pass


class _HTTPPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _ObservedHTTP


class _HTTPSPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _ObservedHTTPS


def _urllib3_translated(error: Exception, exchange: Exchange) -> Exception | None:
    refused = origin(error, http_client.HTTPException)
    match error:
        case urllib3.exceptions.ProxyError() if "Tunnel connection failed: 407" in str(error):
            return ProxyRefusedError("HTTP 407")
        case (
            urllib3.exceptions.SSLError()
            | urllib3.exceptions.NewConnectionError()
            | urllib3.exceptions.ProxyError()
        ):
            return httpx.ConnectError(str(error))
        case urllib3.exceptions.TimeoutError():
            return httpx.ReadTimeout(str(error))
        case _ if not exchange.answered and (
            isinstance(refused, http_client.LineTooLong) or "got more than" in str(error)
        ):
            return OversizedHeadError(str(error))
        case _ if is_tls_alert(error):
            return WrongSchemeError(str(error))
        case _ if exchange.stale and (
            isinstance(refused, http_client.RemoteDisconnected)
            or not isinstance(refused, http_client.BadStatusLine)
        ):
            return StaleConnectionError(str(error))
        case urllib3.exceptions.HTTPError() | ValueError():
            return httpx.ReadError(str(error))
    return None
