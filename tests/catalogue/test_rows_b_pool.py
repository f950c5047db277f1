"""Section B: which protocol is spoken, how many connections there are, and how long they rest.

The client speaks HTTP/1.1 only and says so in the handshake, so what HTTP/2 can do to one (B18 to B20) cannot happen;
a server that speaks it all the same is one that does not speak HTTP.
"""

import asyncio
import contextlib
import os
import socket
from pathlib import Path

import pytest

from inworld_embeddings import APIConnectionError, AsyncEmbeddingClient
from inworld_embeddings._retry import Timeouts
from support.clients import BOTH, BOTH_OPEN, KEY, pool, sync_client, vectors_in
from support.fault import Stage, at
from support.fault_server import FaultServer
from support.faults import black_hole, raw
from support.script import later_on_each_connection

H2_GOAWAY = bytes.fromhex("000008070000000000" + "0000000000000000")
H2_RST_STREAM_REFUSED = bytes.fromhex("000004030000000001" + "00000007")
H2_SETTINGS_ONE_STREAM = bytes.fromhex("000006040000000000" + "000300000001")


@BOTH
def test_B18_B19_B20_only_http_1_1_is_offered(embed, trusted):
    hellos = []

    @at(Stage.CONNECT)
    def record_hello(ex):
        header = ex.conn.read_exactly(5)
        hellos.append(ex.conn.read_exactly(int.from_bytes(header[3:], "big")))
        ex.conn.rst()

    with FaultServer(record_hello, tls=trusted.good) as server, pytest.raises(APIConnectionError):
        embed(server.url, "text", max_retries=0)
    only_http_1_1 = bytes.fromhex("0010000b000908") + b"http/1.1"  # RFC 7301: extension 16, one name
    assert only_http_1_1 in hellos[0]
    assert b"\x02h2" not in hellos[0]


@BOTH
@pytest.mark.parametrize(
    "frames", [H2_GOAWAY, H2_RST_STREAM_REFUSED, H2_SETTINGS_ONE_STREAM], ids=["B18", "B19", "B20"]
)
def test_B18_B19_B20_http_2_frames_are_no_answer(embed, frames):
    with FaultServer(raw("h2", frames)) as server:
        with pytest.raises(APIConnectionError) as caught:
            embed(server.url, "text")
        assert (caught.value.attempts, caught.value.retryable) == (3, True)
        server.oracle.assert_requests(3)


@pytest.mark.parametrize("limit", [1, 8])
def test_B21_calls_by_the_hundred_wait_for_their_turn_not_for_a_pool(limit):
    texts = [f"text {number}" for number in range(200)]
    in_flight = []

    def latency(request):
        in_flight.append(request.in_flight)
        return 0.002

    async def run(url):
        async with AsyncEmbeddingClient(
            base_url=url, api_key=KEY, max_concurrency=limit, max_retries=0
        ) as client:
            return await asyncio.gather(*map(client.embed, texts))

    with FaultServer(latency=latency) as server:
        server.oracle.check(texts, asyncio.run(run(server.url)))
        assert max(in_flight) <= limit
        assert len(server.connections) <= limit


@BOTH
def test_B21_batches_by_the_hundred_too(embed):
    texts = [f"text {number}" for number in range(200)]
    with FaultServer(latency=0.002) as server:
        server.oracle.check(texts, embed(server.url, texts, batch_size=1, max_retries=0).vectors)
        server.oracle.assert_requests(200)
        assert len(server.connections) <= 64


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="the options have these names on Linux")
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_B22_the_kernel_watches_over_each_connection(scheme, trusted):
    with (
        FaultServer(tls=trusted.good if scheme == "https" else None) as server,
        sync_client(server.url) as embed,
    ):
        embed("text")
        with socket_to(server.port) as sock:
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            options = ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT")
            found = [sock.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) for name in options]
    assert found == [15, 5, 3, 30_000]


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


def test_B22_idle_connections_are_kept_for_15_seconds():
    assert Timeouts().keepalive == 15.0


def test_B22_a_connection_that_rested_too_long_is_replaced():
    async def run(url):
        async with pool(url, keepalive=0.1) as (transport, send):
            await send("a")
            await send("b")
            assert (len(transport.idle), len(transport.busy)) == (1, 0)
            await asyncio.sleep(0.12)
            server.oracle.check_one("c", vectors_in(await send("c"))[0])
            assert [record.connection for record in server.requests] == [0, 0, 1]
            assert (len(transport.idle), len(transport.busy)) == (1, 0)

    with FaultServer() as server:
        asyncio.run(run(server.url))


def test_B22_the_rest_of_a_burst_is_closed_while_others_work():
    """The connection used last is used first, so that those of a burst come of age and go."""

    async def run(url):
        async with pool(url, keepalive=0.15) as (transport, send):
            await asyncio.gather(*(send(f"text {number}") for number in range(4)))
            assert (len(transport.idle), len(server.connections)) == (4, 4)
            for _ in range(4):
                await asyncio.sleep(0.05)
                await send("text")
            assert (len(transport.idle), len(server.connections)) == (1, 4)
            await asyncio.sleep(0)
            server.oracle.wait_for(lambda: sum(record.closed for record in server.connections) == 3)

    with FaultServer(latency=0.03) as server:
        asyncio.run(run(server.url))


@BOTH_OPEN
def test_B22_a_connection_that_leads_nowhere_costs_one_attempt(opened, short_attempt):
    with FaultServer(later_on_each_connection(black_hole)) as server, opened(server.url) as embed:
        embed("a")
        server.oracle.check_one("b", embed("b"))
        assert [record.connection for record in server.requests] == [0, 0, 1]


def test_B22_several_that_lead_nowhere_cost_one_attempt_too(short_attempt):
    async def run(url):
        async with AsyncEmbeddingClient(base_url=url, api_key=KEY, max_retries=1) as client:
            await asyncio.gather(*(client.embed(f"text {number}") for number in range(4)))
            assert len(server.connections) == 4
            server.oracle.check_one("b", await client.embed("b"))

    with FaultServer(later_on_each_connection(black_hole), latency=0.1) as server:
        asyncio.run(run(server.url))
        server.oracle.assert_requests(6)
