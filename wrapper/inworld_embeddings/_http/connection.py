"""One HTTP/1.1 connection as an asyncio protocol: a request out, an answer in, and whether it may be used again."""

import asyncio
import select
import socket
import ssl
from collections.abc import AsyncIterator
from typing import cast

import httpx

from .answer import Answer
from .faults import ProxyRefusedError, StaleConnectionError, WrongSchemeError
from .whole import Buffers

BUFFER_CAP = 1024 * 1024
"""Bytes held for a slow reader before the socket is paused."""

SCRATCH = 64 * 1024
"""Most bytes that are read at a time, while it is not known where they belong."""

_TLS_ALERT = b"\x15\x03"
"""What a TLS server may say to a request in clear: an alert, and a version."""


class Connection(asyncio.BufferedProtocol):
    """Carries one exchange at a time.

    Anything that arrives beyond the answer, or without being asked for, makes it unusable: what is not the answer
    to this request must never be taken for the answer to the next one (catalogue B09, B10).
    """

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._answer: Answer | None = None
        self._wake = asyncio.Event()
        self._error: Exception | None = None
        self._used = 0
        self._answered = False
        self._sound = True
        self.idle_since = 0.0
        self._scratch = memoryview(bytearray(SCRATCH))
        self._room: memoryview | None = None
        self._filled = 0

    # What the pool and the body call.

    @property
    def reusable(self) -> bool:
        """Whether the next request may go over it, as far as the event loop has seen."""
        done = self._answer is None or (self._answer.complete and self._answer.sound)
        return self._sound and self._error is None and done and self._all_sent()

    def quiet(self) -> bool:
        """Whether nothing has arrived that the event loop has not read yet.

        Asked right before a request is sent: what is there by then, a stray answer above all, would be taken for
        the answer to it.
        """
        if self._transport is None or self._transport.is_closing():
            return False
        return not _readable(self._transport.get_extra_info("socket"))

    async def exchange(self, head: bytes, body: bytes) -> Answer:
        """Sends a request; returns when the answer's head is there, with its body to be read.

        Raises:
            StaleConnectionError: see there.
            httpx.RemoteProtocolError: what came is not HTTP.
            httpx.ReadError: the connection broke.
        """
        self._used += 1
        self._answered = False
        self._answer = answer = Answer()
        if self._transport is None or self._error is not None:
            raise self._failure()
        self._transport.writelines((head, body))
        while answer.status is None:  # an answer may come before all is sent, a refusal above all
            await self._more()
        return answer

    async def next_chunk(self, answer: Answer) -> bytes:
        """The next piece of a body; empty at its end."""
        while not answer.buffered:
            if answer.complete:
                return b""
            await self._more()
        self._resume()
        return answer.take()

    async def fill(self, answer: Answer, body: bytearray) -> None:
        """Receives a whole body into its place."""
        self._filled = answer.buffered
        body[: self._filled] = answer.take()
        self._resume()
        with memoryview(body) as room:
            self._room = room
            try:
                while not answer.complete:
                    await self._more()
            finally:
                self._room = None

    async def tunnel(self, head: bytes, context: ssl.SSLContext, host: str) -> None:
        """Asks a proxy for a tunnel with a CONNECT request, and speaks TLS through it from then on.

        Raises:
            ProxyRefusedError: the proxy wants credentials.
            httpx.ProxyError: the proxy gave no tunnel.
        """
        status = (await self.exchange(head, b"")).status or 0
        if status == 407:
            raise ProxyRefusedError("the proxy wants credentials (HTTP 407)")
        if not 200 <= status < 300 or self._transport is None:
            raise httpx.ProxyError(f"the proxy gave no tunnel (HTTP {status})")
        loop = asyncio.get_running_loop()
        self._transport = await loop.start_tls(self._transport, self, context, server_hostname=host)
        self._answer, self._used, self._sound = None, 0, True

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

    def _resume(self) -> None:
        if self._transport is not None:
            self._transport.resume_reading()

    def _all_sent(self) -> bool:
        return self._transport is None or not self._transport.get_write_buffer_size()

    def _in_clear(self) -> bool:
        return self._transport is not None and self._transport.get_extra_info("ssl_object") is None

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - the protocol's
        return self._scratch if self._room is None else self._room[self._filled :]

    def buffer_updated(self, nbytes: int) -> None:
        if self._room is None:
            self._read(self._scratch[:nbytes])
            return
        self._filled += nbytes
        if self._filled == len(self._room) and self._answer is not None:
            self._room = None
            self._answer.finish()
            self._wake.set()

    def _read(self, data: memoryview) -> None:
        answer = self._answer
        if answer is None or answer.complete:
            self._fail(httpx.RemoteProtocolError("bytes arrived that nobody asked for"))
            return
        if not self._answered and self._used == 1 and data[:2] == _TLS_ALERT and self._in_clear():
            self._fail(WrongSchemeError("the answer is TLS"))
            return
        self._answered = True
        try:
            answer.feed(data)
        except httpx.RemoteProtocolError as error:
            self._fail(error)
        if answer.buffered > BUFFER_CAP and self._transport is not None:
            self._transport.pause_reading()
        self._wake.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._sound = False
        answer = self._answer or Answer()
        if exc is None:
            answer.end()
        answer.close()
        if not answer.complete:
            reason = f"{type(exc).__name__}: {exc}" if exc else "closed by the server"
            if self._used == 1 and not self._answered and self._in_clear():
                reason += "; if that port speaks TLS, the URL must begin with https://"
            self._error = self._error or httpx.ReadError(
                f"the connection broke before the answer was whole ({reason})"
            )
        elif self._error is None and not answer.buffered:
            self._error = httpx.ReadError("the connection is closed")
        self._transport = None
        self._wake.set()


def _readable(sock: socket.socket) -> bool:
    if not hasattr(select, "poll"):  # Windows
        return bool(select.select([sock], [], [], 0)[0])
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))


class Body(httpx.AsyncByteStream):
    """The body of an answer, as it comes in. Closing it early drops the connection."""

    def __init__(self, connection: Connection, answer: Answer) -> None:
        self.connection = connection
        self.answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while chunk := await self.connection.next_chunk(self.answer):
            yield chunk

    @property
    def length(self) -> int | None:
        """Bytes of it, if the head told."""
        return self.answer.length

    async def whole(self, buffers: Buffers) -> bytes | bytearray:
        """All of it at once. A long one is received where it is going to stay, into a buffer."""
        length = self.length or 0
        if self.answer.complete or length - self.answer.buffered <= SCRATCH:
            return b"".join([chunk async for chunk in self])
        body = buffers.take(length)
        await self.connection.fill(self.answer, body)
        return body
