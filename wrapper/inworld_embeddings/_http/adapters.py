"""What the engine asks of a transport, the user's httpx transport or client as one, and the choice between the two."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from .._error_mapping import Response
from .._settings import is_loopback
from ..errors import ConfigurationError
from .body import read_response
from .pool import ConnectionPool

if TYPE_CHECKING:
    from .._retry import Timeouts
    from .._settings import Settings


class Transport(Protocol):
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
        ...

    def freshen(self) -> None:
        """Has the next request use a new connection, after a response that makes this one doubtful."""

    def reuse(self, body: bytes | bytearray) -> None:
        """Takes back the body of a response, once nobody reads it any more: its memory receives another."""

    async def aclose(self) -> None:
        """Closes the connections."""


class HttpxTransport:
    """A transport or client of the user's, read by way of httpx's interface. It is never closed here.

    Args:
        send: Sends a request; the response's body may still have to be read.
        timeouts: ``connect`` and ``step`` go with each request, as httpx passes them. The engine's deadlines are tighter.
    """

    def __init__(
        self, send: Callable[[httpx.Request], Awaitable[httpx.Response]], timeouts: "Timeouts"
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

    def freshen(self) -> None:
        """Nothing: the connections are the user's."""

    def reuse(self, body: bytes | bytearray) -> None:
        """Nothing: the body is the user's."""

    async def aclose(self) -> None:
        """Nothing: the user closes it."""


def transport_for(settings: "Settings", timeouts: "Timeouts") -> Transport:
    """A transport for one event loop.

    Raises:
        ConfigurationError: a proxy that would see the key, or a transport that is not asynchronous.
    """
    if settings.transport is not None:
        if not hasattr(settings.transport, "handle_async_request"):
            raise ConfigurationError(
                f"transport= must be an httpx.AsyncBaseTransport, not {type(settings.transport).__name__}."
            )
        return HttpxTransport(settings.transport.handle_async_request, timeouts)
    if settings.http_client is not None:
        send = partial(settings.http_client.send, stream=True, auth=None, follow_redirects=False)
        return HttpxTransport(send, timeouts)
    proxy = settings.proxy or (_environment_proxy(settings.base_url) if settings.trust_env else None)
    if proxy:
        _check_proxy(proxy, settings.base_url)
    return ConnectionPool(
        proxy=proxy,
        trust_env=settings.trust_env,
        connect=timeouts.connect,
        keepalive=timeouts.keepalive,
    )


def _check_proxy(proxy: str, base_url: str) -> None:
    """Refuses what cannot work, without an echo: a proxy's URL may hold a password."""
    if urlsplit(base_url).scheme != "https":
        raise ConfigurationError("A proxy would see the key of an http:// base_url in clear. Use https://.")
    try:
        url = httpx.URL(proxy)
    except (httpx.InvalidURL, TypeError):
        url = httpx.URL()
    if url.scheme not in ("http", "https") or not url.host:
        raise ConfigurationError(
            "The proxy (proxy=, HTTPS_PROXY or ALL_PROXY) must be an http:// or https:// URL. SOCKS is not supported; "
            "transport= or http_client= can bring it."
        )


def _environment_proxy(base_url: str) -> str | None:
    """The proxy that the environment names for this origin, as httpx and curl read it; never one for loopback."""
    parts = urlsplit(base_url)
    proxies = getproxies()
    if is_loopback(parts.hostname or "") or proxy_bypass(parts.netloc):
        return None
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    return f"http://{proxy}" if proxy and "://" not in proxy else proxy
