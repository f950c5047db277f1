"""Sockets on loopback: what a fault may do with a connection, and how all of them end quickly."""

import asyncio
import contextlib
import socket
import struct
from itertools import count
from threading import Thread

from support.oracle import Head

_JOIN_SECONDS = 30.0
_LINGER_ZERO = struct.pack("ii", 1, 0)


class Connection:
    """Counts what it sends. That a client has left is an `OSError` or `EOFError`, which ends what is played."""

    def __init__(self, sock, number):
        self.number = number
        self.bytes_sent = 0
        self.closed = False
        self._sock = sock
        self._writer = None

    async def open(self, tls=None):
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        transport, _ = await loop.connect_accepted_socket(lambda: protocol, self._sock, ssl=tls)
        if not tls:
            transport.set_write_buffer_limits(0)  # so that what was sent is with the kernel
        self._writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        self.read, self.read_exactly = reader.read, reader.readexactly
        self._read_until = reader.readuntil

    async def read_until(self, mark):
        """Everything up to and with the mark; None when the client closed its side before any byte."""
        try:
            return await self._read_until(mark)
        except asyncio.IncompleteReadError as error:
            if error.partial:
                raise
            return None

    async def send(self, data):
        """All of it. What was handed to the kernel is counted in pieces of 64 kB."""
        view = memoryview(data)
        for start in range(0, len(view), 65536):
            piece = view[start : start + 65536]
            self._writer.write(piece)
            await self._writer.drain()
            self.bytes_sent += len(piece)

    async def drip(self, data, interval):
        for byte in data:
            await self.send(bytes([byte]))
            await asyncio.sleep(interval)

    async def hold(self):
        """Keep the connection open, neither reading nor writing, until the server stops."""
        await asyncio.Event().wait()

    async def wait_for_client_to_leave(self):
        while await self.read(65536):
            pass
        await self.close()

    async def rst(self):
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
        await self.close()

    async def fin(self):
        """An end and never a reset, also where the request has not been read; after a whole one, `close` does the same."""
        self._writer.write_eof()
        await self.wait_for_client_to_leave()

    async def close(self):
        self.closed = True
        if self._writer is None:
            self._sock.close()
            return
        self._writer.transport.abort()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


async def read_head(connection):
    """The next request's head, or None when the client closed instead."""
    raw = await connection.read_until(b"\r\n\r\n")
    if raw is None:
        return None
    first, *lines = raw.decode("latin-1").rstrip("\r\n").split("\r\n")
    method, _, rest = first.partition(" ")
    pairs = (line.partition(":") for line in lines)
    headers = tuple((name.lower(), value.strip()) for name, _, value in pairs)
    return Head(method, rest.rpartition(" ")[0], headers)


async def read_body(connection, head):
    return await connection.read_exactly(int(head.get("content-length") or 0))


class Listener:
    """Accepts on 127.0.0.1, on an event loop in a thread of its own, and plays each connection in a task of its own.

    ``serve`` is a coroutine function of one connection. What it raises, other than that its client left, is a mistake in
    the test's own code: `close` raises it. ``buffers`` are socket options and sizes in bytes, which accepted sockets inherit.
    """

    def __init__(self, serve, buffers=None):
        self._serve = serve
        self._socket = socket.socket()
        for option, size in (buffers or {}).items():
            if size is not None:
                self._socket.setsockopt(socket.SOL_SOCKET, option, size)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen(1024)
        self._socket.setblocking(False)
        self.port: int = self._socket.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._accepting = self._loop.create_task(self._accept_all())
        self._thread = Thread(target=self._run, name=f"serve-{self.port}", daemon=True)
        self._thread.start()

    def close(self):
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._accepting.cancel)
        self._thread.join(_JOIN_SECONDS)
        if self._thread.is_alive():
            raise TimeoutError("the server's thread does not end")
        self._loop.close()
        if not self._accepting.cancelled():
            self._accepting.result()

    def _run(self):
        with contextlib.suppress(asyncio.CancelledError, ExceptionGroup):  # `close` raises it
            self._loop.run_until_complete(self._accepting)

    async def _accept_all(self):
        with self._socket:
            async with asyncio.TaskGroup() as group:
                for number in count():
                    sock, _ = await asyncio.get_running_loop().sock_accept(self._socket)
                    group.create_task(self._play(Connection(sock, number)))

    async def _play(self, connection):
        try:
            with contextlib.suppress(OSError, EOFError):
                await self._serve(connection)
        finally:
            await connection.close()
