"""The connection pool: keeps idle connections, gives each request one, takes it back only when it is clean."""

import asyncio
from contextlib import aclosing
from functools import partial

import httpx

from .._error_mapping import Response, StaleConnectionError, WrongSchemeError
from .adapters import Transport, read_response
from .connect import TLS, open_connection
from .connection import Connection

KEPT_BUFFERS = 4
"""Receive buffers kept for the next use. They come back as fast as responses are read: more would only lie there."""


class ConnectionPool(Transport):
    """A transport of our own: HTTP/1.1 for one event loop.

    There is no limit on connections: whoever sends decides how many requests are in flight.

    Args:
        proxy: An HTTP proxy for https origins.
        tls: Gives the settings of TLS; asked for each connection that needs them.
        connect: Seconds in which a connection must be made, TLS included.
        keepalive: Seconds after which an idle connection is not used again.

    Attributes:
        idle: Connections that wait for their next request, in the order of their return.
        busy: Connections that carry a request.
    """

    def __init__(self, *, proxy: httpx.URL | None, tls: TLS, connect: float, keepalive: float) -> None:
        self.idle: list[Connection] = []
        self.busy: set[Connection] = set()
        self._open = partial(open_connection, proxy=proxy, tls=tls, seconds=connect)
        self._keepalive = keepalive
        self._buffers: list[bytearray] = []
        self._spoke_http = False

    async def send(self, request: httpx.Request, cap: int) -> Response:
        """See `Transport`."""
        raw, url = request.headers.raw, request.url
        first = b"%s %s HTTP/1.1" % (request.method.encode("ascii"), url.raw_path)
        head = b"\r\n".join([first, *map(b": ".join, raw), b"\r\n"])
        if not head.count(b"\r") == head.count(b"\n") == len(raw) + 2 or b"\0" in head:
            raise httpx.LocalProtocolError("a request header holds a line break or NUL")
        body = await request.aread()
        origin = url.scheme, url.netloc
        connection = self._take(origin)
        if connection is None:
            connection = await self._open(url)
            connection.origin = origin
        self.busy.add(connection)
        try:
            response = await self._exchange(connection, head, body, cap)
        except BaseException:
            connection.abort()
            raise
        finally:
            self.busy.discard(connection)
        if connection.reusable():
            connection.idle_since = asyncio.get_running_loop().time()
            self.idle.append(connection)
        else:
            connection.abort()
        return response

    async def _exchange(self, connection: Connection, head: bytes, body: bytes, cap: int) -> Response:
        try:
            parser = await connection.exchange(head, body)
        except StaleConnectionError:
            self.freshen()  # what ended this one will have ended those that are older
            raise
        except WrongSchemeError as error:
            if self._spoke_http:  # so it is not the URL that is wrong
                raise httpx.RemoteProtocolError(f"the response is not HTTP: {error}") from None
            raise
        self._spoke_http = True
        if parser.status == 200 and not parser.encoded:
            if parser.complete and parser.buffered <= cap:
                return Response(200, parser.headers, parser.take())
            if not parser.complete and parser.length is not None and parser.length <= cap:
                buffer = self._buffer(parser.length)
                await connection.fill(parser, buffer)
                return Response(200, parser.headers, buffer)
        async with aclosing(connection.chunks(parser)) as chunks:
            return await read_response(parser.status, parser.headers, chunks, cap)

    def _take(self, origin: tuple[str, bytes]) -> Connection | None:
        """The connection used last of those that are fresh, clean and lead there."""
        oldest = asyncio.get_running_loop().time() - self._keepalive
        while self.idle and self.idle[0].idle_since <= oldest:
            self.idle.pop(0).abort()
        while self.idle:
            connection = self.idle.pop()
            if connection.origin == origin and connection.quiet():
                return connection
            connection.abort()
        return None

    def _buffer(self, length: int) -> bytearray:
        """A receive buffer of that length; what it holds is undefined.

        Memory is used again because new pages cost more CPU than receiving what goes into them.
        """
        if not self._buffers:
            return bytearray(length)
        buffer = self._buffers.pop()
        if len(buffer) < length:
            buffer.extend(bytes(length - len(buffer)))
        else:
            del buffer[length:]
        return buffer

    def reuse(self, body: bytes | bytearray) -> None:
        """Takes back a body that nobody reads any more; bytes, which cannot be written to, are left alone."""
        if isinstance(body, bytearray) and len(self._buffers) < KEPT_BUFFERS:
            self._buffers.append(body)

    def freshen(self) -> None:
        """Drops the connections that wait for their next request."""
        for connection in self.idle:
            connection.abort()
        self.idle.clear()

    async def aclose(self) -> None:
        """Drops all connections."""
        self.freshen()
        for connection in self.busy:
            connection.abort()
        await asyncio.sleep(0)  # lets the transports close their sockets
