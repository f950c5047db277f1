"""The served mode over real sockets, raw where an HTTP client would be too polite."""

import io
import re
import socket
import threading

import httpx
import pytest

from inworld_embeddings.errors import ConfigurationError
from inworld_embeddings_emulator import Emulator, EmulatorServer

PATH = "/ml/v1alpha/embedding:embed"
KEY = "authorization: Basic bG9jYWw6bG9jYWw=\r\n"
BODY = b'{"inputs":[{"text":"private"}]}'


def raw(
    *, target=PATH, method="POST", version="HTTP/1.1", host="host: localhost\r\n", headers=KEY, body=BODY
):
    length = "" if "ength" in headers or "ncoding" in headers else f"content-length: {len(body)}\r\n"
    return f"{method} {target} {version}\r\n{host}{headers}{length}\r\n".encode() + body


class Peer:
    """A client that sends exactly what it is told."""

    def __init__(self, server):
        port = int(server.address.rpartition(":")[2])
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.stream = self.socket.makefile("rb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def read(self):
        """One reply: status, headers, body."""
        status = int(self.stream.readline().split()[1])
        lines = iter(lambda: self.stream.readline().decode("latin-1").rstrip("\r\n"), "")
        headers = dict(line.split(": ", 1) for line in lines)
        return status, headers, self.stream.read(int(headers.get("content-length", 0)))

    def at_end(self):
        return self.stream.read() == b""


@pytest.fixture
def log():
    return io.StringIO()


@pytest.fixture
def server(emulator, log):
    with EmulatorServer(emulator, log=log) as running:
        yield running


@pytest.fixture
def peer(server):
    with Peer(server) as connected:
        yield connected


def test_keep_alive_and_pipelining(peer):
    peer.send(raw() + raw(target="/nothing", body=b"") + raw())
    assert [peer.read()[0] for _ in range(3)] == [200, 404, 200]


def test_chunks_and_a_client_that_wants_to_close(peer):
    pieces = [BODY[at : at + 7] for at in range(0, len(BODY), 7)]
    chunked = b"".join(b"%x;x=y\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\nT: t\r\n\r\n"
    peer.send(raw(headers=KEY + "transfer-encoding: chunked\r\n", body=chunked))
    peer.send(raw(headers=KEY + "connection: close\r\n"))
    (_, _, first), (status, headers, second) = peer.read(), peer.read()
    assert (status, first, headers["connection"], peer.at_end()) == (200, second, "close", True)


def test_expect_100_continue(peer):
    peer.send(raw(headers=KEY + f"expect: 100-continue\r\ncontent-length: {len(BODY)}\r\n", body=b""))
    assert peer.read() == (100, {}, b"")
    peer.send(BODY)
    assert peer.read()[0] == 200


def test_the_answer_to_a_body_that_is_too_large_survives_the_body(peer):
    size = 40 * 1024 * 1024
    peer.send(raw(headers=f"content-length: {size}\r\n", body=b""))
    for _ in range(size // (1024 * 1024)):
        peer.send(b" " * (1024 * 1024))
    assert peer.read()[::2] == (413, b"Payload Too Large")


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (raw(host="host: evil.example:80\r\n"), 403),
        (raw(host=""), 400),
        (raw(host="host: localhost\r\nhost: localhost\r\n"), 400),
        (raw(headers="transfer-encoding: chunked\r\n", body=b"xyz\r\n"), 400),
        (raw(headers="x: y\r\n folded\r\n"), 400),
        (raw(headers="content-length: 99999999\r\n"), 413),
        (raw(headers="expect: 100-continue\r\ncontent-length: 99999999\r\n", body=b""), 413),
        (b"NONSENSE\r\n\r\n", 400),
    ],
    ids=lambda value: repr(value[:60]) if isinstance(value, bytes) else None,
)
def test_refusals_are_plain_text_and_close(peer, sent, status):
    peer.send(sent)
    got, headers, body = peer.read()
    assert (got, headers["content-type"], headers["connection"]) == (status, "text/plain", "close")
    assert body
    assert peer.at_end()


@pytest.mark.parametrize(
    "part", [b"", b"POST", raw()[:-1], raw(headers="transfer-encoding: chunked\r\n", body=b"5\r\nhe")]
)
def test_a_client_that_leaves_hurts_nobody(server, log, part):
    with Peer(server) as peer:
        peer.send(part)
    with Peer(server) as peer:
        peer.send(raw())
        assert peer.read()[0] == 200
    assert "closed by" not in log.getvalue()


def test_every_method_reaches_the_handler(peer):
    peer.send(
        raw(method="BREW", body=b"") + raw(method="OPTIONS", body=b"") + raw(method="HEAD", body=b"") + raw()
    )
    assert [peer.read()[0] for _ in range(4)] == [501, 501, 501, 200]


def test_the_log_holds_one_line_for_each_answer_and_no_text_or_key(server, log, peer):
    peer.send(raw() + raw(target="/x%1b?secret") + raw(target="/\xe9") + raw(host="host: evil.example\r\n"))
    for _ in range(4):
        peer.read()
    server.stop()
    lines = log.getvalue().splitlines()
    assert re.fullmatch(r"POST /ml/v1alpha/embedding:embed 200 \d+ bytes 1 vectors \d+\.\d ms", lines[0])
    assert [line.split(" ")[:3] for line in lines[1:]] == [
        ["POST", "/x%1b", "404"],
        ["POST", "/\\xc3\\xa9", "404"],
        ["POST", PATH, "403"],
    ]
    assert not re.search("private|bG9j|local:|secret|evil|\x1b", log.getvalue())


def test_stop_lets_a_reply_finish_and_closes_idle_connections(engine):
    begun, release = threading.Event(), threading.Event()

    def slow(texts):
        begun.set()
        assert release.wait(10)
        return [[0.5] * 3] * len(texts)

    engine.embed = slow
    server = EmulatorServer(Emulator(engine)).start()
    with Peer(server) as idle, Peer(server) as busy:
        idle.send(raw(target="/nothing", body=b""))
        idle.read()
        busy.send(raw())
        assert begun.wait(10)
        closed, listener = threading.Event(), server._listener
        close = listener.server_close
        listener.server_close = lambda: close() or closed.set()
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        assert closed.wait(10)
        assert stopping.is_alive()
        release.set()
        status, headers, _ = busy.read()
        stopping.join()
        assert (status, headers["connection"]) == (200, "close")
        assert busy.at_end()
        assert idle.at_end()


def test_stop_does_not_wait_longer_than_its_grace(engine):
    begun, release = threading.Event(), threading.Event()
    engine.embed = lambda texts: begun.set() or (release.wait(10) and [[0.5] * 3])
    server = EmulatorServer(Emulator(engine)).start()
    with Peer(server) as peer:
        peer.send(raw())
        assert begun.wait(10)
        stopping = threading.Thread(target=server.stop, args=(0.0,))
        stopping.start()
        assert peer.at_end()
        release.set()
        stopping.join()


def test_it_can_start_again_and_stop_twice(emulator):
    server = EmulatorServer(emulator)
    for _ in range(2):
        with server, Peer(server) as peer:
            with pytest.raises(RuntimeError):
                server.start()
            peer.send(raw())
            assert peer.read()[0] == 200
        server.stop()
        with pytest.raises(RuntimeError):
            _ = server.url


def test_a_taken_port_is_named_with_the_way_out(server, emulator):
    port = int(server.url.rpartition(":")[2])
    with pytest.raises(
        OSError, match=rf"127\.0\.0\.1 port {port}: .* in use.* choose another port; 0 picks a free one"
    ):
        EmulatorServer(emulator, port=port).start()


def test_health_needs_no_key_and_asks_no_engine():
    class Broken:
        uses_test_key = True

    with EmulatorServer(Broken()) as server:
        assert [httpx.get(f"{server.url}/healthz{query}").text for query in ("", "?x=y")] == ["ok", "ok"]
        assert httpx.head(f"{server.url}/healthz").status_code == 200


def test_ipv6(emulator):
    server = EmulatorServer(emulator, host="::1")
    try:
        server.start().stop()
    except OSError:
        pytest.skip("no IPv6 loopback here")
    with server, httpx.Client(auth=("local", "local")) as client:
        assert server.url.startswith("http://[::1]:")
        assert client.post(server.url + PATH, content=BODY).status_code == 200


def test_beyond_loopback_only_with_a_key_of_its_own(engine, emulator):
    with pytest.raises(ConfigurationError):
        EmulatorServer(emulator, host="0.0.0.0")
    with EmulatorServer(Emulator(engine, "my:own"), host="0.0.0.0") as server, Peer(server) as peer:
        peer.send(raw())
        assert peer.read()[0] == 403


def test_a_handler_that_fails_is_logged_by_type_alone(emulator, log):
    class Broken:
        uses_test_key = True

        def handle(self, request):
            raise LookupError(request.body)

    with EmulatorServer(Broken(), log=log) as server, Peer(server) as peer:
        peer.send(raw())
        assert peer.at_end()
    assert log.getvalue() == "connection closed by LookupError\n"
