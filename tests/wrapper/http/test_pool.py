"""The connection pool: which connection a request gets, how many there are, how long they rest; into which memory is read."""

import asyncio
import os
import select
from functools import partial

import httpx
import pytest

from inworld_embeddings import APITimeoutError, AsyncEmbeddingClient, EmbeddingClient
from inworld_embeddings._http.adapters import BODY_CAP
from inworld_embeddings._http.connect import tls_context
from inworld_embeddings._http.pool import KEPT_BUFFERS, ConnectionPool
from inworld_embeddings._retry import Timeouts
from support.clients import KEY, pool, vectors_in
from support.fault import OK, ByConnection, Fault
from support.fault_server import FaultServer
from support.faults import black_hole, extra_response_same_packet, extra_response_when_idle
from support.network import ConnectProxy, socket_to
from support.oracle import EMBED_PATH
from support.vectors import text_id

OURS = pytest.mark.skipif("TRANSPORT" in os.environ, reason="another transport has a clock of its own")
FOUR = [f"text {number}" for number in range(4)]


def four_at_once(then=OK):
    """Answers none of the first four requests before there have been four, so that they come over as many connections."""
    barrier = asyncio.Barrier(4)

    async def play(ex):
        if ex.request.number < 4:
            await barrier.wait()
        await ex.play(then if ex.request.on_connection else OK)

    return FaultServer(Fault("four", play))


def turn_on(seconds):
    """Moves the running loop's clock on."""
    loop = asyncio.get_running_loop()
    now = loop.time
    loop.time = lambda: now() + seconds


def run_over_pool(server, work):
    async def run():
        async with pool(server.url) as (transport, send):
            await work(transport, send)

    with server:
        asyncio.run(run())


def run_with_client(server, work, **settings):
    async def run():
        async with AsyncEmbeddingClient(base_url=server.url, api_key=KEY, **settings) as client:
            await work(client)

    with server:
        asyncio.run(run())


def connections(server):
    """Which connection each request came over."""
    return [record.connection for record in server.requests]


def test_a_connection_is_used_for_its_own_origin_only():
    """An auth flow may ask another server for a token; neither gets what is meant for the other."""

    class Login(httpx.Auth):
        def auth_flow(self, request):
            yield httpx.Request("POST", there.url + EMBED_PATH, json={"inputs": [{"text": "a token"}]})
            request.headers["authorization"] = f"Basic {KEY}"
            yield request

    with FaultServer() as here, FaultServer() as there:
        with EmbeddingClient(base_url=here.url, auth=Login()) as client:
            for text in ("a", "b"):
                here.oracle.check_one(text, client.embed(text))
        assert [record.text_ids for record in here.requests] == [(text_id("a"),), (text_id("b"),)]
        assert [record.text_ids for record in there.requests] == [(text_id("a token"),)] * 2


def test_a_body_that_ends_with_its_connection_is_not_whole_when_the_pool_was_closed():
    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n{")
        await over.wait()
        writer.close()

    async def run():
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            transport = ConnectionPool(
                proxy=None, tls=partial(tls_context, trust_env=False), connect=5.0, keepalive=15.0
            )
            sending = asyncio.create_task(transport.send(httpx.Request("GET", url), BODY_CAP))
            while not any(connection._parser.status for connection in transport.busy):  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0.001)
            await transport.aclose()
            with pytest.raises(httpx.ReadError, match="closed"):
                await sending
            assert (len(transport.idle), len(transport.busy)) == (0, 0)
            over.set()

    over = asyncio.Event()
    asyncio.run(run())


def test_freshen_has_the_next_request_use_a_new_connection():
    async def work(transport, send):
        await send("a")
        transport.freshen()
        assert not transport.idle
        server.oracle.check_one("b", vectors_in(await send("b"))[0])

    server = FaultServer()
    run_over_pool(server, work)
    assert connections(server) == [0, 1]


def test_B01_the_free_repetition_takes_a_new_connection_when_all_idle_ones_have_ended():
    """As after a restart of the server, with more idle connections than retries."""

    async def work(client):
        await asyncio.gather(*map(client.embed, FOUR))
        assert len(server.connections) == 4
        server.oracle.check_one("a", await client.embed("a"))

    server = four_at_once("drop;reset")
    run_with_client(server, work, max_retries=0)
    server.oracle.assert_requests(6)


def test_B10_a_stray_response_that_the_loop_has_not_read_yet_is_never_the_next_calls():
    """The loop stands still while the response comes, and the next request is its very next work."""

    async def work(_, send):
        await send("a")
        with socket_to(server.port) as sock:
            select.select([sock], [], [], 30)
        server.oracle.check_one("b", vectors_in(await send("b"))[0])

    server = FaultServer(ByConnection({0: [extra_response_when_idle]}))
    run_over_pool(server, work)
    assert connections(server) == [0, 1]


@pytest.mark.parametrize("limit", [1, 8])
def test_B21_calls_by_the_hundred_wait_for_their_turn_not_for_a_pool(limit):
    texts = [f"text {number}" for number in range(100)]
    in_flight = []

    def latency(request):
        in_flight.append(request.in_flight)
        return 0.001

    async def work(client):
        server.oracle.check(texts, await asyncio.gather(*map(client.embed, texts)))

    server = FaultServer(latency=latency)
    run_with_client(server, work, max_concurrency=limit, max_retries=0)
    assert max(in_flight) <= limit
    assert len(server.connections) <= limit


@OURS
def test_B22_a_connection_that_rested_for_15_seconds_is_replaced():
    async def work(transport, send):
        await send("a")
        turn_on(14)
        await send("b")
        assert (len(transport.idle), len(transport.busy)) == (1, 0)
        turn_on(15)
        await send("c")
        assert (len(transport.idle), len(transport.busy)) == (1, 0)

    server = FaultServer()
    run_over_pool(server, work)
    assert connections(server) == [0, 0, 1]
    assert Timeouts().keepalive == 15.0


@OURS
def test_B22_the_rest_of_a_burst_is_closed_while_others_work():
    """The connection used last is used first, so that those of a burst come of age and go."""

    async def work(transport, send):
        await asyncio.gather(*map(send, FOUR))
        assert (len(transport.idle), len(server.connections)) == (4, 4)
        for _ in range(4):
            turn_on(5)
            await send("text")
        assert (len(transport.idle), len(server.connections)) == (1, 4)
        await asyncio.sleep(0)
        server.oracle.wait_for(lambda: sum(record.closed for record in server.connections) == 3)

    server = four_at_once()
    run_over_pool(server, work)


def test_B22_several_that_lead_nowhere_cost_one_attempt_too(short_attempt):
    async def work(client):
        await asyncio.gather(*map(client.embed, FOUR))
        assert len(server.connections) >= 4
        server.oracle.check_one("b", await client.embed("b"))
        assert sum(record.on_connection > 0 for record in server.requests) == 1

    server = four_at_once(black_hole)
    run_with_client(server, work, max_retries=10)


# Long responses are received into memory that is used again: each still belongs to its own texts.

DIM = 20_000
"""Of a vector that is too long for one read."""


def test_a_buffer_that_is_used_again_holds_the_new_body_and_no_more():
    async def work(transport, send):
        first = buffer = (await send("a", "b")).body
        assert isinstance(buffer, bytearray)
        for texts in (["c"], ["d", "e", "f"], ["g", "h"]):
            transport.reuse(buffer)
            response = await send(*texts)
            buffer = response.body
            assert buffer is first
            server.oracle.check(texts, vectors_in(response))

    server = FaultServer(dim=DIM)
    run_over_pool(server, work)


def test_no_buffer_is_given_out_twice_and_few_are_kept():
    async def work(transport, send):
        async def bodies():
            responses = await asyncio.gather(*(send(f"text {number}") for number in range(2 * KEPT_BUFFERS)))
            return {id(response.body): response.body for response in responses}

        first = await bodies()
        assert len(first) == 2 * KEPT_BUFFERS
        for body in (*first.values(), b"what cannot be written to"):
            transport.reuse(body)
        again = await bodies()
        assert len(again) == 2 * KEPT_BUFFERS
        assert len(again.keys() & first.keys()) == KEPT_BUFFERS

    run_over_pool(FaultServer(dim=DIM), work)


# uvloop, whose loop and transports are not asyncio's own classes


def test_faults_large_responses_tls_and_a_tunnel_under_uvloop(trusted):
    async def run(server, **settings):
        async with AsyncEmbeddingClient(**{"base_url": server.url, "api_key": KEY} | settings) as client:
            server.oracle.check(FOUR * 3, (await client.embed(FOUR * 3, batch_size=1)).vectors)

    new_loop = pytest.importorskip("uvloop").new_event_loop
    faults = ["truncate;reset", OK, extra_response_same_packet, "drop", OK]
    with (
        FaultServer(faults, dim=DIM) as plain,
        FaultServer(tls=trusted.good) as encrypted,
        FaultServer(black_hole) as silent,
        ConnectProxy() as proxy,
        asyncio.Runner(loop_factory=new_loop) as runner,
    ):
        runner.run(run(plain))
        runner.run(run(encrypted, base_url=f"https://localhost:{encrypted.port}"))
        runner.run(run(encrypted, proxy=proxy.url))
        with pytest.raises(APITimeoutError):
            runner.run(run(silent, timeout=0.1))
