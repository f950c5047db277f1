"""The connection pool: which connection a request gets, how many there are, how long they rest; into which memory is read."""

import asyncio
import functools
import os
import select

import httpx
import pytest

from inworld_embeddings import APITimeoutError, AsyncEmbeddingClient
from inworld_embeddings._http.adapters import BODY_CAP
from inworld_embeddings._retry import Timeouts
from support.clients import KEY, pool, vectors_in
from support.fault import OK, Fault
from support.fault_server import FaultServer
from support.faults import black_hole, extra_response_same_packet, extra_response_when_idle
from support.network import ConnectProxy, socket_to
from support.oracle import EMBED_PATH

FOUR = [f"text {number}" for number in range(4)]


def four_at_once(then=OK):
    """Answers none of the first four requests before there have been four, so that they come over as many connections."""
    barrier = asyncio.Barrier(4)

    async def play(ex):
        if ex.request.number < 4:
            await barrier.wait()
        await ex.play(then if ex.request.on_connection else OK)

    return FaultServer(Fault("four", play))


def in_a_loop(test):
    return functools.wraps(test)(lambda *given, **named: asyncio.run(test(*given, **named)))


def client_of(server, **settings):
    return AsyncEmbeddingClient(base_url=server.url, api_key=KEY, **settings)


def connections(server):
    return [record.connection for record in server.requests]


@in_a_loop
async def test_a_connection_is_used_for_its_own_origin_only():
    """An auth flow may ask another server for a token; neither gets what is meant for the other."""
    with FaultServer() as here, FaultServer() as there:
        async with pool(here.url) as (transport, send):
            for text in ("a", "b"):
                await send(text)
                token = {"inputs": [{"text": "token"}]}
                await transport.send(httpx.Request("POST", there.url + EMBED_PATH, json=token), BODY_CAP)
        assert [record.texts for record in here.requests] == [("a",), ("b",)]
        assert [record.texts for record in there.requests] == [("token",)] * 2


@in_a_loop
async def test_B01_the_free_repetition_takes_a_new_connection_when_all_idle_ones_have_ended():
    """As after a restart of the server, with more idle connections than retries."""
    with four_at_once("drop;reset") as server:
        async with client_of(server, max_retries=0) as client:
            await asyncio.gather(*map(client.embed, FOUR))
            assert len(server.connections) == 4
            server.oracle.check_one("a", await client.embed("a"))
        server.oracle.assert_requests(6)


@in_a_loop
async def test_B10_a_stray_response_that_the_loop_has_not_read_yet_is_never_the_next_calls():
    """The loop stands still while the response comes, and the next request is its very next work."""
    with FaultServer([extra_response_when_idle, OK]) as server:
        async with pool(server.url) as (_, send):
            await send("a")
            with socket_to(server.port) as sock:
                select.select([sock], [], [], 30)
            server.oracle.check_one("b", vectors_in(await send("b"))[0])
        assert connections(server) == [0, 1]


@pytest.mark.parametrize("limit", [1, 8])
@in_a_loop
async def test_B21_calls_by_the_hundred_wait_for_their_turn_not_for_a_pool(limit):
    texts = [f"text {number}" for number in range(100)]
    with FaultServer(latency=0.001) as server:
        async with client_of(server, max_concurrency=limit, max_retries=0) as client:
            server.oracle.check(texts, await asyncio.gather(*map(client.embed, texts)))
        assert max(record.in_flight for record in server.requests) <= limit
        assert len(server.connections) <= limit


@pytest.mark.skipif("TRANSPORT" in os.environ, reason="another transport has a clock of its own")
@in_a_loop
async def test_B22_a_connection_that_rested_for_15_seconds_is_replaced(monkeypatch):
    loop = asyncio.get_running_loop()
    with FaultServer() as server:
        async with pool(server.url) as (transport, send):
            for text, rested in [("a", 14), ("b", 15), ("c", 0)]:
                await send(text)
                assert (len(transport.idle), len(transport.busy)) == (1, 0)
                monkeypatch.setattr(loop, "time", lambda now=loop.time, rested=rested: now() + rested)
        assert connections(server) == [0, 0, 1]
    assert Timeouts().keepalive == 15.0


@in_a_loop
async def test_B22_several_that_lead_nowhere_cost_one_attempt_too(short_attempt):
    with four_at_once(black_hole) as server:
        async with client_of(server, max_retries=10) as client:
            await asyncio.gather(*map(client.embed, FOUR))
            assert len(server.connections) >= 4
            server.oracle.check_one("b", await client.embed("b"))
            assert sum(record.on_connection > 0 for record in server.requests) == 1


DIM = 20_000
"""Of a vector that is too long for one read."""


@in_a_loop
async def test_a_buffer_that_is_used_again_holds_the_new_body_and_no_more():
    """Long responses are received into memory that is used again: each still belongs to its own texts."""
    with FaultServer(dim=DIM) as server:
        async with pool(server.url) as (transport, send):
            first = buffer = (await send("a", "b")).body
            assert isinstance(buffer, bytearray)
            for texts in (["c"], ["d", "e", "f"], ["g", "h"]):
                transport.reuse(buffer)
                response = await send(*texts)
                buffer = response.body
                assert buffer is first
                server.oracle.check(texts, vectors_in(response))


def test_F11_faults_large_responses_tls_and_a_tunnel_under_uvloop(trusted):
    """Its loop and transports are not asyncio's own classes."""

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
        runner.run(run(encrypted))
        runner.run(run(encrypted, proxy=proxy.url))
        with pytest.raises(APITimeoutError):
            runner.run(run(silent, timeout=0.3))
