"""The emulator on a socket: one daemon thread for each connection, and a stop that lets replies finish."""

import contextlib
import os
import socket
import struct
import sys
import threading
import time
from collections.abc import Collection
from functools import partial
from io import BufferedReader
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any, Final, Self, TextIO

from inworld_embeddings.errors import ConfigurationError

from .faults import FaultLayer, Faults
from .handle import MAX_BODY_BYTES, VECTOR_START, Emulator
from .http import Head, RefusedError, body_length, hears, is_loopback, read_body, read_head, reply_bytes
from .messages import Handler, Reply, Request, plain_reply

HEALTH_PATH: Final = "/healthz"
"""GET and HEAD get a 200 as long as the server runs; neither key nor engine is needed."""

_LINGER_SECONDS: Final = 2.0
_VECTORS: Final = (VECTOR_START, b'{"object":"embedding"')
"""How a vector begins in replies of the API, and of the OpenAI-compatible face."""
_RESET: Final = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)
"""``SO_LINGER``: on, for no time at all."""


class EmulatorServer:
    """Serves a handler from a thread of its own, between `start` and `stop` or inside a ``with`` block.

    Args:
        emulator: Handles the requests; by default a new `Emulator`.
        host: Address to listen on; IPv6 has colons.
        port: 0 picks a free one.
        allowed_hosts: ``Host`` names it serves beside loopback and its own address.
        log: Where a line for each reply goes; by default nowhere.
        faults: What goes wrong, see `faults.reader`; by default nothing but what a request's header asks for.
        chaos: Whether whoever has the key may change that by a call.

    Raises:
        ConfigurationError: another address than loopback with the published test key, or faults or hosts that cannot be.
    """

    def __init__(
        self,
        emulator: Handler | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        allowed_hosts: Collection[str] = (),
        log: TextIO | None = None,
        faults: Faults | str | None = None,
        chaos: bool = False,
    ) -> None:
        self._handler = FaultLayer(emulator or Emulator(), faults, chaos=chaos)
        if self._handler.uses_test_key and not is_loopback(host):
            raise ConfigurationError(
                f"The emulator listens on {host!r} only with a key of its own (serve --key-from): all know the test key."
            )
        if any("/" in name or name.count(":") == 1 for name in allowed_hosts):
            raise ConfigurationError("A further Host is a name alone, without http:// and without a port.")
        self._host, self._port = host, port
        self._listen = partial(_Listener, self._handler, host, port, tuple(allowed_hosts), log)
        self._listener: _Listener | None = None

    def start(self) -> Self:
        """Binds and serves.

        Raises:
            OSError: it cannot listen there; names the address, and the way out if it is taken.
            RuntimeError: it is running already.
        """
        if self._listener:
            raise RuntimeError("The server is running already. Call stop() first.")
        try:
            self._listener = self._listen()
        except OSError as error:
            place = f"{self._host or '0.0.0.0'} port {self._port}"  # noqa: S104 - what an empty host binds to
            way_out = "If another program has the port, stop it or choose another port; 0 picks a free one."
            raise OSError(error.errno, f"Cannot listen on {place}: {error.strerror}. {way_out}") from None
        serve = partial(self._listener.serve_forever, 0.02)
        threading.Thread(target=serve, daemon=True, name="emulator").start()
        return self

    def stop(self, grace: float = 5.0) -> None:
        """Lets replies under way finish for up to ``grace`` seconds, then closes. Harmless when not running."""
        listener, self._listener = self._listener, None
        if listener:
            listener.stop(grace)

    @property
    def faults(self) -> Faults:
        """The faults of its requests: to change, and to count."""
        return self._handler.faults

    @property
    def address(self) -> str:
        """``host:port``, as ``INWORLD_EMULATOR_HOST`` takes it: loopback also where it is bound to every address.

        Raises:
            RuntimeError: it is not running.
        """
        if not self._listener:
            raise RuntimeError("The server is not running. Call start() first.")
        host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(self._host, self._host)  # noqa: S104
        return f"{f'[{host}]' if ':' in host else host}:{self._listener.server_address[1]}"

    @property
    def url(self) -> str:
        """Base URL for a client. Raises as `address` does."""
        return f"http://{self.address}"

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Listener(ThreadingTCPServer):
    """The listening socket and its connections. Binds on construction."""

    daemon_threads = True
    request_queue_size = 1024
    allow_reuse_address = os.name != "nt"  # there it would let two servers share a port

    def __init__(
        self, handler: Handler, host: str, port: int, allowed_hosts: Collection[str], log: TextIO | None
    ) -> None:
        self.handler, self.host, self.allowed_hosts, self._log = handler, host, allowed_hosts, log
        self.stopping = False
        self._changed = threading.Condition()
        self._connections: set[socket.socket] = set()
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), _Connection)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._changed:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        with self._changed:
            self._connections.discard(request)
            self._changed.notify_all()

    def stop(self, grace: float) -> None:
        """Accepts no more, lets replies under way finish for ``grace`` seconds, closes every connection."""
        self.stopping = True
        self.shutdown()
        self.server_close()
        with self._changed:
            for how, seconds in ((socket.SHUT_RD, grace), (socket.SHUT_RDWR, 1.0)):
                for connection in self._connections:  # which ends those that wait for a request, and then all
                    with contextlib.suppress(OSError):
                        connection.shutdown(how)
                self._changed.wait_for(lambda: not self._connections, seconds)

    def log(self, line: str) -> None:
        """Writes a line, if there is somewhere to write it."""
        if self._log is not None:
            with contextlib.suppress(OSError):  # its reader is gone, or the disk is full
                self._log.write(line + "\n")
                self._log.flush()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """Names what ended a connection by its type: a traceback could show a text."""
        error = sys.exc_info()[1]
        if not isinstance(error, (ConnectionError, TimeoutError)):
            self.log(f"connection closed by {type(error).__name__}")


class _Connection(StreamRequestHandler):
    """One connection with keep-alive: what a request means is the handler's business."""

    timeout = 60.0  # seconds without a byte, idle connections included
    disable_nagle_algorithm = True
    server: _Listener  # pyright: ignore[reportIncompatibleVariableOverride] - only a _Listener makes connections
    rfile: BufferedReader  # pyright: ignore[reportIncompatibleVariableOverride] - a socket's reader is one

    def handle(self) -> None:
        """Reads requests and sends replies, one after the other."""
        closed = False
        while not closed and self.rfile.peek(1):
            closed = self._exchange()
        self._linger()

    def _exchange(self) -> bool:
        """One request and its reply. Whether the connection has come to its end."""
        started, head, refused = time.perf_counter(), None, True
        try:
            head = read_head(self.rfile)
            reply = self._handled(self._request(head))
            refused = False
        except RefusedError as error:
            reply = plain_reply(error.status, error.text)
        time.sleep(reply.carriage.delay)
        close = refused or head is None or head.closes or self.server.stopping
        self.wfile.write(reply_bytes(reply, close=close, method=head.method if head else ""))
        self._log(head, reply, (time.perf_counter() - started) * 1000)
        if reply.carriage.reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            self.rfile.close()  # while it is open, so is the socket
            self.connection.close()
        return close or reply.carriage.end is not None

    def _request(self, head: Head) -> Request:
        host = head.headers.get("host", "")
        if not host or "," in host:
            raise RefusedError(400, "one Host header is needed")
        if not hears(host, self.server.host, self.server.allowed_hosts):
            raise RefusedError(403, "this emulator does not serve that Host; serve --allow-host adds a name")
        length = body_length(head, MAX_BODY_BYTES)
        if length != 0 and head.version != "1.0" and head.headers.get("expect", "").lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = read_body(self.rfile, length, MAX_BODY_BYTES)
        return Request(head.method, head.target, head.headers, body)

    def _handled(self, request: Request) -> Reply:
        if request.route == HEALTH_PATH and request.method in ("GET", "HEAD"):
            return plain_reply(200, "ok")
        return self.server.handler.handle(request)

    def _linger(self) -> None:
        """Lets the client finish sending: closing on unread bytes would reset the reply away."""
        end = time.monotonic() + _LINGER_SECONDS
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            self.connection.settimeout(_LINGER_SECONDS)
            while self.connection.recv(65536) and time.monotonic() < end:
                pass

    def _log(self, head: Head | None, reply: Reply, milliseconds: float) -> None:
        """One line for each reply. It never holds a body, a header or a query."""
        method, path = (head.method[:20], head.target.partition("?")[0]) if head else ("-", "-")
        end, vectors = reply.carriage.end, sum(map(reply.body.count, _VECTORS))
        whole = f"{reply.status} {len(reply.body)} bytes {vectors} vectors"
        told = "dropped" if isinstance(end, str) else whole
        cut = f", cut after {end} bytes" if isinstance(end, int) else ""
        self.server.log(f"{method} {ascii(path)[1:-1][:200]} {told} {milliseconds:.1f} ms{cut}")
