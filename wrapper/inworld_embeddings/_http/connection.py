"""One HTTP/1.1 connection as an asyncio protocol: a request out, an answer in, and whether it may be used again."""

import asyncio
import select
import socket
import ssl
from collections.abc import AsyncIterator
from typing import Any, cast

import httptools
import httpx

HEAD_CAP = 64 * 1024
"""Most bytes in a row that are no body: a head, interim ones counted each for itself, or trailers."""

BUFFER_CAP = 1024 * 1024
"""Bytes held for a slow reader before the socket is paused."""


_TLS_ALERT = b"\x15\x03"
"""What a TLS server may say to a request in clear: an alert, and a version."""


class StaleConnectionError(httpx.RemoteProtocolError):
    """A connection that had been used before ended before a byte of this answer came."""


class WrongSchemeError(httpx.RemoteProtocolError):
    """A request in clear was answered in TLS."""


class OversizedHeadError(httpx.RemoteProtocolError):
    """More headers than anyone means."""


class ProxyRefusedError(httpx.ProxyError):
    """The proxy refused the tunnel for a reason that a retry does not change."""


class Connection(asyncio.Protocol):
    """Carries one exchange at a time.

    Anything that arrives beyond the answer, or without being asked for, makes it unusable: what is not the answer
    to this request must never be taken for the answer to the next one (catalogue B09, B10).
    """

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._parser: Any = None
        self._wake = asyncio.Event()
        self._error: Exception | None = None
        self._used = 0
        self._sound = True
        self.idle_since = 0.0
        self._reset()

    def _reset(self) -> None:
        self._overhead = self._buffered = 0
        self._headers: list[tuple[bytes, bytes]] = []
        self._chunks: list[bytes] = []
        self._status: int | None = None
        self._final = self._complete = self._delimited = self._answered = False

    # What the pool and the body call.

    @property
    def reusable(self) -> bool:
        """Whether the next request may go over it, as far as the event loop has seen."""
        return self._sound and self._error is None and (self._complete or not self._used) and self._all_sent()

    def quiet(self) -> bool:
        """Whether nothing has arrived that the event loop has not read yet.

        Asked right before a request is sent: what is there by then, a stray answer above all, would be taken for
        the answer to it.
        """
        if self._transport is None or self._transport.is_closing():
            return False
        return not _readable(self._transport.get_extra_info("socket"))

    async def exchange(self, head: bytes, body: bytes) -> httpx.Response:
        """Sends a request; returns when the answer's head is there, with its body to be read.

        Raises:
            StaleConnectionError: see there.
            httpx.RemoteProtocolError: what came is not HTTP.
            httpx.ReadError: the connection broke.
        """
        self._reset()
        self._used += 1
        self._parser = httptools.HttpResponseParser(self)
        if self._transport is None or self._error is not None:
            raise self._failure()
        self._transport.writelines((head, body))
        while not self._final:  # an answer may come before all is sent, a refusal above all
            await self._more()
        return httpx.Response(self._status or 0, headers=self._headers, stream=Body(self))

    async def next_chunk(self) -> bytes:
        """The next piece of the body; empty at its end."""
        while not self._chunks:
            if self._complete:
                return b""
            await self._more()
        data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        self._buffered = 0
        if self._transport is not None:
            self._transport.resume_reading()
        return data

    async def tunnel(self, head: bytes, context: ssl.SSLContext, host: str) -> None:
        """Asks a proxy for a tunnel with a CONNECT request, and speaks TLS through it from then on.

        Raises:
            ProxyRefusedError: the proxy wants credentials.
            httpx.ProxyError: the proxy gave no tunnel.
        """
        response = await self.exchange(head, b"")
        if response.status_code == 407:
            raise ProxyRefusedError("the proxy wants credentials (HTTP 407)")
        if not response.is_success or self._transport is None:
            raise httpx.ProxyError(f"the proxy gave no tunnel (HTTP {response.status_code})")
        loop = asyncio.get_running_loop()
        self._transport = await loop.start_tls(self._transport, self, context, server_hostname=host)
        self._parser, self._used, self._sound = None, 0, True
        self._reset()

    def abort(self) -> None:
        """Drops the connection at once."""
        self._sound = False
        if self._transport is not None:
            self._transport.abort()

    async def _more(self) -> None:
        if self._error is not None:
            raise self._failure()
        self._wake.clear()
        await self._wake.wait()

    def _failure(self) -> Exception:
        error = self._error or httpx.ReadError("the connection is closed")
        if self._used > 1 and not self._answered and not isinstance(error, httpx.RemoteProtocolError):
            return StaleConnectionError(str(error))
        return error

    def _fail(self, error: Exception) -> None:
        """Makes the connection unusable, at once."""
        self._error = self._error or error
        self.abort()
        self._wake.set()

    def _all_sent(self) -> bool:
        return self._transport is None or not self._transport.get_write_buffer_size()

    def _in_clear(self) -> bool:
        return self._transport is not None and self._transport.get_extra_info("ssl_object") is None

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance

    def data_received(self, data: bytes) -> None:
        if self._parser is None or self._complete:
            self._fail(httpx.RemoteProtocolError("bytes arrived that nobody asked for"))
            return
        if not self._answered and self._used == 1 and data.startswith(_TLS_ALERT) and self._in_clear():
            self._fail(WrongSchemeError("the answer is TLS"))
            return
        self._answered = True
        self._overhead += len(data)
        self._feed(data)
        if self._overhead > HEAD_CAP and not self._complete:
            self._fail(OversizedHeadError(f"over {HEAD_CAP} bytes of headers"))
        if self._buffered > BUFFER_CAP and self._transport is not None:
            self._transport.pause_reading()
        self._wake.set()

    def _feed(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._sound = False
            if not self._complete:
                self._fail(httpx.RemoteProtocolError(f"the answer is not HTTP: {error}"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._sound = False
        if self._final and not self._delimited and exc is None:
            self._complete = True  # a body without a length ends with the connection
        if not self._complete:
            reason = f"{type(exc).__name__}: {exc}" if exc else "closed by the server"
            if self._used == 1 and not self._answered and self._in_clear():
                reason += "; if that port speaks TLS, the URL must begin with https://"
            self._error = self._error or httpx.ReadError(
                f"the connection broke before the answer was whole ({reason})"
            )
        elif self._error is None and not self._chunks:
            self._error = httpx.ReadError("the connection is closed")
        self._transport = self._parser = None  # the parser holds us: no cycle is left behind
        self._wake.set()

    # What llhttp calls.

    def on_message_begin(self) -> None:
        if self._complete:
            self._sound = False  # a second answer

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._final:  # later ones are trailers
            self._headers.append((name, value))
            self._delimited = self._delimited or name.lower() in (b"content-length", b"transfer-encoding")

    def on_headers_complete(self) -> None:
        if self._complete:
            return
        status = self._parser.get_status_code()
        if status >= 200:
            self._status, self._final = status, True
            self._sound = self._sound and self._parser.should_keep_alive()
            self._delimited = self._delimited or status in (204, 304)
            return
        # However many come, they cost no memory, and the deadline ends them (B13).
        self._headers, self._delimited, self._overhead = [], False, 0

    def on_body(self, data: bytes) -> None:
        if not self._complete:
            self._chunks.append(data)
            self._buffered += len(data)
            self._overhead = 0

    def on_message_complete(self) -> None:
        self._complete = self._complete or self._final


def _readable(sock: socket.socket) -> bool:
    if not hasattr(select, "poll"):  # Windows
        return bool(select.select([sock], [], [], 0)[0])
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))


class Body(httpx.AsyncByteStream):
    """The body of an answer, as it comes in. Closing it early drops the connection."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while chunk := await self.connection.next_chunk():
            yield chunk
