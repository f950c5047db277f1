"""Long responses are received into memory that is used again: each still belongs to its own texts."""

import asyncio

from inworld_embeddings import AsyncEmbeddingClient
from inworld_embeddings._http.pool import KEPT_BUFFERS
from support.clients import KEY, pool, vectors_in
from support.fault_server import FaultServer

DIM = 20_000
"""Of a vector that is too long for one read."""


def test_responses_of_changing_length_at_the_same_time():
    counts = [20, 3, 12, 30, 1, 21, 4]

    async def several(client, name):
        for count in counts:
            texts = [f"{name} {count} {number}" for number in range(count)]
            server.oracle.check(texts, (await client.embed(texts)).vectors)

    async def all_of_them():
        async with AsyncEmbeddingClient(base_url=server.url, api_key=KEY) as client:
            await asyncio.gather(*(several(client, name) for name in "abc"))

    with FaultServer(dim=4000) as server:
        asyncio.run(all_of_them())


def with_a_pool(work):
    """Runs the work with a transport and what sends over it, against a server of long vectors."""

    async def run():
        async with pool(server.url) as (transport, send):
            await work(server, transport, send)

    with FaultServer(dim=DIM) as server:
        asyncio.run(run())


def test_a_buffer_that_is_used_again_holds_the_new_body_and_no_more():
    async def work(server, transport, send):
        first = buffer = (await send("a", "b")).body
        assert isinstance(buffer, bytearray)
        for texts in (["c"], ["d", "e", "f"], ["g", "h"]):
            transport.reuse(buffer)
            response = await send(*texts)
            buffer = response.body
            assert buffer is first
            server.oracle.check(texts, vectors_in(response))

    with_a_pool(work)


def test_no_buffer_is_given_out_twice_and_few_are_kept():
    async def work(_server, transport, send):
        async def bodies():
            responses = await asyncio.gather(*(send(f"text {number}") for number in range(2 * KEPT_BUFFERS)))
            return {id(response.body): response.body for response in responses}

        first = await bodies()
        assert len(first) == 2 * KEPT_BUFFERS
        for body in first.values():
            transport.reuse(body)
        again = await bodies()
        assert len(again) == 2 * KEPT_BUFFERS
        assert len(again.keys() & first.keys()) == KEPT_BUFFERS

    with_a_pool(work)


def test_what_cannot_be_written_to_is_not_taken_back():
    async def work(server, transport, send):
        transport.reuse(b"bytes")
        server.oracle.check(["a"], vectors_in(await send("a")))

    with_a_pool(work)
