"""SOCKS, by the recipe of docs/use/connections.md: an httpx client of the user's, through a SOCKS5 proxy on this machine."""

import asyncio
import ipaddress

import httpx
import numpy as np

from inworld_embeddings import AsyncEmbeddingClient
from inworld_embeddings.testing import emulator, fake_vectors


class Proxy:
    """A SOCKS5 proxy (RFC 1928) of CONNECT to IPv4 addresses, and what it was asked for."""

    def __init__(self):
        self.asked, self.connections = [], set()

    async def serve(self, reader, writer):
        self.connections.add(asyncio.current_task())
        _, methods = await reader.readexactly(2)
        await reader.readexactly(methods)
        writer.write(b"\x05\x00")
        assert await reader.readexactly(4) == b"\x05\x01\x00\x01"
        address = str(ipaddress.ip_address(await reader.readexactly(4)))
        port = int.from_bytes(await reader.readexactly(2), "big")
        self.asked.append(f"{address}:{port}")
        writer.write(b"\x05\x00\x00\x01" + bytes(6))
        inner_reader, inner_writer = await asyncio.open_connection(address, port)
        await asyncio.gather(passed_on(reader, inner_writer), passed_on(inner_reader, writer))


async def passed_on(reader, writer):
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()
    await writer.wait_closed()


async def through(proxy, served):
    to = {"base_url": served.url, "key": "local", "secret": "local"}
    async with await asyncio.start_server(proxy.serve, "127.0.0.1", 0) as server:
        address = f"socks5://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with (
            httpx.AsyncClient(proxy=address) as inner,
            AsyncEmbeddingClient(http_client=inner, **to) as client,
        ):
            result = await client.embed(["a", "b"])
        await asyncio.gather(*proxy.connections)
    return result


def test_requests_go_through_a_socks_proxy():
    proxy = Proxy()
    with emulator(dimension=8) as served:
        result = asyncio.run(through(proxy, served))
    assert proxy.asked == [served.address]
    np.testing.assert_array_equal(result.vectors, np.float32(fake_vectors(["a", "b"], 8)))
