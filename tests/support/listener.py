"""A listening socket on loopback with one thread per connection, which closes quickly and leaves nothing behind."""

import contextlib
import selectors
import socket
from collections.abc import Callable
from itertools import count
from threading import Event, Lock, Thread

from support.connection import Connection, GoneError

_JOIN_SECONDS = 5.0


class Listener:
    """Accepts on 127.0.0.1 and hands each connection to ``serve`` in a thread of its own.

    An exception in ``serve`` other than `GoneError` is a mistake in the test's own code and is kept in
    ``errors``.
    """

    def __init__(
        self,
        serve: Callable[[Connection], None],
        *,
        port: int = 0,
        receive_buffer: int | None = None,
        send_buffer: int | None = None,
    ) -> None:
        self.stop = Event()
        self.errors: list[Exception] = []
        self._serve = serve
        self._lock = Lock()
        self._live: dict[int, tuple[Thread, Connection]] = {}
        self._adopted: list[Connection] = []
        self._socket = listening_socket(port, receive_buffer, send_buffer)
        self.port: int = self._socket.getsockname()[1]
        self._bell, self._ring = socket.socketpair()
        self._acceptor = Thread(target=self._accept_all, name=f"accept-{self.port}", daemon=True)
        self._acceptor.start()

    def adopt(self, connection: Connection) -> None:
        """Wake this connection too when the listener closes: one that a thread of ours opened itself."""
        with self._lock:
            self._adopted.append(connection)
            late = self.stop.is_set()
        if late:
            connection.wake()

    def close(self) -> None:
        """End every connection and thread. Raises `TimeoutError` if one does not end."""
        if self.stop.is_set():
            return
        self.stop.set()
        self._ring.send(b"!")
        self._acceptor.join(_JOIN_SECONDS)
        with self._lock:
            live = list(self._live.values())
            adopted = list(self._adopted)
        for connection in [*adopted, *(connection for _, connection in live)]:
            connection.wake()
        threads = [self._acceptor, *(thread for thread, _ in live)]
        for thread in threads:
            thread.join(_JOIN_SECONDS)
        for sock in (self._socket, self._bell, self._ring):
            sock.close()
        if any(thread.is_alive() for thread in threads):
            raise TimeoutError("a thread of the server does not end")

    def _accept_all(self) -> None:
        with selectors.DefaultSelector() as waiting:
            waiting.register(self._socket, selectors.EVENT_READ)
            waiting.register(self._bell, selectors.EVENT_READ)
            for number in count():
                waiting.select()
                if self.stop.is_set():
                    return
                self._start(number, self._socket.accept()[0])

    def _start(self, number: int, sock: socket.socket) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # a fault's packets are as it sends them
        connection = Connection(sock, number, self.stop)
        thread = Thread(target=self._run, args=(connection,), name=f"conn-{self.port}-{number}", daemon=True)
        with self._lock:
            self._live[number] = (thread, connection)
        thread.start()

    def _run(self, connection: Connection) -> None:
        try:
            with contextlib.suppress(GoneError):
                self._serve(connection)
        except Exception as error:  # noqa: BLE001 - it is raised again where the server is closed
            self.errors.append(error)
        finally:
            connection.close()
            with self._lock:
                del self._live[connection.number]


def listening_socket(port: int, receive_buffer: int | None, send_buffer: int | None) -> socket.socket:
    """A listener on 127.0.0.1. Accepted sockets inherit the buffers, and only so do they bound the TCP window."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    for option, size in ((socket.SO_RCVBUF, receive_buffer), (socket.SO_SNDBUF, send_buffer)):
        if size is not None:
            sock.setsockopt(socket.SOL_SOCKET, option, size)
    sock.bind(("127.0.0.1", port))
    sock.listen(1024)
    return sock
