"""A raw-socket HTTP/1.1 server on loopback that plays faults by a script and keeps a log of everything."""

import socket
import time

from support.connection import GoneError, Listener, read_body, read_head
from support.fault import OK, Exchange, Fault, Request, Stage, as_script
from support.oracle import ConnectionRecord, Head, Oracle, texts_in
from support.vectors import DIM

__all__ = ["OK", "Exchange", "Fault", "FaultServer", "Request"]


class FaultServer:
    """Use as a context manager; listens from construction on.

    Args:
        script: words of the emulator such as ``"status=503 x2, ok"``, a fault, a list of these by request (the
            last repeats), a function ``(Request) -> Fault``, or `ByConnection`.
        dim: dimension of the vectors.
        latency: seconds before each fault, or a function of the request that gives them.
        tls: the server's side of a TLS context, see ``support.network``.
        receive_buffer: SO_RCVBUF in bytes, small for faults that do not read.
        send_buffer: SO_SNDBUF in bytes, small to make ``bytes_sent`` say what the client really took.
    """

    def __init__(
        self,
        script=OK,
        *,
        dim=DIM,
        latency=0.0,
        tls=None,
        receive_buffer=None,
        send_buffer=None,
    ):
        self.oracle = Oracle(dim)
        self.requests, self.connections = self.oracle.requests, self.oracle.connections
        self._script = as_script(script)
        self._latency = latency
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

    def _serve(self, conn):
        record = ConnectionRecord(conn.number)
        self.oracle.add_connection(record)
        try:
            self._at_connect(conn, record)
            while not conn.closed and self._exchange(conn, record):
                pass
        finally:
            conn.close()
            self.oracle.finish_connection(record)

    def _at_connect(self, conn, record):
        nothing = Request(-1, conn.number, 0, Head("", "", ()), (), 0, 0, time.monotonic())
        chosen = self._script.take(Stage.CONNECT, nothing)
        if chosen:
            Exchange(conn, nothing, record, self.oracle.dim).play(chosen)
        elif self._tls:
            try:
                conn.start_tls(self._tls)
            except OSError as error:
                raise GoneError from error

    def _exchange(self, conn, connection):
        """Read one request and play its fault; False when the connection ends."""
        head = read_head(conn)
        if head is None:
            return False
        early = Request(-1, conn.number, connection.requests, head, (), 0, 0, time.monotonic())
        chosen = self._script.take(Stage.HEAD, early)
        body = b"" if chosen else read_body(conn, head)
        texts = () if chosen else texts_in(body)
        record, in_flight = self.oracle.add_request(head, body, texts, connection, time.monotonic())
        places = record.number, conn.number, record.on_connection
        request = Request(*places, head, texts or (), len(body), in_flight, record.started)
        self._play(conn, record, request, chosen)
        return (head.get("connection") or "").lower() != "close"

    def _play(self, conn, record, request, chosen):
        before = conn.bytes_sent
        try:
            fault = chosen or self._script.take(Stage.REQUEST, request)
            assert fault is not None, "the script has nothing to play"
            conn.sleep(self._latency(request) if callable(self._latency) else self._latency)
            Exchange(conn, request, record, self.oracle.dim).play(fault)
        finally:
            record.bytes_sent = conn.bytes_sent - before
            self.oracle.finish_request(record, time.monotonic())
