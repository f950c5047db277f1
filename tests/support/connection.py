"""One accepted socket: what a fault may do with it, and how to wake its thread when the server closes."""

import socket
import ssl
import struct
from collections.abc import Callable
from threading import Event, Lock

_DRAIN_SECONDS = 1.0
_LINGER_ZERO = struct.pack("ii", 1, 0)


class GoneError(Exception):
    """The client left or the server is closing: there is nobody to play to."""


class Connection:
    """A socket with counters. Every wait in it ends at once when the server stops.

    A send to a client that left, a read from a closed socket and a sleep that the server's end cuts short all
    raise `GoneError`, which ends the connection's thread.
    """

    def __init__(self, sock: socket.socket, number: int, stop: Event) -> None:
        self.number = number
        self.bytes_received = 0
        self.bytes_sent = 0
        self.closed = False
        self._sock = sock
        self._stop = stop
        self._lock = (
            Lock()
        )  # the waking thread must never meet a socket that is just being replaced or closed
        self._unread = bytearray()

    def fileno(self) -> int:
        """For a selector. Only good while nothing read is waiting in this object, as before any TLS."""
        return self._sock.fileno()

    def start_tls(self, context: ssl.SSLContext) -> None:
        """Play the server's part of a handshake. Raises `ssl.SSLError` when the client will not have it."""
        with self._lock:
            self._sock = context.wrap_socket(self._sock, server_side=True, do_handshake_on_connect=False)
            handshake = self._sock.do_handshake
        handshake()

    def recv(self) -> bytes:
        """Whatever came; empty when the client closed its side."""
        if self._unread:
            taken, self._unread = bytes(self._unread), bytearray()
            return taken
        try:
            data = self._sock.recv(65536)
        except OSError as error:
            raise GoneError from error
        self.bytes_received += len(data)
        return data

    def read_until(self, mark: bytes) -> bytes | None:
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

    def read_exactly(self, count: int) -> bytes:
        found = bytearray()
        while len(found) < count:
            data = self.recv()
            if not data:
                raise GoneError
            found += data
        self._unread[:0] = found[count:]
        return bytes(found[:count])

    def send(self, data: bytes) -> None:
        """All of it, or `GoneError`. What was handed to the kernel is counted in pieces of 64 kB."""
        view = memoryview(data)
        try:
            for start in range(0, len(view), 65536):
                piece = view[start : start + 65536]
                self._sock.sendall(piece)
                self.bytes_sent += len(piece)
        except OSError as error:
            raise GoneError from error

    def drip(self, data: bytes, interval: float) -> None:
        """One byte at a time, with a pause after each."""
        for byte in data:
            self.send(bytes([byte]))
            self.sleep(interval)

    def sleep(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            raise GoneError

    def hold(self) -> None:
        """Keep the socket open, neither reading nor writing, until the server stops."""
        self._stop.wait()
        raise GoneError

    def wait_for_client_to_leave(self) -> None:
        """Read and forget until the client closes; says nothing meanwhile."""
        while self.recv():
            pass
        self.close()

    def rst(self) -> None:
        """Close so that the peer sees a reset."""
        self._with_socket(lambda sock: sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO))
        self.close()

    def fin(self) -> None:
        """End our side and swallow what still comes, so that the peer sees an end and never a reset.

        For a connection whose request has not been read; after a whole request `close` does the same at once.
        """
        self._with_socket(lambda sock: socket.socket.shutdown(sock, socket.SHUT_WR))
        self._with_socket(lambda sock: sock.settimeout(_DRAIN_SECONDS))
        try:
            while self.recv():
                pass
        except GoneError:
            pass
        self.close()

    def close(self) -> None:
        """Close: an end, if all that came has been read. Over TLS there is no close_notify, as on a cut line."""
        with self._lock:
            self.closed = True
            self._sock.close()

    def wake(self) -> None:
        """Called by another thread: whatever read or write is going on ends now."""
        # Not SSLSocket.shutdown, which drops the TLS state under the feet of the reading thread.
        self._with_socket(lambda sock: socket.socket.shutdown(sock, socket.SHUT_RDWR))

    def _with_socket(self, action: Callable[[socket.socket], None]) -> None:
        with self._lock:
            try:
                action(self._sock)
            except OSError:
                return
