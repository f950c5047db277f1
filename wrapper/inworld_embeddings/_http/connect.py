"""Opens connections: TCP, TLS, and CONNECT through a proxy, which the settings or the environment name."""

import asyncio
import base64
import contextlib
import contextvars
import errno
import functools
import ipaddress
import os
import re
import socket
import ssl
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, getproxies_environment, proxy_bypass

import certifi
import httpx

from .._error_mapping import ProxyRefusedError
from .._settings import Settings, address_of, is_loopback
from ..errors import ConfigurationError
from ..options import Verify
from .connection import Connection

T = TypeVar("T")
TLS: TypeAlias = Callable[[], ssl.SSLContext]

# A NAT that forgets an idle connection says nothing; the kernel finds out (catalogue B22).
_KEEPALIVE = {"TCP_KEEPIDLE": 15, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 30_000}
HEAD_START: Final = 0.25
"""Seconds that an address of a host has before the next is tried beside it."""
SOCKET_OPTIONS = [
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *(
        (socket.IPPROTO_TCP, getattr(socket, name), value)
        for name, value in _KEEPALIVE.items()
        if hasattr(socket, name)
    ),
]


@functools.cache
def tls_context(verify: Verify = True, *, trust_env: bool) -> ssl.SSLContext:  # noqa: FBT002 - httpx's name
    """The process's TLS settings: httpx's choice of certificates, TLS 1.2 or newer.

    Not `ssl.create_default_context`: that writes the session's keys to the file that ``SSLKEYLOGFILE`` names.

    Raises:
        httpx.LocalProtocolError: the certificates cannot be loaded.
    """
    if isinstance(verify, ssl.SSLContext):
        return verify
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if sys.version_info >= (3, 13):  # as there by default
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VERIFY_X509_STRICT
    context.set_alpn_protocols(["http/1.1"])
    if verify is False:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context
    try:
        context.load_verify_locations(**_certificates(verify, trust_env=trust_env))
    except OSError as error:  # ssl.SSLError is one too
        source = "SSL_CERT_FILE or SSL_CERT_DIR names" if verify is True else "verify= names"
        raise httpx.LocalProtocolError(f"the certificates that {source} cannot be loaded") from error
    return context


def _certificates(verify: str | bool, *, trust_env: bool) -> dict[str, Any]:  # noqa: FBT001 - httpx's name
    """What `ssl.SSLContext.load_verify_locations` takes."""
    if isinstance(verify, str):
        return {"capath" if Path(verify).is_dir() else "cafile": verify}
    file, folder = (os.environ.get(name) if trust_env else None for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"))
    return {"capath": folder} if folder and not file else {"cafile": file or certifi.where()}


def proxy_for(settings: Settings) -> httpx.URL | None:
    """The proxy of a client, if it has one.

    Raises:
        ConfigurationError: one that would see the key, or is none. It is not echoed: its URL may hold a password.
    """
    base = urlsplit(settings.base_url)
    proxy, host, port = settings.proxy, base.hostname or "", base.port or 443
    if not proxy and settings.trust_env and not is_loopback(host) and not _is_exempt(host, port):
        # As httpx and curl read the environment.
        proxy = getproxies().get(base.scheme) or getproxies().get("all")
        proxy = f"http://{proxy}" if proxy and "://" not in proxy else proxy
    if not proxy:
        return None
    if base.scheme != "https":
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
    return url


def _is_exempt(host: str, port: int) -> bool:
    """Whether ``NO_PROXY`` names a host, as curl reads it; without it, whether the system's settings do.

    A name means itself and what is below it, with or without ``*.`` or a dot before it; an address may be a network
    (``10.0.0.0/8``); an IPv6 address needs no brackets; ``:port`` limits an entry to that port.
    """
    named = getproxies_environment().get("no")
    if named is None:
        return bool(proxy_bypass(f"[{host}]:{port}" if ":" in host else f"{host}:{port}"))
    address, name = address_of(host), host.rstrip(".").lower()
    for entry in re.split(r"[,\s]+", named.lower()):
        if entry == "*":
            return True
        has_port = entry.count(":") == 1 or "]:" in entry  # an IPv6 address has colons of its own
        place, _, only = entry.rpartition(":") if has_port else (entry, "", "")
        if only and only != str(port):
            continue
        if address is None:
            domain = place.removeprefix("*").strip(".")
            if domain and (name == domain or name.endswith(f".{domain}")):
                return True
        else:
            with contextlib.suppress(ValueError):
                if address in ipaddress.ip_network(place.strip("[]"), strict=False):
                    return True
    return False


async def open_connection(url: httpx.URL, *, proxy: httpx.URL | None, tls: TLS, seconds: float) -> Connection:
    """A fresh connection to an URL's origin, made within some seconds; see `ConnectionPool`.

    Raises:
        httpx.ConnectTimeout: not in time.
        httpx.ConnectError: refused, unknown host, or TLS failed; the cause says which.
        httpx.ProxyError: the proxy gave no tunnel.
    """
    try:
        async with asyncio.timeout(seconds):
            if proxy is None:
                return await _connect(url, tls)
            return await _connect_through(proxy, url, tls)
    except TimeoutError as error:
        raise httpx.ConnectTimeout(f"no connection{_through(proxy)} within {seconds} s") from error
    except OSError as error:  # ssl.SSLError is one too
        raise httpx.ConnectError((str(error) or type(error).__name__) + _through(proxy)) from error


def _through(proxy: httpx.URL | None) -> str:
    return "" if proxy is None else f" through the proxy {proxy.netloc.decode('ascii')}"


async def _connect(url: httpx.URL, tls: TLS) -> Connection:
    secure = url.scheme == "https"
    options: dict[str, Any] = {}
    if secure:
        options = {"ssl": tls(), "server_hostname": url.host}
    sock = await _first_of(await _addresses(url.host, url.port or (443 if secure else 80)))
    # From here on the transport is the one that closes the socket.
    _, connection = await asyncio.get_running_loop().create_connection(Connection, sock=sock, **options)
    return connection


async def _addresses(host: str, port: int) -> list[tuple[int, Any]]:
    """Family and address of each place where a host is. A name that means this machine is never looked up."""
    if address_of(host) is not None:  # as it is written, so it takes no thread
        flags = socket.AI_NUMERICHOST
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=flags)
    elif is_loopback(host):
        return [(socket.AF_INET, ("127.0.0.1", port)), (socket.AF_INET6, ("::1", port, 0, 0))]
    else:
        try:
            found = await in_daemon_thread(partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM))
        except socket.gaierror as error:
            if error.errno == getattr(socket, "EAI_SYSTEM", None):  # it had no descriptor, most of all
                raise OSError(errno.EAGAIN, str(error)) from None
            raise
    addresses = list(dict.fromkeys((int(family), place) for family, _, _, _, place in found))
    first = addresses[0][0]
    families = [[one for one in addresses if (one[0] == first) is same] for same in (True, False)]
    return [one for turn in zip_longest(*families) for one in turn if one is not None]


async def _first_of(addresses: list[tuple[int, Any]]) -> socket.socket:
    """A socket connected to the first address that can be reached; each has a head start over the next (RFC 8305).

    Raises:
        OSError: why the first one cannot be reached, if none can.
    """
    if len(addresses) == 1:
        return await _connected(*addresses[0])
    tasks: list[asyncio.Task[socket.socket]] = []
    winner = None
    try:
        for address in addresses:
            tasks.append(asyncio.create_task(_connected(*address)))
            head_start = HEAD_START if len(tasks) < len(addresses) else None
            while trying := [task for task in tasks if not task.done()]:
                done, _ = await asyncio.wait(trying, timeout=head_start, return_when=asyncio.FIRST_COMPLETED)
                winner = next((task for task in done if not task.exception()), None)
                if winner is not None or head_start is not None:
                    break
            if winner is not None:
                return winner.result()
        return tasks[0].result()  # raises
    finally:
        for task in tasks:
            if task is not winner:
                task.cancel()
                task.add_done_callback(_close_loser)


async def in_daemon_thread(work: Callable[[], T]) -> T:
    """The result of a function that may block, as of `asyncio.to_thread`; one that hangs keeps no process from exiting."""
    result: Future[T] = Future()
    result.set_running_or_notify_cancel()  # from here on nobody's cancellation reaches it
    context = contextvars.copy_context()

    def run() -> None:
        try:
            result.set_result(context.run(work))
        except BaseException as error:  # noqa: BLE001 - raised where it is awaited
            failed = RuntimeError("StopIteration") if isinstance(error, StopIteration) else error
            result.set_exception(failed)

    try:
        threading.Thread(target=run, name="inworld-embeddings-wait", daemon=True).start()
    except RuntimeError as error:
        raise OSError(errno.EAGAIN, str(error)) from None
    return await asyncio.wrap_future(result)


async def _connected(family: int, address: Any) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.settimeout(0)
        for option in SOCKET_OPTIONS:
            sock.setsockopt(*option)
        await asyncio.get_running_loop().sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock


def _close_loser(task: "asyncio.Task[socket.socket]") -> None:
    if not task.cancelled() and not task.exception():
        task.result().close()


async def _connect_through(proxy: httpx.URL, url: httpx.URL, tls: TLS) -> Connection:
    if url.scheme != "https":  # an auth flow may ask for any URL
        raise ProxyRefusedError("a proxy would see the key of an http:// origin in clear")
    connection = await _connect(proxy, tls)
    try:
        await connection.tunnel(_connect_head(url, proxy), tls(), url.host)
    except (httpx.ProxyError, httpx.RemoteProtocolError, httpx.ReadError) as error:
        connection.abort()
        kind = ProxyRefusedError if isinstance(error, ProxyRefusedError) else httpx.ProxyError
        raise kind(f"no tunnel{_through(proxy)}: {error}") from error
    except BaseException:
        connection.abort()
        raise
    return connection


def _connect_head(url: httpx.URL, proxy: httpx.URL) -> bytes:
    host = f"[{url.host}]" if ":" in url.host else url.host
    target = f"{host}:{url.port or 443}"
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if proxy.username or proxy.password:
        pair = f"{unquote(proxy.username)}:{unquote(proxy.password)}"
        lines.append(f"Proxy-Authorization: Basic {base64.b64encode(pair.encode()).decode()}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("ascii")
