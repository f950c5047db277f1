"""One HTTP/1.1 connection as an asyncio protocol, and the parser that reads a response from it."""

import asyncio
import select
import ssl
from collections.abc import AsyncGenerator
from typing import Any, cast

import httptools
import httpx

from .._error_mapping import OversizedHeadError, ProxyRefusedError, StaleConnectionError, WrongSchemeError

HEAD_CAP = 64 * 1024
"""Most bytes in a row that are no body: a head, interim ones counted each for itself, or trailers."""

SCRATCH = 64 * 1024
"""Most bytes that are read at a time, while it is not known where they belong."""

_TLS_ALERT = b"\x15\x03"
"""What a TLS server may say to a request in clear: an alert, and a version."""


class ResponseParser:
    """One response while it is being read: a state, without I/O, that bytes are fed to.

    Attributes:
        started: Whether a byte of it has come.
        status: HTTP status, 0 until the head is there. Interim responses (1xx) do not count.
        headers: (name, value) pairs of the head, names as sent.
        encoded: Whether there is a ``Content-Encoding``.
        length: Bytes of the body, if the head told.
        until_close: Whether the body ends with the connection.
        buffered: Bytes of the body that wait for `take`.
        complete: Whether all of it has come.
        keep_alive: Whether its connection may carry another exchange.
    """

    def __init__(self) -> None:
        self.started = self.encoded = self.until_close = self.complete = self.keep_alive = False
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.length: int | None = None
        self.buffered = 0
        self._chunks: list[bytes] = []
        self._chunked = False
        self._overhead = 0
        self._parser: Any = httptools.HttpResponseParser(self)

    def feed(self, data: memoryview) -> None:
        """Reads on.

        Raises:
            httpx.RemoteProtocolError: it is not HTTP, or there is no end to its head.
        """
        self.started = True
        self._overhead += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self.keep_alive = False
            if not self.complete:
                raise httpx.RemoteProtocolError(f"the response is not HTTP: {error}") from None
        if self.complete:
            self._parser = None  # it holds this object: no cycle is left behind
        elif self._overhead > HEAD_CAP:
            raise OversizedHeadError(f"over {HEAD_CAP} bytes of headers")

    def take(self) -> bytes:
        """The part of the body that has come since the last time."""
        data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        self.buffered = 0
        return data

    def finish(self, *, complete: bool) -> None:
        """Nothing more will be fed: the rest was received elsewhere, or the connection has ended."""
        self.complete = self.complete or complete
        self._parser = None

    # What llhttp calls.

    def on_message_begin(self) -> None:
        if self.complete:
            raise ValueError("a second response")  # it ends `feed`, and with it the connection (B09)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.status:  # a trailer
            return
        self.headers.append((name, value))
        match name.lower():
            case b"content-length":
                self.length = int(value) if value.isdigit() else None
            case b"transfer-encoding":
                self._chunked = True
            case b"content-encoding":
                self.encoded = True

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if status >= 200:
            self.status = status
            self.keep_alive = self._parser.should_keep_alive()
            if self._chunked:
                self.length = None
            self.until_close = self.length is None and not self._chunked
            return
        # However many interim ones come, they cost no memory, and the deadline ends them (B13).
        self.headers, self.length, self._overhead = [], None, 0
        self._chunked = self.encoded = False

    def on_body(self, data: bytes) -> None:
        self._chunks.append(data)
        self.buffered += len(data)
        self._overhead = 0

    def on_message_complete(self) -> None:
        if self.status:
            self.complete = True


class Connection(asyncio.BufferedProtocol):
    """Carries one exchange at a time.

    Anything that arrives beyond the response, or without being asked for, makes it unusable: what is not the response
    to this request must never be taken for the response to the next one (catalogue B09, B10).

    Attributes:
        origin: (scheme, host and port) that it leads to.
        idle_since: Loop time at which its last exchange ended.
    """

    def __init__(self) -> None:
        self.origin: tuple[str, bytes] = ("", b"")
        self.idle_since = 0.0
        self._transport: asyncio.Transport | None = None  # again when the connection has ended
        self._parser: ResponseParser | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._error: Exception = httpx.ReadError("the connection is closed")
        self._exchanges = 0
        self._scratch = memoryview(bytearray(SCRATCH))
        self._room: memoryview | None = None
        self._filled = 0

    async def exchange(self, head: bytes, body: bytes) -> ResponseParser:
        """Sends a request; returns when the response's head is there, with its body to be read.

        Raises:
            StaleConnectionError: see there.
            httpx.RemoteProtocolError: what came is not HTTP.
            httpx.ReadError: the connection broke.
        """
        self._exchanges += 1
        self._parser = parser = ResponseParser()
        if self._transport is None:
            raise self._failure()
        # Not `writelines`: in CPython 3.12 and 3.13 it keeps an empty piece for ever, spins, and cannot close.
        self._transport.write(head + body)
        while not parser.status:  # a response may come before all is sent, a refusal above all
            await self._more()
        return parser

    async def fill(self, parser: ResponseParser, body: bytearray) -> None:
        """Receives a body of known length into its place, past the parser."""
        self._filled = parser.buffered
        body[: self._filled] = parser.take()
        with memoryview(body) as room:
            self._room = room
            try:
                while not parser.complete:
                    await self._more()
            finally:
                self._room = None

    async def chunks(self, parser: ResponseParser) -> AsyncGenerator[bytes]:
        """A body piece by piece, as it comes."""
        while parser.buffered or not parser.complete:
            if parser.buffered:
                yield parser.take()
            else:
                await self._more()

    async def tunnel(self, head: bytes, context: ssl.SSLContext, host: str) -> None:
        """Asks a proxy for a tunnel with a CONNECT request, and speaks TLS through it from then on.

        Raises:
            ProxyRefusedError: the proxy wants credentials.
            httpx.ProxyError: the proxy gave no tunnel.
        """
        response = await self.exchange(head, b"")
        if response.status == 407:
            raise ProxyRefusedError("it wants credentials (HTTP 407)")
        if not 200 <= response.status < 300 or self._transport is None:
            raise httpx.ProxyError(f"HTTP {response.status}")
        if response.buffered:
            raise httpx.ProxyError("it sent a page of its own")
        loop = asyncio.get_running_loop()
        self._transport = await loop.start_tls(self._transport, self, context, server_hostname=host)
        self._parser, self._exchanges = None, 0

    def reusable(self) -> bool:
        """Whether the exchange has ended in a way that another may follow, as far as the event loop has seen."""
        parser, transport = self._parser, self._transport
        return (
            (parser is not None and parser.complete and parser.keep_alive)
            and transport is not None
            and not transport.get_write_buffer_size()
        )

    def quiet(self) -> bool:
        """Whether nothing has arrived that the event loop has not read yet.

        Asked right before a request is sent: what is there by then, a stray response above all, would be taken for
        the response to it.
        """
        if self._transport is None or self._transport.is_closing():
            return False
        sock = self._transport.get_extra_info("socket")
        if not hasattr(select, "poll"):  # Windows
            return not select.select([sock], [], [], 0)[0]
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        return not poll.poll(0)

    def abort(self, error: Exception | None = None) -> None:
        """Drops the connection at once; whoever waits for a response gets the error."""
        if self._transport is not None:
            self._error = error or self._error
            self._transport.abort()
            self._transport = None
        self._wake()

    async def _more(self) -> None:
        """Returns when something has arrived."""
        if self._transport is None:
            raise self._failure()
        self._waiter = asyncio.get_running_loop().create_future()
        await self._waiter

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _failure(self) -> Exception:
        started = self._parser is not None and self._parser.started
        if self._exchanges > 1 and not started and not isinstance(self._error, httpx.RemoteProtocolError):
            return StaleConnectionError(str(self._error))
        return self._error

    def _may_want_tls(self) -> bool:
        """Whether not a byte has come yet over a connection without TLS."""
        return (
            (self._exchanges == 1 and self._parser is not None and not self._parser.started)
            and self._transport is not None
            and self._transport.get_extra_info("ssl_object") is None
        )

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - the protocol's
        return self._scratch if self._room is None else self._room[self._filled :]

    def buffer_updated(self, nbytes: int) -> None:
        parser = self._parser
        if parser is None or parser.complete:
            self.abort(httpx.RemoteProtocolError("bytes arrived that nobody asked for"))
            return
        if self._room is not None:
            self._filled += nbytes
            if self._filled == len(self._room):
                self._room = None
                parser.finish(complete=True)
                self._wake()
            return
        data = self._scratch[:nbytes]
        if data[:2] == _TLS_ALERT and self._may_want_tls():
            self.abort(WrongSchemeError("the response is TLS"))
            return
        try:
            parser.feed(data)
        except httpx.RemoteProtocolError as error:
            self.abort(error)
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        aborted = self._transport is None
        if not aborted:
            reason = f"{type(exc).__name__}: {exc}" if exc else "closed by the server"
            if self._may_want_tls():
                reason += "; if that port speaks TLS, the URL must begin with https://"
            self._error = httpx.ReadError(f"the connection broke before the response was whole ({reason})")
        if self._parser is not None:
            self._parser.finish(complete=self._parser.until_close and exc is None and not aborted)
        self._transport = None
        self._wake()
