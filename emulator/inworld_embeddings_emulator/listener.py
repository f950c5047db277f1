"""The listening socket and its connections: one daemon thread each, and a stop that lets answers finish."""

import contextlib
import os
import socket
import sys
import threading
from collections.abc import Collection, Iterator
from http.server import ThreadingHTTPServer
from socketserver import TCPServer
from typing import Any, TextIO

from .connection import Connection
from .messages import Handler


class Listener(ThreadingHTTPServer):
    """Binds on construction.

    Args:
        handler: Answers the requests.
        host: Address to bind; IPv6 has colons.
        port: 0 picks a free one.
        allowed_hosts: Names it answers to beside loopback and its own address.
        log: Where a line for each answer goes, if anywhere.
    """

    daemon_threads = True
    request_queue_size = 1024
    allow_reuse_address = os.name != "nt"  # there it would let two servers share a port

    def __init__(
        self, handler: Handler, host: str, port: int, *, allowed_hosts: Collection[str], log: TextIO | None
    ) -> None:
        self.handler = handler
        self.bound_host = host
        self.allowed_hosts = allowed_hosts
        self.stopping = False
        self._log = log
        self._changed = threading.Condition()
        self._connections: set[socket.socket] = set()
        self._busy = 0
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), Connection)

    def server_bind(self) -> None:
        """Binds without asking DNS for this machine's name, as the base class would."""
        TCPServer.server_bind(self)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._changed:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        super().shutdown_request(request)
        with self._changed:
            self._connections.discard(request)
            self._changed.notify_all()

    @contextlib.contextmanager
    def exchange(self) -> Iterator[None]:
        """Holds back a stop while a request is answered."""
        with self._changed:
            self._busy += 1
        try:
            yield
        finally:
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()

    def stop(self, grace: float) -> None:
        """Accepts no more, lets answers under way finish for ``grace`` seconds, closes every connection."""
        self.stopping = True
        self.shutdown()
        self.server_close()
        with self._changed:
            self._changed.wait_for(lambda: not self._busy, grace)
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self._changed.wait_for(lambda: not self._connections, 1.0)

    def log(self, line: str) -> None:
        """Writes a line, if there is somewhere to write it."""
        if self._log is not None:
            self._log.write(line + "\n")
            self._log.flush()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        """Names what ended a connection by its type: a traceback could show a text."""
        error = sys.exc_info()[1]
        if not isinstance(error, (ConnectionError, TimeoutError)):
            self.log(f"connection closed by {type(error).__name__}")
