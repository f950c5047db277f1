"""Broken answers on a real socket, byte for byte, and the same through the in-process transport."""

import asyncio
import io
import socket
import time

import httpx
import pytest

from inworld_embeddings_emulator import EmulatorServer, LocalTransport
from inworld_embeddings_emulator.faults import HEADER, FaultLayer

PATH = "/ml/v1alpha/embedding:embed"
BODY = b'{"inputs":[{"text":"private"}]}'
ANSWER = b'{"embeddings":[{"values":[7,0.0000055,-0.5]}]}'
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
def answer(emulator, request_of):
    return emulator.handle(request_of(BODY)).body


@pytest.mark.parametrize("reset", [False, True])
def test_drop_before_the_answer(emulator, reset):
    with EmulatorServer(emulator, faults="drop;reset" if reset else "drop") as server:
        assert received(server) == (b"", reset)


def test_drop_in_the_head(emulator):
    with EmulatorServer(emulator, faults="drop=head") as server:
        data, reset = received(server)
    assert data.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"\r\n\r\n" not in data
    assert reset is False


@pytest.mark.parametrize("cut", [0, 1, 20])
def test_truncated(emulator, answer, cut):
    with EmulatorServer(emulator, faults=f"truncate={cut}") as server:
        data, reset = received(server)
    head, _, body = data.partition(b"\r\n\r\n")
    assert f"content-length: {len(answer)}".encode() in head
    assert (body, reset) == (answer[:cut], False)


def test_nothing_more_is_answered_on_a_broken_connection(emulator):
    faults = "truncate=5 x1, ok"
    with EmulatorServer(emulator, faults=faults) as server:
        data, _ = received(server, requests=2)
        assert data.count(b"HTTP/1.1") == 1
        assert server.faults.requests == 1


def test_the_server_goes_on_after_broken_connections(emulator):
    with EmulatorServer(emulator, faults="drop;reset x1, drop=head x1, truncate=5;reset x1, ok") as server:
        for _ in range(3):
            received(server)
        assert httpx.post(server.url + PATH, content=BODY, auth=("local", "local")).status_code == 200


def test_the_log_tells_what_arrived(emulator, answer):
    log = io.StringIO()
    with EmulatorServer(emulator, faults="drop x1, truncate=5", log=log) as server:
        received(server)
        received(server)
    dropped, cut = log.getvalue().splitlines()
    assert dropped.startswith(f"POST {PATH} dropped ")
    assert cut.startswith(f"POST {PATH} 200 {len(answer)} bytes 1 vectors ")
    assert cut.endswith(" ms, cut after 5 bytes")
    assert "private" not in log.getvalue()


FAULTS = [
    ("drop", httpx.RemoteProtocolError),
    ("drop;reset", httpx.ReadError),
    ("drop=head", httpx.RemoteProtocolError),
    ("truncate=5", httpx.RemoteProtocolError),
    ("truncate=0", httpx.RemoteProtocolError),
    ("truncate=5;reset", httpx.ReadError),
    ("status=503;retry-after=1", 503),
    ("rate-limit;retry-info=1", 429),
    ("html", 502),
    ("short", 200),
    ("long", 200),
    ("ragged", 200),
    ("null", 200),
    ("nan", 200),
    ("zero", 200),
    ("dimension=9", 200),
    ("max-message=5", 429),
    ("poison=priv", 400),
    ("poison=priv;silent", 400),
    ("latency=1ms + status=500", 500),
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
        inside = outcome(LocalTransport(FaultLayer(emulator, script)), server.url)
    assert served == inside
    assert (served if isinstance(served, type) else served[0]) == expected


@pytest.mark.parametrize("script", ["status=503", "truncate=5", "short", "sttus", "poison=x"])
def test_the_header_is_heard_by_every_carrier(emulator, script):
    with EmulatorServer(emulator) as server:
        served = outcome(httpx.HTTPTransport(), server.url, {HEADER: script})
        inside = outcome(LocalTransport(emulator), server.url, {HEADER: script})
        assert served == inside
        assert served != outcome(httpx.HTTPTransport(), server.url)


def test_a_mix_is_the_same_sequence_in_both(emulator):
    script = "20% drop + 30% status=503 + 20% truncate=5 + 20% short"

    def outcomes(transport, url):
        return [outcome(transport, url) for _ in range(40)]

    with EmulatorServer(emulator, faults=script) as server:
        served = [outcome(httpx.HTTPTransport(), server.url) for _ in range(40)]
    assert served == outcomes(LocalTransport(FaultLayer(emulator, script)), "http://localhost")
    assert len({str(one) for one in served}) >= 4


async def asked(transport):
    async with httpx.AsyncClient(transport=transport, auth=("local", "local")) as client:
        return await client.post("http://localhost" + PATH, content=BODY)


@pytest.mark.parametrize(("script", "expected"), FAULTS[:6], ids=[script for script, _ in FAULTS[:6]])
def test_async_breaks_as_sync_does(emulator, script, expected):
    with pytest.raises(expected):
        asyncio.run(asked(LocalTransport(FaultLayer(emulator, script))))


def test_a_part_of_a_truncated_answer_arrives(emulator, answer):
    with (
        httpx.Client(
            transport=LocalTransport(FaultLayer(emulator, "truncate=7")), auth=("local", "local")
        ) as client,
        client.stream("POST", "http://localhost" + PATH, content=BODY) as response,
    ):
        stream = response.iter_raw()
        assert next(stream) == answer[:7]
        with pytest.raises(httpx.RemoteProtocolError, match=rf"received 7 bytes, expected {len(answer)}"):
            next(stream)


def test_a_late_answer_does_not_outlive_a_deadline(emulator):
    async def scenario():
        async with asyncio.timeout(0.01):
            await asked(LocalTransport(FaultLayer(emulator, "latency=600")))

    with pytest.raises(TimeoutError):
        asyncio.run(scenario())


@pytest.mark.parametrize("served", [True, False])
def test_latency_is_waited_for(emulator, monkeypatch, served):
    waited = []
    monkeypatch.setattr(time, "sleep", waited.append)
    with EmulatorServer(emulator, faults="latency=500") as server:
        transport = httpx.HTTPTransport() if served else LocalTransport(FaultLayer(emulator, "latency=500"))
        assert outcome(transport, server.url)[0] == 200
    assert 500.0 in waited
