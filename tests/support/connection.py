"""Sockets on loopback with one thread per connection: what a fault may do with one, and how all end quickly."""

import contextlib
import socket
import struct
from itertools import count
from threading import Event, Lock, Thread

from support.oracle import Head

_JOIN_SECONDS = 30.0
_LINGER_ZERO = struct.pack("ii", 1, 0)


class GoneError(Exception):
    """The client left or the server is closing: there is nobody to play to."""


class Connection:
    """A socket with counters. Every wait in it ends at once when the server stops.

    A send to a client that left, a read from a closed socket and a sleep that the server's end cuts short all
    raise `GoneError`, which ends the connection's thread.
    """

    def __init__(self, sock, number, stop):
        self.number = number
        self.bytes_sent = 0
        self.closed = False
        self._sock = sock
        self._stop = stop
        # The waking thread must never meet a socket that is just being replaced or closed.
        self._lock = Lock()
        self._unread = bytearray()

    def fileno(self):
        """For a selector. Only good while nothing read is waiting in this object, as before any TLS."""
        return self._sock.fileno()

    def start_tls(self, context):
        """Play the server's part of a handshake. Raises `ssl.SSLError` when the client will not have it."""
        with self._lock:
            self._sock = context.wrap_socket(self._sock, server_side=True, do_handshake_on_connect=False)
            handshake = self._sock.do_handshake
        handshake()

    def recv(self):
        """Whatever came; empty when the client closed its side."""
        if self._unread:
            taken, self._unread = bytes(self._unread), bytearray()
            return taken
        try:
            data = self._sock.recv(65536)
        except OSError as error:
            raise GoneError from error
        return data

    def read_until(self, mark):
        """Everything up to and with the mark; None when the client closed its side before any byte."""
        found = bytearray()
        while mark not in found:
            data = self.recv()
            if not data and found:
                raise GoneError
            if not data:
                return None
            found += data
        end = found.index(mark) + len(mark)
        self._unread[:0] = found[end:]
        return bytes(found[:end])

    def read_exactly(self, count):
        found = bytearray()
        while len(found) < count:
            data = self.recv()
            if not data:
                raise GoneError
            found += data
        self._unread[:0] = found[count:]
        return bytes(found[:count])

    def send(self, data):
        """All of it, or `GoneError`. What was handed to the kernel is counted in pieces of 64 kB."""
        view = memoryview(data)
        try:
            for start in range(0, len(view), 65536):
                piece = view[start : start + 65536]
                self._sock.sendall(piece)
                self.bytes_sent += len(piece)
        except OSError as error:
            raise GoneError from error

    def drip(self, data, interval):
        """One byte at a time, with a pause after each."""
        for byte in data:
            self.send(bytes([byte]))
            self.sleep(interval)

    def sleep(self, seconds):
        if self._stop.wait(seconds):
            raise GoneError

    def hold(self):
        """Keep the socket open, neither reading nor writing, until the server stops."""
        self._stop.wait()
        raise GoneError

    def wait_for_client_to_leave(self):
        """Read and forget until the client closes; says nothing meanwhile."""
        while self.recv():
            pass
        self.close()

    def rst(self):
        """Close so that the peer sees a reset."""
        self._with_socket(lambda sock: sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO))
        self.close()

    def fin(self):
        """End our side and swallow what still comes, so that the peer sees an end and never a reset.

        For a connection whose request has not been read; after a whole request `close` does the same at once.
        """
        self._with_socket(lambda sock: socket.socket.shutdown(sock, socket.SHUT_WR))
        with contextlib.suppress(GoneError):
            self.wait_for_client_to_leave()
        self.close()

    def close(self):
        """Close: an end, if all that came has been read. Over TLS there is no close_notify, as on a cut line."""
        with self._lock:
            self.closed = True
            self._sock.close()

    def wake(self):
        """Called by another thread: whatever read or write is going on ends now."""
        # Not SSLSocket.shutdown, which drops the TLS state under the feet of the reading thread.
        self._with_socket(lambda sock: socket.socket.shutdown(sock, socket.SHUT_RDWR))

    def _with_socket(self, action):
        with self._lock, contextlib.suppress(OSError):
            action(self._sock)


def read_head(connection):
    """The next request's head, or None when the client closed instead."""
    raw = connection.read_until(b"\r\n\r\n")
    if raw is None:
        return None
    first, *lines = raw.decode("latin-1").rstrip("\r\n").split("\r\n")
    method, _, rest = first.partition(" ")
    pairs = (line.partition(":") for line in lines)
    headers = tuple((name.lower(), value.strip()) for name, _, value in pairs)
    return Head(method, rest.rpartition(" ")[0], headers)


def read_body(connection, head):
    """The body by Content-Length, or in chunks; empty without either."""
    if (head.get("transfer-encoding") or "").lower() != "chunked":
        return connection.read_exactly(int(head.get("content-length") or 0))
    body = b""
    while size := int((connection.read_until(b"\r\n") or b"0").partition(b";")[0], 16):
        body += connection.read_exactly(size + 2)[:-2]
    connection.read_exactly(2)
    return body


class Listener:
    """Accepts on 127.0.0.1 and hands each connection to ``serve`` in a thread of its own.

    An exception in ``serve`` other than `GoneError` is a mistake in the test's own code: `close` raises it.

    Args:
        serve: plays one connection to its end.
        buffers: socket options and sizes in bytes. Accepted sockets inherit them, and only so do they bound
            the TCP window.
    """

    def __init__(self, serve, buffers=None):
        self.stop = Event()
        self._errors: list[Exception] = []
        self._serve = serve
        self._lock = Lock()
        self._live: dict[int, tuple[Thread, Connection]] = {}
        self._socket = socket.socket()
        for option, size in (buffers or {}).items():
            if size is not None:
                self._socket.setsockopt(socket.SOL_SOCKET, option, size)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.listen(1024)
        self.port: int = self._socket.getsockname()[1]
        self._acceptor = Thread(target=self._accept_all, name=f"accept-{self.port}", daemon=True)
        self._acceptor.start()

    def close(self):
        """End every connection and thread. Closing twice is fine.

        Raises:
            TimeoutError: a thread does not end.
            ExceptionGroup: mistakes in what was served.
        """
        if self.stop.is_set():
            return
        self.stop.set()
        with socket.socket() as bell:  # closing the socket would not wake who waits at it
            bell.connect(("127.0.0.1", self.port))
        self._acceptor.join(_JOIN_SECONDS)
        with self._lock:
            live = list(self._live.values())
        for _, connection in live:
            connection.wake()
        threads = [self._acceptor, *(thread for thread, _ in live)]
        for thread in threads:
            thread.join(_JOIN_SECONDS)
        self._socket.close()
        if any(thread.is_alive() for thread in threads):
            raise TimeoutError("a thread of the server does not end")
        if self._errors:
            raise ExceptionGroup("the server itself failed", self._errors)

    def _accept_all(self):
        for number in count():
            sock, _ = self._socket.accept()
            if self.stop.is_set():
                sock.close()
                return
            self._start(number, sock)

    def _start(self, number, sock):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # a fault's packets are as it sends them
        connection = Connection(sock, number, self.stop)
        thread = Thread(target=self._run, args=(connection,), name=f"conn-{self.port}-{number}", daemon=True)
        with self._lock:
            self._live[number] = (thread, connection)
        thread.start()

    def _run(self, connection):
        try:
            with contextlib.suppress(GoneError):
                self._serve(connection)
        except Exception as error:  # noqa: BLE001 - it is raised again where the server is closed
            self._errors.append(error)
        finally:
            connection.close()
            with self._lock:
                del self._live[connection.number]
