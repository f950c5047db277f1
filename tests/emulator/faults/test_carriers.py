"""Broken replies on a real socket, byte for byte, and the same through the in-process transport."""

import asyncio
import io
import socket
import time

import httpx
import pytest

from inworld_embeddings_emulator import EmulatorServer, LocalTransport
from inworld_embeddings_emulator.faults import HEADER

PATH = "/ml/v1alpha/embedding:embed"
BODY = b'{"inputs":[{"text":"private"}]}'
RAW = (
    f"POST {PATH} HTTP/1.1\r\nhost: localhost\r\nauthorization: Basic bG9jYWw6bG9jYWw=\r\n"
    f"content-length: {len(BODY)}\r\n\r\n"
).encode() + BODY


def received(server, requests=1):
    """All that comes back until the end of the connection, and whether that was a reset."""
    port = int(server.address.rpartition(":")[2])
    data = b""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as peer:
        peer.sendall(RAW * requests)
        try:
            while part := peer.recv(65536):
                data += part
        except ConnectionResetError:
            return data, True
    return data, False


@pytest.fixture
def whole(emulator, request_of):
    return emulator.handle(request_of(BODY)).body


def test_on_a_socket_and_in_the_log_byte_for_byte(emulator, whole):
    """Each broken reply ends its connection, with more requests waiting on it; the server goes on."""
    log = io.StringIO()
    script = "drop x1, drop;reset x1, drop=head x1, truncate=0 x1, truncate=5 x1, ok"
    with EmulatorServer(emulator, faults=script, log=log) as server:
        assert received(server) == (b"", False)
        assert received(server) == (b"", True)
        head, reset = received(server)
        assert (head[:17], b"\r\n\r\n" in head, reset) == (b"HTTP/1.1 200 OK\r\n", False, False)
        for cut in (0, 5):
            data, reset = received(server, requests=2)
            head, _, body = data.partition(b"\r\n\r\n")
            assert f"content-length: {len(whole)}".encode() in head
            assert (body, reset) == (whole[:cut], False)
        assert server.faults.requests == 5
        assert httpx.post(server.url + PATH, content=BODY, auth=("local", "local")).status_code == 200
    lines = log.getvalue().splitlines()
    assert lines[0].startswith(f"POST {PATH} dropped ")
    assert lines[4].startswith(f"POST {PATH} 200 {len(whole)} bytes 1 vectors ")
    assert lines[4].endswith(" ms, cut after 5 bytes")
    assert "private" not in log.getvalue()


FAULTS = [
    ("drop", httpx.RemoteProtocolError),
    ("drop;reset", httpx.ReadError),
    ("drop=head", httpx.RemoteProtocolError),
    ("truncate=5", httpx.RemoteProtocolError),
    ("truncate=5;reset", httpx.ReadError),
    ("latency=1ms + rate-limit;retry-after=1;retry-info=1", 429),
    ("html", 502),
    ("nan", 200),
    ("poison=priv", 400),
]


def outcome(transport, url, headers=None):
    """The exception class, or status, headers and body."""
    try:
        with httpx.Client(transport=transport, auth=("local", "local")) as client:
            response = client.post(url + PATH, content=BODY, headers=headers)
    except httpx.TransportError as error:
        return type(error)
    pairs = [pair for pair in response.headers.multi_items() if pair[0] not in ("date", "connection")]
    return response.status_code, sorted(pairs), response.content


@pytest.mark.parametrize(("script", "expected"), FAULTS, ids=[script for script, _ in FAULTS])
def test_a_socket_and_the_process_itself_give_the_same(emulator, script, expected):
    with EmulatorServer(emulator, faults=script) as server:
        served = outcome(httpx.HTTPTransport(), server.url)
    inside = outcome(LocalTransport(emulator, script), "http://localhost")
    assert served == inside
    assert (served if isinstance(served, type) else served[0]) == expected


@pytest.mark.parametrize("script", ["truncate=5", "short", "sttus"])
def test_the_header_is_heard_by_every_carrier(emulator, script):
    with EmulatorServer(emulator) as server:
        served = outcome(httpx.HTTPTransport(), server.url, {HEADER: script})
        assert served != outcome(httpx.HTTPTransport(), server.url)
    assert served == outcome(LocalTransport(emulator), "http://localhost", {HEADER: script})


async def asked(transport):
    async with httpx.AsyncClient(transport=transport, auth=("local", "local")) as client:
        return await client.post("http://localhost" + PATH, content=BODY)


@pytest.mark.parametrize(("script", "expected"), FAULTS[:5], ids=[script for script, _ in FAULTS[:5]])
def test_async_breaks_as_sync_does(emulator, script, expected):
    with pytest.raises(expected):
        asyncio.run(asked(LocalTransport(emulator, script)))


def test_a_part_of_a_truncated_reply_arrives(emulator, whole):
    transport = LocalTransport(emulator, "truncate=7")
    with (
        httpx.Client(transport=transport, auth=("local", "local")) as client,
        client.stream("POST", "http://localhost" + PATH, content=BODY) as response,
    ):
        stream = response.iter_raw()
        assert next(stream) == whole[:7]
        with pytest.raises(httpx.RemoteProtocolError, match=rf"received 7 bytes, expected {len(whole)}"):
            next(stream)


def test_latency_is_waited_for_and_no_longer_than_a_deadline(emulator, monkeypatch):
    async def scenario():
        async with asyncio.timeout(0.01):
            await asked(LocalTransport(emulator, "latency=600"))

    with pytest.raises(TimeoutError):
        asyncio.run(scenario())
    waited = []
    monkeypatch.setattr(time, "sleep", waited.append)
    with EmulatorServer(emulator, faults="latency=500") as server:
        assert outcome(httpx.HTTPTransport(), server.url)[0] == 200
    assert outcome(LocalTransport(emulator, "latency=400"), "http://localhost")[0] == 200
    assert {500.0, 400.0} <= set(waited)
