"""The served mode over real sockets, raw where an HTTP client would be too polite; and `serve`, the program."""

import io
import re
import signal
import socket
import subprocess
import sys
import threading
from unittest.mock import Mock

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


LAST = raw(headers=KEY + "connection: close\r\n")


def connect(server, *requests):
    """A connection as a file, on which requests were sent exactly as they are."""
    with socket.create_connection(("127.0.0.1", server.url.rpartition(":")[2]), timeout=10) as connection:
        peer = connection.makefile("rwb")
    peer.writelines(requests)
    peer.flush()
    return peer


def received(server, *requests):
    """All that comes back until the connection ends."""
    with connect(server, *requests) as peer:
        return peer.read()


def read(peer):
    """One reply: status, headers, body."""
    status = int(peer.readline().split()[1])
    lines = iter(lambda: peer.readline().decode("latin-1").rstrip("\r\n"), "")
    headers = dict(line.split(": ", 1) for line in lines)
    return status, headers, peer.read(int(headers.get("content-length", 0)))


@pytest.fixture
def log():
    return io.StringIO()


@pytest.fixture
def server(emulator, log):
    with EmulatorServer(emulator, log=log) as running:
        yield running


def test_keep_alive_pipelining_chunks_and_a_client_that_wants_to_close(server):
    pieces = [BODY[at : at + 7] for at in range(0, len(BODY), 7)]
    chunked = b"".join(b"%x;x=y\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\nT: t\r\n\r\n"
    in_chunks = raw(headers=KEY + "transfer-encoding: chunked\r\n", body=chunked)
    with connect(server, in_chunks, raw(method="BREW", body=b""), LAST) as peer:
        first, brewed, last = (read(peer) for _ in range(3))
        assert [reply[0] for reply in (first, brewed, last)] == [200, 501, 200]
        assert (first[2], last[1]["connection"], peer.read()) == (last[2], "close", b"")


def test_expect_100_continue_which_http_1_0_does_not_have(server):
    asked = raw(headers=KEY + f"expect: 100-continue\r\ncontent-length: {len(BODY)}\r\n", body=b"")
    with connect(server, asked) as peer:
        assert read(peer) == (100, {}, b"")
        peer.write(BODY + asked.replace(b"HTTP/1.1", b"HTTP/1.0") + BODY)
        peer.flush()
        assert [read(peer)[0], read(peer)[0], peer.read()] == [200, 200, b""]


def test_head_gets_the_head_of_get_alone_from_whomever_replies(emulator):
    """A body after it would be taken for the next reply."""
    paths = {"/healthz": b"200", "/_emulator/faults": b"405", PATH: b"501"}
    heads = [raw(method="HEAD", target=path, body=b"") for path in paths]
    last = raw(method="GET", target="/healthz?x=y", headers="connection: close\r\n", body=b"")
    with EmulatorServer(emulator, chaos=True) as server:
        *heads, body = received(server, *heads, last).split(b"\r\n\r\n")
    assert [head.split()[1] for head in heads] == [*paths.values(), b"200"]
    assert (b"content-length: 0" in b"".join(heads), body) == (False, b"ok")


REFUSED = [
    (raw(host="host: evil.example:80\r\n"), 403),
    (raw(host=""), 400),
    (raw(host="host: localhost\r\nhost: localhost\r\n"), 400),
    (raw(headers="expect: 100-continue\r\ncontent-length: 99999999\r\n", body=b""), 413),
    (raw(body=b" " * 40_000_000), 413),  # its reply survives the body
    (b"NONSENSE\r\n\r\n", 400),
]


@pytest.mark.parametrize(("sent", "status"), REFUSED, ids=lambda value: repr(value)[:60])
def test_refusals_are_plain_text_and_close(server, sent, status):
    with connect(server, sent) as peer:
        got, headers, body = read(peer)
        assert (got, headers["content-type"], headers["connection"]) == (status, "text/plain", "close")
        assert (bool(body), peer.read()) == (True, b"")


def test_replies_that_break_off_byte_for_byte_and_in_the_log(emulator, request_of, log):
    """Each ends its connection, with another request waiting on it; the server goes on. The others: test_transport.py."""
    whole = emulator.handle(request_of(BODY)).body
    with EmulatorServer(emulator, faults="drop=head x1, truncate=5 x1, ok", log=log) as server:
        head = received(server, raw(), raw())
        assert (head[:17], b"\r\n\r\n" in head) == (b"HTTP/1.1 200 OK\r\n", False)
        head, _, body = received(server, raw(), raw()).partition(b"\r\n\r\n")
        assert (f"content-length: {len(whole)}".encode() in head, body) == (True, whole[:5])
        assert received(server, LAST).endswith(b"\r\n\r\n" + whole)
    assert f"POST {PATH} dropped " in log.getvalue()
    assert f" ms, cut after 5 bytes\nPOST {PATH} 200 {len(whole)} bytes 1 vectors " in log.getvalue()


def test_the_log_holds_one_line_for_each_reply_and_no_text_or_key(server, log):
    others = [raw(target="/x%1b?secret"), raw(target="/\xe9"), raw(host="host: evil.example\r\n")]
    received(server, raw(), *others)
    server.stop()
    begins = [f"POST {PATH} 200 ", "POST /x%1b 404 ", r"POST /\xc3\xa9 404 ", f"POST {PATH} 403 "]
    lines = log.getvalue().splitlines()
    assert [line[: len(begin)] for line, begin in zip(lines, begins, strict=True)] == begins
    assert re.fullmatch(r".* \d+ bytes 1 vectors \d+\.\d ms", lines[0])
    assert not re.search("private|bG9j|local:|secret|evil|\x1b", log.getvalue())


def test_stop_closes_idle_connections_and_lets_a_reply_finish(engine):
    begun, release = threading.Event(), threading.Event()
    engine.embed = lambda texts: begun.set() or (release.wait(10) and [[0.5] * 3])
    server = EmulatorServer(Emulator(engine)).start()
    with connect(server, raw(target="/nothing", body=b"")) as idle, connect(server, raw()) as busy:
        read(idle)
        assert begun.wait(10)
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        assert (idle.read(), stopping.is_alive()) == (b"", True)
        release.set()
        status, headers, _ = read(busy)
        assert (status, headers["connection"], busy.read()) == (200, "close", b"")
        stopping.join()


def test_a_handler_that_fails_is_logged_by_type_alone(log):
    with EmulatorServer(Mock(handle=Mock(side_effect=LookupError("private"))), log=log) as server:
        assert received(server, raw()) == b""
    assert "connection closed by LookupError\n" in log.getvalue()
    assert "private" not in log.getvalue()


def test_beyond_loopback_only_with_a_key_of_its_own_and_a_further_host_is_a_name_alone(engine, emulator):
    with pytest.raises(ConfigurationError):
        EmulatorServer(emulator, host="0.0.0.0")
    with EmulatorServer(Emulator(engine, "my:own"), host="0.0.0.0") as server:
        assert server.address.startswith("127.0.0.1:"), "which a client takes, and 0.0.0.0 is none"
        assert httpx.post(server.url + PATH, content=BODY).status_code == 401
    EmulatorServer(emulator, allowed_hosts=["a.example"])
    for name in ("http://a.example", "a.example:8080"):
        with pytest.raises(ConfigurationError, match="name alone"):
            EmulatorServer(emulator, allowed_hosts=[name])


# `serve`: what it prints and serves, how it stops, what it imports.

PROGRAM = """
import sys
from inworld_embeddings_emulator.engines import HashEngine
from inworld_embeddings_emulator.serving import serve
serve(port=0, engine=HashEngine(2))
print("heavy:", sorted({"httpx", "numpy", "asyncio", "attrs"} & set(sys.modules)))
"""


def python(*arguments):
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, *arguments], stdout=pipe, stderr=pipe, text=True)


def test_it_serves_until_it_is_interrupted_and_imports_nothing_heavy():
    with python("-c", PROGRAM) as program:
        first, _, export, playground = (program.stdout.readline() for _ in range(4))
        url = first.removeprefix("Emulator of the embeddings API on ").strip()
        response = httpx.post(url + PATH, json={"inputs": [{"text": "private"}]}, auth=("local", "local"))
        program.send_signal(signal.SIGINT)
        out, err = program.communicate(timeout=20)
    assert len(response.json()["embeddings"]) == 1
    assert export == f"export INWORLD_EMULATOR_HOST={url.removeprefix('http://')}\n"
    assert (playground, program.returncode, out) == (f"Playground: {url}/\n", 0, "heavy: []\n")
    assert re.fullmatch(f"POST {PATH} 200 .*\n", err)


def test_faults_chaos_and_the_page_as_options():
    command = "-m inworld_embeddings serve --port 0 --engine hash:4 --seed 7 --chaos --no-playground --fault"
    with python(*command.split(), "status=503 x1, ok") as running:
        first, *_, faults, chaos = (running.stdout.readline() for _ in range(5))
        url = first.split()[-1]
        assert faults == "Faults: status=503 x1, ok (seed 7)\n"
        assert chaos == f"Chaos is on: GET, PUT and DELETE {url}/_emulator/faults\n"
        with httpx.Client(base_url=url, auth=("local", "local")) as client:
            assert [client.post(PATH, json={}).status_code for _ in range(2)] == [503, 200]
            assert client.get("/_emulator/faults").json()["injected"] == {"status=503": 1}
            assert client.get("/").status_code == 404
        running.terminate()
    assert running.returncode == 0
