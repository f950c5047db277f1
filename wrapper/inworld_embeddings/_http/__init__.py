"""HTTP/1.1 over asyncio and llhttp, with the hygiene the fault catalogue asks for.

httpx's own transport takes a stray second response for the next one, loses pool slots to cancellation and costs several
times the CPU; docs/understand/transports.md has the figures. This one does less: no HTTP/2, no SOCKS, no redirects, no cookies.
"""

from functools import partial

from .._retry import Timeouts
from .._settings import Settings
from ..errors import ConfigurationError
from .adapters import HttpxTransport, Transport
from .connect import proxy_for, tls_context
from .httpx2 import Send, is_httpx2, sending
from .pool import ConnectionPool


def transport_for(settings: Settings, timeouts: Timeouts) -> Transport:
    """A transport for one event loop.

    Raises:
        ConfigurationError: a proxy that would see the key, or a transport that is not asynchronous.
    """
    transport, http_client = settings.transport, settings.http_client
    if transport is not None:
        if not hasattr(transport, "handle_async_request"):
            raise ConfigurationError(
                f"transport= must be an httpx.AsyncBaseTransport, not {type(transport).__name__}."
            )
        send: Send = transport.handle_async_request
    elif http_client is not None:
        send = partial(http_client.send, stream=True, auth=None, follow_redirects=False)
    else:
        return ConnectionPool(
            proxy=proxy_for(settings),
            tls=partial(tls_context, settings.verify, trust_env=settings.trust_env),
            connect=timeouts.connect,
            keepalive=timeouts.keepalive,
        )
    if is_httpx2(transport, "AsyncBaseTransport") or is_httpx2(http_client, "AsyncClient"):
        send = sending(send)
    return HttpxTransport(send, timeouts)
