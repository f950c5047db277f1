"""What is between a client and a server: a proxy, certificates, and ports where nobody answers."""

import contextlib
import os
import selectors
import socket
import ssl
import warnings
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import trustme

from support.connection import Connection, Listener, read_body, read_head
from support.fault import TEXT, response


@contextlib.contextmanager
def closed_port():
    """A port that refuses connections: bound, so that nobody else gets it, but not listening."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield sock.getsockname()[1]


@contextlib.contextmanager
def syn_black_hole():
    """A port whose connections are never established: its queue is full and nobody accepts (Linux)."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            filler = stack.enter_context(socket.socket())
            filler.settimeout(0)
            filler.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def socket_to(port):
    """This process's own connection to a port of loopback, whichever library holds it."""
    for descriptor in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):
            sock = socket.socket(fileno=os.dup(int(descriptor.name)))
            with contextlib.suppress(OSError):
                if sock.getpeername()[1:2] == (port,):  # of a Unix socket it is a text
                    return sock
            sock.close()
    raise LookupError(f"no connection to port {port}")


@dataclass(slots=True)
class ProxyRecord:
    """One request to the proxy: what a bystander on the way could read of it."""

    method: str
    target: str
    proxy_authorization: bool
    authorization_in_clear: bool
    bytes_up: int = 0
    bytes_down: int = 0


class ConnectProxy:
    """An HTTP CONNECT proxy. It tunnels to loopback only: to the port that was asked for, or where ``routes``
    sends a target.

    Args:
        behaviour: a function of proxy, connection and record: `tunnel`, or one of those below.
        routes: from ``"host:port"`` as asked for to a local port, so that a test may name any host.
    """

    def __init__(self, behaviour=None, *, routes=None):
        self.records: list[ProxyRecord] = []
        self.routes = dict(routes or {})
        self._behaviour = behaviour or tunnel
        self._listener = Listener(self._serve)
        self.url = f"http://127.0.0.1:{self._listener.port}"
        self.port, self.stop = self._listener.port, self._listener.stop

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listener.close()

    def _serve(self, conn):
        while (head := read_head(conn)) is not None:
            known = [head.get(name) is not None for name in ("proxy-authorization", "authorization")]
            record = ProxyRecord(head.method, head.target, *known)
            self.records.append(record)
            if head.method == "CONNECT":
                self._behaviour(self, conn, record)
                return
            read_body(conn, head)  # a request in clear: recorded, never forwarded
            conn.send(response(501, b"only CONNECT", [TEXT]))


def tunnel(proxy, conn, record, most_down=2**63):
    """Connect to the target and pass bytes both ways; after so many bytes down, reset the client's side."""
    port = proxy.routes.get(record.target) or int(record.target.rpartition(":")[2])
    sock = socket.create_connection(("127.0.0.1", port))
    with closing(Connection(sock, -1, proxy.stop)) as upstream:
        conn.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        with selectors.DefaultSelector() as waiting:
            waiting.register(upstream, selectors.EVENT_READ)
            waiting.register(conn, selectors.EVENT_READ)
            while record.bytes_down < most_down:
                for key, _ in waiting.select():
                    if key.fileobj is conn:
                        data = conn.recv()
                        record.bytes_up += len(data)
                        record.authorization_in_clear |= b"authorization:" in data.lower()
                        upstream.send(data)
                    else:
                        data = upstream.recv()[: most_down - record.bytes_down]
                        record.bytes_down += len(data)
                        conn.send(data)
                    if not data:
                        return
        conn.rst()


def die_in_tunnel(after_bytes):
    """Let exactly so many bytes come down, then reset the client's side."""
    return lambda proxy, conn, record: tunnel(proxy, conn, record, after_bytes)


def refuse(status=407):
    """Answer CONNECT with an error: 407 wants a password, 502 cannot reach the target."""
    headers = [TEXT, ("Proxy-Authenticate", 'Basic realm="proxy"')] if status == 407 else [TEXT]
    return lambda _proxy, conn, _record: conn.send(response(status, b"refused by the proxy", headers))


def die(_proxy, conn, _record):
    """Reset instead of answering."""
    conn.rst()


def black_hole(_proxy, conn, _record):
    """Never answer."""
    conn.wait_for_client_to_leave()


def make_tls(folder):
    """Server contexts for `FaultServer(tls=...)`, and ``ca_file``, the one authority that clients are to trust.

    ``good`` is signed by it for localhost and 127.0.0.1; so are ``expired``, ``not_yet_valid`` and
    ``wrong_host`` (for elsewhere.example), each with its one flaw. ``untrusted`` is good but of another authority.
    ``tls11`` speaks at most TLS 1.1 with the good certificate; it needs an OpenSSL that still can.
    """
    authority, hosts = trustme.CA(), ("localhost", "127.0.0.1")
    ca_file = folder / "ca.pem"
    authority.cert_pem.write_to_path(ca_file)
    now, day = datetime.now(UTC), timedelta(days=1)
    return SimpleNamespace(
        ca_file=ca_file,
        good=_context(authority.issue_cert(*hosts)),
        untrusted=_context(trustme.CA().issue_cert(*hosts)),
        expired=_context(authority.issue_cert(*hosts, not_before=now - 2 * day, not_after=now - day)),
        not_yet_valid=_context(authority.issue_cert(*hosts, not_before=now + day, not_after=now + 2 * day)),
        wrong_host=_context(authority.issue_cert("elsewhere.example")),
        tls11=_at_most_tls11(_context(authority.issue_cert(*hosts))),
    )


def _context(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def _at_most_tls11(context):
    """Make a context old: TLS 1.0 and 1.1 only, with the weak ciphers they need."""
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with warnings.catch_warnings():  # setting them is deprecated, which is the point
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context
