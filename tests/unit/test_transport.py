"""The connection pool and the adapter of httpx's transports, where no row of the fault catalogue asks."""

import asyncio

import httpx
import pytest

from inworld_embeddings import ConfigurationError, EmbeddingClient
from inworld_embeddings._http.adapters import BODY_CAP
from inworld_embeddings._http.pool import ConnectionPool
from support.clients import KEY, pool, vectors_in
from support.fault_server import FaultServer
from support.faults import black_hole
from support.reader import EMBED_PATH
from support.vectors import text_id


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
        begun.set()
        await over.wait()
        writer.close()

    async def run():
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            transport = ConnectionPool(proxy=None, trust_env=False, connect=5.0, keepalive=15.0)
            sending = asyncio.create_task(transport.send(httpx.Request("GET", url), BODY_CAP))
            await begun.wait()
            await asyncio.sleep(0.01)
            assert (len(transport.idle), len(transport.busy)) == (0, 1)
            await transport.aclose()
            with pytest.raises(httpx.ReadError, match="closed"):
                await sending
            assert (len(transport.idle), len(transport.busy)) == (0, 0)
            over.set()

    begun, over = asyncio.Event(), asyncio.Event()
    asyncio.run(run())


def test_a_request_that_is_cancelled_leaves_no_connection_behind():
    async def run():
        async with pool(server.url) as (transport, send):
            sending = asyncio.create_task(send("a"))
            await asyncio.to_thread(server.oracle.wait_for_requests, 1)
            assert (len(transport.idle), len(transport.busy)) == (0, 1)
            sending.cancel()
            await asyncio.wait([sending])
            assert (len(transport.idle), len(transport.busy)) == (0, 0)

    with FaultServer(black_hole) as server:
        asyncio.run(run())
        server.oracle.wait_until_closed()


def test_freshen_has_the_next_request_use_a_new_connection():
    async def run():
        async with pool(server.url) as (transport, send):
            await send("a")
            transport.freshen()
            assert not transport.idle
            server.oracle.check_one("b", vectors_in(await send("b"))[0])

    with FaultServer() as server:
        asyncio.run(run())
        assert [record.connection for record in server.requests] == [0, 1]


def test_a_transport_that_is_not_asynchronous_is_refused():
    with (
        EmbeddingClient(api_key=KEY, transport=httpx.HTTPTransport()) as client,
        pytest.raises(ConfigurationError, match="AsyncBaseTransport, not HTTPTransport"),
    ):
        client.embed("a")
