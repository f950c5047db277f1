"""A raw-socket HTTP/1.1 server on loopback that plays faults by a script and keeps a log of everything."""

import ssl
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from support.audit import authorization, credential_elsewhere, loggable
from support.connection import Connection, GoneError
from support.fault import OK, Exchange, Fault, Request, Stage
from support.listener import Listener
from support.oracle import ConnectionRecord, Oracle, RequestRecord
from support.reader import Head, problem_with, read_body, read_head, texts_in
from support.script import AnyScript, as_script
from support.vectors import DIM, text_id

__all__ = ["OK", "Exchange", "Fault", "FaultServer", "Request"]

Seconds = float | Callable[[Request], float]


class FaultServer:
    """Use as a context manager; listens from construction on.

    Args:
        script: a fault, a list of faults by request (the last repeats), a function ``(Request) -> Fault``, or
            a `Script`.
        dim: dimension of the vectors.
        latency: seconds before each fault, or a function of the request that gives them.
        tls: the server's side of a TLS context, see ``support.tls``.
        expected_authorization: the whole header value; requests are compared with it and it is never logged.
        port: 0 for any.
        receive_buffer: SO_RCVBUF in bytes, small for faults that do not read.
        send_buffer: SO_SNDBUF in bytes, small to make ``bytes_sent`` say what the client really took.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        script: AnyScript = OK,
        *,
        dim: int = DIM,
        latency: Seconds = 0.0,
        tls: ssl.SSLContext | None = None,
        expected_authorization: str | None = None,
        port: int = 0,
        receive_buffer: int | None = None,
        send_buffer: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.oracle = Oracle(dim)
        self._script = as_script(script)
        self._latency = latency
        self._tls = tls
        self._expected = expected_authorization
        self._clock = clock
        self._listener = Listener(
            self._serve, port=port, receive_buffer=receive_buffer, send_buffer=send_buffer
        )
        self.port = self._listener.port
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        if self._listener.errors and error is None:
            raise ExceptionGroup("the fault server itself failed", self._listener.errors)

    def close(self) -> None:
        """End all connections and threads, whatever is being played. Closing twice is fine."""
        self._listener.close()

    @property
    def requests(self) -> list[RequestRecord]:
        return self.oracle.requests

    @property
    def connections(self) -> list[ConnectionRecord]:
        return self.oracle.connections

    def _serve(self, conn: Connection) -> None:
        record = ConnectionRecord(conn.number)
        self.oracle.add_connection(record)
        try:
            self._at_connect(conn, record)
            while not conn.closed and self._exchange(conn, record):
                pass
        finally:
            record.bytes_received, record.bytes_sent = conn.bytes_received, conn.bytes_sent
            conn.close()
            self.oracle.finish_connection(record)

    def _at_connect(self, conn: Connection, record: ConnectionRecord) -> None:
        nothing = Request(-1, conn.number, 0, Head("", "", ()), (), 0, 0, self._clock())
        chosen = self._script.take(Stage.CONNECT, nothing)
        if chosen:
            Exchange(conn, nothing, record, self.oracle.dim).play(chosen)
        elif self._tls:
            self._handshake(conn, record, self._tls)

    def _handshake(self, conn: Connection, record: ConnectionRecord, context: ssl.SSLContext) -> None:
        try:
            conn.start_tls(context)
        except OSError as error:
            record.tls_error = getattr(error, "reason", None) or type(error).__name__
            raise GoneError from error

    def _exchange(self, conn: Connection, connection: ConnectionRecord) -> bool:
        """Read one request and play its fault; False when the connection ends."""
        before = conn.bytes_received
        head = read_head(conn)
        if head is None:
            return False
        early = Request(-1, conn.number, connection.requests, head, (), 0, 0, self._clock())
        chosen = self._script.take(Stage.HEAD, early)
        body = b"" if chosen else read_body(conn, head)
        texts = _texts_or_none(body)
        record = RequestRecord(
            connection=conn.number,
            on_connection=connection.requests,
            method=head.method,
            target=head.target,
            headers=loggable(head),
            authorization=authorization(head, self._expected),
            credential_elsewhere=credential_elsewhere(head, body, self._expected),
            text_ids=tuple(map(text_id, texts or ())),
            bytes_received=conn.bytes_received - before,
            problem=problem_with(head, texts=() if chosen else texts),
            started=self._clock(),
        )
        in_flight = self.oracle.add_request(record, connection)
        request = Request(
            number=record.number,
            connection=conn.number,
            on_connection=record.on_connection,
            head=head,
            texts=texts or (),
            body_bytes=len(body),
            in_flight=in_flight,
            at=record.started,
        )
        self._play(conn, record, request, chosen)
        return (head.get("connection") or "").lower() != "close"

    def _play(self, conn: Connection, record: RequestRecord, request: Request, chosen: Fault | None) -> None:
        before = conn.bytes_sent
        try:
            fault = chosen or self._script.take(Stage.REQUEST, request)
            assert fault is not None, "the script has nothing to play"
            conn.sleep(self._latency(request) if callable(self._latency) else self._latency)
            Exchange(conn, request, record, self.oracle.dim).play(fault)
        finally:
            record.bytes_sent = conn.bytes_sent - before
            self.oracle.finish_request(record, self._clock())


def _texts_or_none(body: bytes) -> tuple[str, ...] | None:
    try:
        return texts_in(body)
    except ValueError:
        return None
