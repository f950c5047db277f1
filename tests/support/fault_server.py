"""A server that plays faults by a script and keeps a log of everything; and the same over raw sockets, as HTTP/1.1."""

import asyncio
import socket

from support.connection import Listener, read_body, read_head
from support.fault import OK, Exchange, Stage, as_script
from support.oracle import ConnectionRecord, Oracle
from support.vectors import DIM


class ScriptedServer:
    """Plays faults by a script and keeps a log, over whatever it is that carries them."""

    def __init__(self, script, dim, latency):
        self.oracle = Oracle(dim)
        self.requests = self.oracle.requests
        self.script = as_script(script)
        self._latency = latency

    async def play(self, conn, connection, head, body, early=None):
        """Play what comes after a request, unless something was chosen before it had been read."""
        now = asyncio.get_running_loop().time
        request, before = self.oracle.add_request(head, body, connection, now()), conn.bytes_sent
        try:
            fault = early or self.script.take(Stage.REQUEST, connection, request)
            await asyncio.sleep(self._latency(request) if callable(self._latency) else self._latency)
            await Exchange(conn, request, self.oracle.dim).play(fault)
        finally:
            request.bytes_sent = conn.bytes_sent - before
            self.oracle.finish_request(request, now())


class FaultServer(ScriptedServer):
    """Use as a context manager; listens from construction on.

    Args:
        script: words of the emulator such as ``"status=503 x2, ok"``, a fault, a list of these by request (the
            last repeats), a function of the `RequestRecord` that gives one, or `ByConnection`.
        latency: seconds before each fault, or a function of the request that gives them.
        tls: the server's side of a TLS context, see ``support.network``.
        receive_buffer: small for faults that do not read.
        send_buffer: small to make ``bytes_sent`` say what the client really took.
    """

    def __init__(self, script=OK, *, dim=DIM, latency=0.0, tls=None, receive_buffer=None, send_buffer=None):
        super().__init__(script, dim, latency)
        self.connections = self.oracle.connections
        self._tls = tls
        buffers = {socket.SO_RCVBUF: receive_buffer, socket.SO_SNDBUF: send_buffer}
        self._listener = Listener(self._serve, buffers)
        self.port = self._listener.port
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self.close = self._listener.close

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    async def _serve(self, conn):
        record = ConnectionRecord(conn.number)
        self.oracle.add_connection(record)
        try:
            chosen = self.script.take(Stage.CONNECT, record)
            await conn.open(None if chosen else self._tls)
            if chosen:
                await Exchange(conn, record, self.oracle.dim).play(chosen)
            while not conn.closed and await self._exchange(conn, record):
                pass
        finally:
            await conn.close()
            self.oracle.finish_connection(record)

    async def _exchange(self, conn, connection):
        """Read one request and play its fault; False when the connection ends."""
        head = await read_head(conn)
        if head is None:
            return False
        chosen = self.script.take(Stage.HEAD, connection)
        body = b"" if chosen else await read_body(conn, head)
        await self.play(conn, connection, head, body, chosen)
        return (head.get("connection") or "").lower() != "close"
