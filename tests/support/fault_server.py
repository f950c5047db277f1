"""A server that plays faults by a script and keeps a log of everything; and the same over raw sockets, as HTTP/1.1."""

import asyncio
import socket

from support.connection import Listener, read_body, read_head
from support.fault import OK, Exchange, Stage, as_script
from support.oracle import ConnectionRecord, Oracle
from support.vectors import DIM


class ScriptedServer:
    """Plays faults by a script and keeps a log, over whatever it is that carries them."""

    def __init__(self, script=OK, *, dim=DIM, latency=0.0):
        self.oracle = Oracle(dim)
        self.requests, self.connections = self.oracle.requests, self.oracle.connections
        self.script = as_script(script)
        self._latency = latency

    async def play(self, conn, connection, request, early=None):
        """Play what comes after a request, unless something was chosen before it had been read."""
        oracle, now, before = self.oracle, asyncio.get_running_loop().time, conn.bytes_sent
        request.number, request.started = len(self.requests), now()
        request.connection, request.on_connection = connection.number, connection.requests
        connection.requests += 1
        oracle.in_flight += 1
        request.in_flight = oracle.in_flight
        self.requests.append(request)
        oracle.tell()
        try:
            fault = early or self.script(Stage.REQUEST, request)
            await asyncio.sleep(self._latency(request) if callable(self._latency) else self._latency)
            await Exchange(conn, request, oracle.dim).play(fault)
        finally:
            request.bytes_sent, request.finished = conn.bytes_sent - before, now()
            oracle.in_flight -= 1
            oracle.tell()


class FaultServer(ScriptedServer, Listener):
    """Use as a context manager; listens from construction on.

    Args:
        script: words of the emulator such as ``"status=503 x2, ok"``, a fault, a list of these by request (the
            last repeats), or a function of the `RequestRecord` that gives one.
        latency: seconds before each fault, or a function of the request that gives them.
        tls: the server's side of a TLS context, see ``support.network``.
        receive_buffer: small for faults that do not read.
        send_buffer: small to make ``bytes_sent`` say what the client really took.
    """

    def __init__(self, script=OK, *, tls=None, receive_buffer=None, send_buffer=None, **settings):
        ScriptedServer.__init__(self, script, **settings)
        self._tls = tls
        buffers = {socket.SO_RCVBUF: receive_buffer, socket.SO_SNDBUF: send_buffer}
        Listener.__init__(self, self._answer, [(option, size) for option, size in buffers.items() if size])
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"

    async def _answer(self, conn):
        record = ConnectionRecord(conn.number)
        self.connections.append(record)
        self.oracle.tell()
        try:
            chosen = self.script(Stage.CONNECT)
            await conn.open(None if chosen else self._tls)
            if chosen:
                await Exchange(conn, record, self.oracle.dim).play(chosen)
            while not conn.closed:
                request = await read_head(conn)
                chosen = self.script(Stage.HEAD)
                if not chosen:
                    await read_body(conn, request)
                await self.play(conn, record, request, chosen)
        finally:
            await conn.close()
            record.closed = True
            self.oracle.tell()


def overtaking(request):
    """A latency by which responses overtake each other."""
    return request.number % 7 * 0.0005
