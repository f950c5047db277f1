"""Which address of a host a connection goes to."""

import asyncio
import contextlib
import socket

import pytest

from inworld_embeddings import AsyncEmbeddingClient
from inworld_embeddings._http import connect
from support.clients import KEY
from support.fault_server import FaultServer

uvloop = pytest.importorskip("uvloop")

LOOPS = pytest.mark.parametrize(
    "factory", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"]
)


@pytest.fixture
def black_hole():
    """A port of loopback that takes no connection: its queue is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(8):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()


async def first(addresses):
    return await connect._first_of([(socket.AF_INET, address) for address in addresses])


@LOOPS
def test_a_dead_first_address_costs_a_head_start(factory, black_hole):
    with socket.create_server(("127.0.0.1", 0)) as listener, asyncio.Runner(loop_factory=factory) as runner:
        sock = runner.run(first([black_hole, listener.getsockname()]))
        assert sock.getpeername() == listener.getsockname()
        sock.close()


@LOOPS
def test_a_refused_first_address_costs_nothing(factory, monkeypatch):
    monkeypatch.setattr(connect, "HEAD_START", 3600)
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with asyncio.Runner(loop_factory=factory) as runner:
            sock = runner.run(first([closed.getsockname(), listener.getsockname()]))
        assert sock.getpeername() == listener.getsockname()
        sock.close()


@LOOPS
def test_if_none_can_be_reached_the_first_ones_reason_is_told(factory):
    with socket.socket() as one, socket.socket() as other, asyncio.Runner(loop_factory=factory) as runner:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionRefusedError):
            runner.run(first([one.getsockname(), other.getsockname()]))


@LOOPS
def test_a_race_that_is_cancelled_as_it_is_won_closes_the_winner(factory, monkeypatch):
    made = []

    async def connected(family, address):
        made.append(socket.socket())
        racing.cancel()
        return made[-1]

    async def race():
        nonlocal racing
        racing = asyncio.create_task(first([("127.0.0.1", 1), ("127.0.0.1", 2)]))
        with pytest.raises(asyncio.CancelledError):
            await racing
        await asyncio.sleep(0)

    racing = None
    monkeypatch.setattr(connect, "_connected", connected)
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(race())
    assert [sock.fileno() for sock in made] == [-1]


def test_the_families_take_turns():
    async def getaddrinfo(host, port, **_):
        places = [("::1", port, 0, 0), ("::2", port, 0, 0), ("192.0.2.1", port)]
        return [(socket.AF_INET6 if ":" in place[0] else socket.AF_INET, 1, 6, "", place) for place in places]

    async def ask():
        asyncio.get_running_loop().getaddrinfo = getaddrinfo
        return await connect._addresses("name.example", 80)

    assert [place[0] for _, place in asyncio.run(ask())] == ["::1", "192.0.2.1", "::2"]


@pytest.mark.parametrize("name", ["localhost", "x.localhost", "api.X.LOCALHOST."])
def test_I07_a_name_that_means_this_machine_is_never_looked_up(name, monkeypatch):
    """A name server may say anything about x.localhost, and the key goes there in clear."""

    def looked_up(*_, **__):
        raise AssertionError("a name was looked up")

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)

    async def ask():
        return [address[0] for _, address in await connect._addresses(name, 80)]

    assert asyncio.run(ask()) == ["127.0.0.1", "::1"]


def test_I07_the_key_for_x_localhost_stays_on_this_machine():
    async def embed(url):
        async with AsyncEmbeddingClient(base_url=url, api_key=KEY) as client:
            return await client.embed("a")

    with FaultServer() as server:
        server.oracle.check_one("a", asyncio.run(embed(f"http://any.localhost:{server.port}")))
