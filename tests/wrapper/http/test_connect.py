"""Which address of a host a connection goes to."""

import asyncio
import contextlib
import socket
import ssl

import pytest

from inworld_embeddings import APIConnectionError, AsyncEmbeddingClient
from inworld_embeddings._http import connect
from support.clients import KEY, sync_embed
from support.fault_server import FaultServer
from support.proxy import ConnectProxy

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


EXEMPT = {
    "api.example": ["api.example", "API.example.", ".example", "*.example", "example", "x, api.example", "x api.example", "*", "api.example:443"],
    "192.0.2.7": ["192.0.2.7", "192.0.2.0/24", "192.0.2.7:443", "10.0.0.0/8,192.0.2.7"],
    "2001:db8::7": ["2001:db8::7", "[2001:db8::7]", "[2001:DB8::7]:443", "2001:db8::/32"],
}  # fmt: skip
NOT_EXEMPT = {
    "api.example": ["", "api.example:8443", "pi.example", "x.api.example", "*.org", ".", "192.0.2.0/24"],
    "192.0.2.7": ["192.0.2.8", "192.0.3.0/24", "2.7", "[192.0.2.7]:80", "192.0.2.0/99"],
    "2001:db8::7": ["2001:db8::8", "[2001:db8::7]:80", "::/200"],
}


@pytest.mark.parametrize("exempt", [True, False])
def test_A13_NO_PROXY_is_read_as_curl_reads_it(exempt, monkeypatch):
    for host, entries in (EXEMPT if exempt else NOT_EXEMPT).items():
        for entry in entries:
            monkeypatch.setenv("NO_PROXY", entry)
            assert connect._is_exempt(host, 443) is exempt, (host, entry)


def page(proxy, connection, record):
    connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>Please log in</html>")


def not_http(proxy, connection, record):
    connection.send(b"<html>Please log in</html>")


def nothing(proxy, connection, record):
    """It closes without a word."""


@pytest.mark.parametrize("behaviour", [page, not_http, nothing])
def test_A15_a_proxy_that_is_none_is_named(behaviour):
    with ConnectProxy(behaviour) as proxy, pytest.raises(APIConnectionError) as caught:
        sync_embed("https://service.example", "text", proxy=proxy.url, max_retries=0)
    assert f"through the proxy 127.0.0.1:{proxy.port}" in str(caught.value)


def test_A15_a_proxy_that_cannot_be_reached_is_named():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{closed.getsockname()[1]}"
        with pytest.raises(APIConnectionError, match=f"through the proxy {place}"):
            sync_embed(
                "https://service.example", "text", proxy=f"http://me:planted-secret@{place}", max_retries=0
            )


@pytest.mark.parametrize("trust_env", [True, False])
def test_I07_the_session_keys_are_written_nowhere(trust_env, tmp_path, monkeypatch):
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    context = connect.tls_context.__wrapped__(trust_env=trust_env)
    assert context.keylog_filename is None
    assert not (tmp_path / "keys").exists()
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
