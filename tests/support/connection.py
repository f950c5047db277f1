"""Sockets on loopback: what a fault may do with a connection, and how all of them end quickly."""

import asyncio
import contextlib
import socket
import struct
from functools import partial
from itertools import count

import httpx

from support.clients import waiting
from support.oracle import RequestRecord

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
        self.read, self.read_exactly, self.read_until = reader.read, reader.readexactly, reader.readuntil

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

    async def close(self):
        self.closed = True
        if self._writer is not None:  # else the listener closes the socket, once this has been played
            self._writer.transport.abort()
            with contextlib.suppress(OSError):
                await self._writer.wait_closed()


async def read_head(connection):
    """The record of the next request, without its body. That the client closed instead is an `EOFError`."""
    first, *lines = (await connection.read_until(b"\r\n\r\n")).rstrip().decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    return RequestRecord(method, target, httpx.Headers([line.split(": ", 1) for line in lines]))


async def read_body(connection, record):
    record.body = await connection.read_exactly(int(record.head.get("content-length", 0)))


class Listener:
    """Accepts on 127.0.0.1, on an event loop in a thread of its own, and plays each connection in a task of its own.

    ``serve`` is a coroutine function of one connection. What it raises, other than that its client left, is a mistake in
    the test's own code: `close` raises it. ``buffers`` are socket options and sizes in bytes, which accepted sockets inherit.
    """

    def __init__(self, serve, buffers=()):
        self._serve = serve
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=1024)
        for option, size in buffers:
            self._socket.setsockopt(socket.SOL_SOCKET, option, size)
        self._socket.setblocking(False)
        self.port = self._socket.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._accepting = self._loop.create_task(self._accept_all())
        self._running = waiting(partial(self._loop.run_until_complete, self._accepting))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._accepting.cancel)
        with self._socket, contextlib.closing(self._loop), contextlib.suppress(asyncio.CancelledError):
            self._running.result(30)

    async def _accept_all(self):
        ready, numbers = asyncio.Event(), count()
        # `sock_accept` that is cancelled may lose what it has accepted.
        self._loop.add_reader(self._socket, ready.set)
        async with asyncio.TaskGroup() as group:
            while await ready.wait():
                ready.clear()
                with contextlib.suppress(BlockingIOError):
                    sock, _ = self._socket.accept()
                    sock.setblocking(False)
                    playing = group.create_task(self._play(Connection(sock, next(numbers))))
                    playing.add_done_callback(lambda _, sock=sock: sock.close())  # also if it never began

    async def _play(self, connection):
        try:
            with contextlib.suppress(OSError, EOFError):
                await self._serve(connection)
        finally:
            await connection.close()
