"""An HTTP CONNECT proxy on loopback that records what it is asked for and can refuse, die, or fall silent."""

import selectors
import socket
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from threading import Lock
from types import TracebackType
from typing import Self

from support.connection import Connection
from support.listener import Listener
from support.reader import Head, read_body, read_head
from support.wire import TEXT, response


@dataclass(slots=True)
class ProxyRecord:
    """One request to the proxy: what a bystander on the way could read of it."""

    method: str
    target: str
    proxy_authorization: bool
    authorization_in_clear: bool
    bytes_up: int = 0
    bytes_down: int = 0


_NO_LIMIT = 2**63

Behaviour = Callable[["ConnectProxy", Connection, ProxyRecord], None]


class ConnectProxy:
    """Tunnels to loopback only: to the port that was asked for, or where ``routes`` sends a target.

    Args:
        behaviour: what to do with each CONNECT: `tunnel`, or one of the functions below.
        routes: from ``"host:port"`` as asked for to a local port, so that a test may name any host.
    """

    def __init__(
        self, behaviour: Behaviour | None = None, *, routes: Mapping[str, int] | None = None
    ) -> None:
        self.records: list[ProxyRecord] = []
        self.routes = dict(routes or {})
        self._behaviour = behaviour or tunnel
        self._lock = Lock()
        self._listener = Listener(self._serve)
        self.port = self._listener.port
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()
        if self._listener.errors and error is None:
            raise ExceptionGroup("the proxy itself failed", self._listener.errors)

    @property
    def targets(self) -> list[str]:
        return [record.target for record in self.records]

    def connect_to(self, target: str) -> Connection | None:
        """A connection to where the target is routed, or None if nobody listens there."""
        port = self.routes.get(target) or int(target.rpartition(":")[2])
        try:
            sock = socket.create_connection(("127.0.0.1", port))
        except OSError:
            return None
        upstream = Connection(sock, -1, self._listener.stop)
        self._listener.adopt(upstream)
        return upstream

    def _serve(self, conn: Connection) -> None:
        while (head := read_head(conn)) is not None:
            record = ProxyRecord(
                head.method, head.target, _has(head, "proxy-authorization"), _has(head, "authorization")
            )
            with self._lock:
                self.records.append(record)
            if head.method == "CONNECT":
                self._behaviour(self, conn, record)
                return
            read_body(conn, head)  # a request in clear: recorded, never forwarded
            conn.send(response(501, b"only CONNECT", [TEXT]))


def tunnel(proxy: ConnectProxy, conn: Connection, record: ProxyRecord) -> None:
    """Connect to the target and pass bytes both ways."""
    _tunnel(proxy, conn, record, most_down=_NO_LIMIT)


def die_in_tunnel(after_bytes: int) -> Behaviour:
    """Let exactly so many bytes come down, then reset the client's side."""
    return lambda proxy, conn, record: _tunnel(proxy, conn, record, most_down=after_bytes)


def refuse(status: int = 407) -> Behaviour:
    """Answer CONNECT with an error: 407 wants a password, 502 cannot reach the target."""
    headers = [TEXT, ("Proxy-Authenticate", 'Basic realm="proxy"')] if status == 407 else [TEXT]

    def behave(_proxy: ConnectProxy, conn: Connection, _record: ProxyRecord) -> None:
        conn.send(response(status, b"refused by the proxy", headers))

    return behave


def die(_proxy: ConnectProxy, conn: Connection, _record: ProxyRecord) -> None:
    """Reset instead of answering."""
    conn.rst()


def black_hole(_proxy: ConnectProxy, conn: Connection, _record: ProxyRecord) -> None:
    """Never answer."""
    conn.wait_for_client_to_leave()


def _has(head: Head, name: str) -> bool:
    return head.get(name) is not None


def _tunnel(proxy: ConnectProxy, conn: Connection, record: ProxyRecord, *, most_down: int) -> None:
    upstream = proxy.connect_to(record.target)
    if upstream is None:
        conn.send(response(502, b"cannot connect", [TEXT]))
        return
    with closing(upstream):
        conn.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with selectors.DefaultSelector() as waiting:
            waiting.register(upstream, selectors.EVENT_READ)
            waiting.register(conn, selectors.EVENT_READ)
            while record.bytes_down < most_down and _pass_on(waiting, upstream, conn, record, most_down):
                pass
        if record.bytes_down == most_down:
            conn.rst()


def _pass_on(
    waiting: selectors.BaseSelector,
    upstream: Connection,
    conn: Connection,
    record: ProxyRecord,
    most_down: int,
) -> bool:
    """Pass on what is there; False when either side has closed."""
    for key, _ in waiting.select():
        if key.fileobj is upstream:
            data = upstream.recv()[: most_down - record.bytes_down]
            record.bytes_down += len(data)
            conn.send(data)
        else:
            data = conn.recv()
            record.bytes_up += len(data)
            record.authorization_in_clear |= b"authorization:" in data.lower()
            upstream.send(data)
        if not data:
            return False
    return True
