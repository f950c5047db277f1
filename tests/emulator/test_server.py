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


def raw(*, target=PATH, method="POST", host="host: localhost\r\n", headers=KEY, body=BODY):
    length = "" if "ength" in headers or "ncoding" in headers else f"content-length: {len(body)}\r\n"
    return f"{method} {target} HTTP/1.1\r\n{host}{headers}{length}\r\n".encode() + body


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


def test_keep_alive_pipelining_chunks_and_a_client_that_wants_to_close(peer):
    pieces = [BODY[at : at + 7] for at in range(0, len(BODY), 7)]
    chunked = b"".join(b"%x;x=y\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\nT: t\r\n\r\n"
    peer.send(raw(headers=KEY + "transfer-encoding: chunked\r\n", body=chunked))
    peer.send(raw(method="BREW", body=b"") + raw(headers=KEY + "connection: close\r\n"))
    first, brewed, last = (peer.read() for _ in range(3))
    assert [reply[0] for reply in (first, brewed, last)] == [200, 501, 200]
    assert (first[2], last[1]["connection"], peer.at_end()) == (last[2], "close", True)


def test_expect_100_continue_which_http_1_0_does_not_have(peer):
    asked = raw(headers=KEY + f"expect: 100-continue\r\ncontent-length: {len(BODY)}\r\n", body=b"")
    peer.send(asked)
    assert peer.read() == (100, {}, b"")
    peer.send(BODY)
    assert peer.read()[0] == 200
    peer.send(asked.replace(b"HTTP/1.1", b"HTTP/1.0") + BODY)
    assert peer.read()[0] == 200
    assert peer.at_end()


def test_head_gets_the_head_of_get_alone_from_whomever_replies(emulator):
    """A body after it would be taken for the next reply."""
    paths = {"/healthz": b"200", "/_emulator/faults": b"405", PATH: b"501"}
    with EmulatorServer(emulator, chaos=True) as server, Peer(server) as peer:
        peer.send(b"".join(raw(method="HEAD", target=path, body=b"") for path in paths))
        peer.send(raw(method="GET", target="/healthz", headers="connection: close\r\n", body=b""))
        *heads, body = peer.stream.read().split(b"\r\n\r\n")
    assert [head.split()[1] for head in heads] == [*paths.values(), b"200"]
    assert (b"content-length: 0" in b"".join(heads), body) == (False, b"ok")


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


def test_replies_that_break_off_byte_for_byte_and_in_the_log(emulator, request_of, log):
    """Each ends its connection, with another request waiting on it; the server goes on."""
    whole = emulator.handle(request_of(BODY)).body
    script = "drop x1, drop;reset x1, drop=head x1, truncate=0 x1, truncate=5 x1, ok"
    with EmulatorServer(emulator, faults=script, log=log) as server:

        def received():
            with Peer(server) as peer:
                peer.send(raw() + raw())
                return peer.stream.read()

        assert received() == b""
        with pytest.raises(ConnectionResetError):
            received()
        head = received()
        assert (head[:17], b"\r\n\r\n" in head) == (b"HTTP/1.1 200 OK\r\n", False)
        for cut in (0, 5):
            head, _, body = received().partition(b"\r\n\r\n")
            assert f"content-length: {len(whole)}".encode() in head
            assert body == whole[:cut]
        assert server.faults.requests == 5
        with Peer(server) as peer:
            peer.send(raw())
            assert peer.read()[::2] == (200, whole)
    assert f"POST {PATH} dropped " in log.getvalue()
    assert re.search(
        rf"POST {PATH} 200 {len(whole)} bytes 1 vectors \S+ ms, cut after 5 bytes\n", log.getvalue()
    )


def test_the_log_holds_one_line_for_each_answer_and_no_text_or_key(server, log, peer):
    peer.send(raw() + raw(target="/x%1b?secret") + raw(target="/\xe9") + raw(host="host: evil.example\r\n"))
    for _ in range(4):
        peer.read()
    server.stop()
    lines = log.getvalue().splitlines()
    assert re.fullmatch(rf"POST {PATH} 200 \d+ bytes 1 vectors \d+\.\d ms", lines[0])
    begins = ["POST /x%1b 404 ", r"POST /\xc3\xa9 404 ", f"POST {PATH} 403 "]
    assert [line[: len(begin)] for line, begin in zip(lines[1:], begins, strict=True)] == begins
    assert not re.search("private|bG9j|local:|secret|evil|\x1b", log.getvalue())


@pytest.mark.parametrize("grace", [5.0, 0.0])
def test_stop_closes_idle_connections_and_lets_a_reply_finish_within_its_grace(engine, grace):
    begun, release = threading.Event(), threading.Event()
    engine.embed = lambda texts: begun.set() or (release.wait(10) and [[0.5] * 3])
    server = EmulatorServer(Emulator(engine)).start()
    with Peer(server) as idle, Peer(server) as busy:
        idle.send(raw(target="/nothing", body=b""))
        idle.read()
        busy.send(raw())
        assert begun.wait(10)
        stopping = threading.Thread(target=server.stop, args=(grace,))
        stopping.start()
        assert idle.at_end()
        if grace:
            assert stopping.is_alive()
            release.set()
            status, headers, _ = busy.read()
            assert (status, headers["connection"]) == (200, "close")
        assert busy.at_end()
        release.set()
        stopping.join()


def test_it_can_start_again_and_stop_twice_and_a_taken_port_is_named_with_the_way_out(emulator):
    server = EmulatorServer(emulator)
    for _ in range(2):
        with server, Peer(server) as peer:
            peer.send(raw())
            assert peer.read()[0] == 200
            port = int(server.url.rpartition(":")[2])
            told = rf"127\.0\.0\.1 port {port}: .* in use.* choose another port; 0 picks a free one"
            with pytest.raises(OSError, match=told):
                EmulatorServer(emulator, port=port).start()
            with pytest.raises(RuntimeError):
                server.start()
        server.stop()
        with pytest.raises(RuntimeError):
            _ = server.url


class Broken:
    uses_test_key = True

    def handle(self, request):
        raise LookupError(request.body)


def test_health_needs_no_key_and_a_handler_that_fails_is_logged_by_type_alone(log):
    with EmulatorServer(Broken(), log=log) as server:
        assert [httpx.get(f"{server.url}/healthz{query}").text for query in ("", "?x=y")] == ["ok", "ok"]
        with Peer(server) as peer:
            peer.send(raw())
            assert peer.at_end()
    assert "connection closed by LookupError" in log.getvalue().splitlines()
    assert "private" not in log.getvalue()


def test_a_log_that_cannot_be_written_costs_no_client_its_connection(emulator):
    class Gone(io.StringIO):
        def write(self, line):
            raise BrokenPipeError(line)

    with EmulatorServer(emulator, log=Gone()) as server, Peer(server) as peer:
        peer.send(raw() + raw())
        assert [peer.read()[0] for _ in range(2)] == [200, 200]


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
        assert server.address.startswith("127.0.0.1:"), "which a client takes, and 0.0.0.0 is none"
        peer.send(raw())
        assert peer.read()[0] == 403


@pytest.mark.parametrize("name", ["http://a.example", "a.example:8080"])
def test_a_further_host_is_a_name_alone(emulator, name):
    with pytest.raises(ConfigurationError, match="name alone"):
        EmulatorServer(emulator, allowed_hosts=[name])
