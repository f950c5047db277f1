"""What is between a client and a server: a proxy, certificates, and ports where nobody answers."""

import asyncio
import contextlib
import os
import socket
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import trustme

from support.connection import Listener, read_body, read_head
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


class ConnectProxy(Listener):
    """An HTTP CONNECT proxy. It tunnels to loopback only: to the port that was asked for, or where ``routes``
    sends a target. Its records hold as bodies what went up in clear.

    Args:
        behaviour: a coroutine function of proxy, connection and record: `tunnel`, or one of those below.
        routes: from ``"host:port"`` as asked for to a local port, so that a test may name any host.
    """

    def __init__(self, behaviour=None, *, routes=None):
        self.records, self.routes, self._behaviour = [], routes or {}, behaviour or tunnel
        super().__init__(self._answer)
        self.url = f"http://127.0.0.1:{self.port}"

    async def _answer(self, conn):
        await conn.open()
        while True:
            record = await read_head(conn)
            self.records.append(record)
            if record.method == "CONNECT":
                await self._behaviour(self, conn, record)
                return
            await read_body(conn, record)  # a request in clear: recorded, never forwarded
            await conn.send(response(501, b"only CONNECT", [TEXT]))


async def tunnel(proxy, conn, record):
    """Connect to the target and pass bytes both ways."""
    port = proxy.routes.get(record.target) or int(record.target.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def up():
        while data := await conn.read(65536):
            record.body += data
            writer.write(data)
        raise EOFError

    async def down():
        while data := await reader.read(65536):
            await conn.send(data)
        await conn.close()

    await conn.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
    with contextlib.closing(writer), contextlib.suppress(ExceptionGroup):
        async with asyncio.TaskGroup() as group:
            group.create_task(up())
            group.create_task(down())


def refuse(status=407):
    headers = [TEXT, ("Proxy-Authenticate", 'Basic realm="proxy"')]
    return lambda _proxy, conn, _record: conn.send(response(status, b"refused by the proxy", headers))


def die(_proxy, conn, _record):
    return conn.rst()


def black_hole(_proxy, conn, _record):
    return conn.wait_for_client_to_leave()


def make_tls(folder):
    """Server contexts for `FaultServer(tls=...)`, and ``ca_file``, the one authority that clients are to trust.

    ``good`` is signed by it for localhost and 127.0.0.1; so are ``expired`` and ``wrong_host``
    (for elsewhere.example), each with its one flaw. ``untrusted`` is good but of another authority.
    """
    authority, hosts = trustme.CA(), ("localhost", "127.0.0.1")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    now, day = datetime.now(UTC), timedelta(days=1)
    certificates = {
        "good": authority.issue_cert(*hosts),
        "untrusted": trustme.CA().issue_cert(*hosts),
        "expired": authority.issue_cert(*hosts, not_before=now - 2 * day, not_after=now - day),
        "wrong_host": authority.issue_cert("elsewhere.example"),
    }
    contexts = {name: ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) for name in certificates}
    for name, context in contexts.items():
        certificates[name].configure_cert(context)
    return SimpleNamespace(ca_file=folder / "ca.pem", **contexts)
