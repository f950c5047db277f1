"""HTTP/1.1 over asyncio and llhttp, with the hygiene the fault catalogue asks for.

httpx's own transport takes a stray second response for the next one, loses pool slots to cancellation and costs several
times the CPU; docs/understand/transports.md has the figures. This one does less: no HTTP/2, no SOCKS, no redirects, no cookies.
"""

from functools import partial

from .._retry import Timeouts
from .._settings import Settings
from ..errors import ConfigurationError
from .adapters import HttpxTransport, Transport
from .connect import proxy_for
from .pool import ConnectionPool


def transport_for(settings: Settings, timeouts: Timeouts) -> Transport:
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
    return ConnectionPool(
        proxy=proxy_for(settings),
        trust_env=settings.trust_env,
        connect=timeouts.connect,
        keepalive=timeouts.keepalive,
    )
