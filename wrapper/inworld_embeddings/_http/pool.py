"""The transport: keeps idle connections, gives each request one, takes it back only when it is clean."""

import asyncio
import ssl

import httpx

from .answer import Answer
from .connection import Body, Connection
from .dial import Dialer
from .faults import StaleConnectionError, WrongSchemeError

KEEPALIVE_EXPIRY = 15.0
"""Seconds after which an idle connection is not used again."""


class PooledTransport(httpx.AsyncBaseTransport):
    """HTTP/1.1 for one event loop and one origin.

    There is no limit on connections: whoever sends decides how many requests are in flight.

    Args:
        proxy: URL of an HTTP proxy for https origins.
        context: TLS settings. Default: httpx's.
        trust_env: Whether ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` count.
    """

    def __init__(
        self, *, proxy: str | None = None, context: ssl.SSLContext | None = None, trust_env: bool = True
    ) -> None:
        self._dial = Dialer(httpx.URL(proxy) if proxy else None, context, trust_env=trust_env)
        self._idle: list[Connection] = []
        self._busy: set[Connection] = set()
        self._spoke_http = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        head, body = _head(request), await request.aread()
        connection = self._take() or await self._dial(
            request.url, request.extensions.get("timeout", {}).get("connect")
        )
        self._busy.add(connection)
        try:
            answer = await connection.exchange(head, body)
        except StaleConnectionError:
            self.drop_idle()  # what ended this one will have ended those that are older
            self._drop(connection)
            raise
        except WrongSchemeError as error:
            self._drop(connection)
            if self._spoke_http:  # so it is not the URL that is wrong
                raise httpx.RemoteProtocolError(f"the answer is not HTTP: {error}") from None
            raise
        except BaseException:
            self._drop(connection)
            raise
        self._spoke_http = True
        return httpx.Response(
            answer.status or 0, headers=answer.headers, stream=_Returning(connection, answer, self)
        )

    def _take(self) -> Connection | None:
        """The connection used last of those that are fresh and clean."""
        oldest = asyncio.get_running_loop().time() - KEEPALIVE_EXPIRY
        while self._idle and self._idle[0].idle_since <= oldest:  # they stand in the order of their return
            self._idle.pop(0).abort()
        while self._idle:
            connection = self._idle.pop()
            if connection.reusable and connection.quiet():
                return connection
            connection.abort()
        return None

    def give_back(self, connection: Connection) -> None:
        """Takes a connection back after its exchange, whole or not."""
        if connection in self._busy and connection.reusable:
            self._busy.discard(connection)
            connection.idle_since = asyncio.get_running_loop().time()
            self._idle.append(connection)
        else:
            self._drop(connection)

    def _drop(self, connection: Connection) -> None:
        self._busy.discard(connection)
        connection.abort()

    def drop_idle(self) -> None:
        """Drops the connections that wait for their next request."""
        for connection in self._idle:
            connection.abort()
        self._idle.clear()

    async def aclose(self) -> None:
        """Drops all connections."""
        self.drop_idle()
        for connection in self._busy:
            connection.abort()
        self._busy.clear()
        await asyncio.sleep(0)  # lets the transports close their sockets


class _Returning(Body):
    """A body that hands its connection back when it is closed."""

    def __init__(self, connection: Connection, answer: Answer, pool: PooledTransport) -> None:
        super().__init__(connection, answer)
        self._pool = pool

    async def aclose(self) -> None:
        self._pool.give_back(self.connection)


def _head(request: httpx.Request) -> bytes:
    """The request line and headers.

    Raises:
        httpx.LocalProtocolError: a header with a line break in it.
    """
    headers = request.headers.raw
    first = b"%s %s HTTP/1.1" % (request.method.encode("ascii"), request.url.raw_path)
    head = b"\r\n".join([first, *[b"%s: %s" % header for header in headers], b"\r\n"])
    if not head.count(b"\r") == head.count(b"\n") == len(headers) + 2 or b"\0" in head:
        raise httpx.LocalProtocolError("a request header holds a line break or NUL")
    return head
