"""Chooses what carries the bytes: the user's transport or client, or one of our own."""

from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from .._core.base_url import is_loopback
from .._http.pool import PooledTransport
from ..errors import ConfigurationError
from .guard import GuardedTransport

if TYPE_CHECKING:
    from ..configuration import Carrier


def transport_for(carrier: "Carrier", base_url: str) -> GuardedTransport:
    """A guarded transport for one event loop.

    Raises:
        ConfigurationError: a proxy that would see the key.
    """
    if carrier.transport is not None:
        return GuardedTransport(carrier.transport, owned=False)
    if carrier.http_client is not None:
        return GuardedTransport(_ClientTransport(carrier.http_client), owned=False)
    proxy = carrier.proxy or (_environment_proxy(base_url) if carrier.trust_env else None)
    if proxy:
        _check_proxy(proxy, base_url)
    return GuardedTransport(PooledTransport(proxy=proxy, trust_env=carrier.trust_env))


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


class _ClientTransport(httpx.AsyncBaseTransport):
    """Sends complete, already signed requests through a client of the user's."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._client.send(request, stream=True, auth=None, follow_redirects=False)
