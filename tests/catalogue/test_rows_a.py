"""Section A without TLS, proxies and redirects: names, connecting, and where the key may go."""

import asyncio
import os
import socket
import threading

import pytest

from inworld_embeddings import (
    APIConnectionError,
    APITimeoutError,
    AsyncEmbeddingClient,
    ConfigurationError,
    EmbeddingClient,
)
from inworld_embeddings._retry import Timeouts
from support.audit import Authorization
from support.clients import (
    AUTHORIZATION,
    BOTH,
    BOTH_OPEN,
    KEY,
    sync_embed,
    unpooled_client,
    within,
    words,
)
from support.fault_server import FaultServer
from support.ports import closed_port, syn_black_hole

BOTH_CLASSES = pytest.mark.parametrize(
    "client", [EmbeddingClient, AsyncEmbeddingClient], ids=["sync", "async"]
)


class Resolver:
    """Stands in for the system's: plays one outcome per look-up, the last one for ever."""

    def __init__(self, monkeypatch, *outcomes):
        if os.environ.get("TRANSPORT") == "pyreqwest":
            pytest.skip("it looks names up outside of Python, where no test can stand in")
        self.asked, self.busy, self._outcomes = [], threading.Event(), list(outcomes)
        self._systems = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self)

    def __call__(self, host, port, *args, **options):
        if host == "127.0.0.1":  # some libraries look addresses up too
            return self._systems(host, port, *args, **options)
        self.asked.append(host.decode() if isinstance(host, bytes) else host)
        self.busy.set()
        outcome = self._outcomes[min(len(self.asked), len(self._outcomes)) - 1]
        if isinstance(outcome, threading.Event):
            outcome.wait(5)
        elif outcome:
            raise outcome
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", port))]


UNKNOWN = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
FLAPPING = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")


@BOTH
def test_A01_an_unknown_name_is_looked_up_three_times(embed, monkeypatch):
    resolver = Resolver(monkeypatch, UNKNOWN)
    with pytest.raises(APIConnectionError, match=words("Name or service not known")) as caught:
        embed("https://nowhere.example", "text")
    assert (caught.value.attempts, caught.value.retryable) == (3, True)
    assert resolver.asked == ["nowhere.example"] * 3


@BOTH
def test_A02_a_flapping_resolver_costs_a_retry(embed, monkeypatch):
    Resolver(monkeypatch, FLAPPING, None)
    with FaultServer() as server:
        server.oracle.check_one("text", embed(f"http://localhost:{server.port}", "text"))
        server.oracle.assert_requests(1)


@BOTH_OPEN
def test_A02_a_stalled_resolver_ends_at_the_deadline(opened, monkeypatch):
    stall = threading.Event()
    Resolver(monkeypatch, stall)
    with opened("https://slow.example", timeout=0.3) as embed:
        try:
            with within(0.3), pytest.raises(APITimeoutError):
                embed("text")
        finally:
            stall.set()  # asyncio's own end waits for its threads


@BOTH
def test_A02_a_stalled_resolver_is_tried_again_within_the_deadline(embed, monkeypatch, short_connect):
    stall = threading.Event()
    Resolver(monkeypatch, stall, None)
    timer = threading.Timer(0.5, stall.set)
    timer.start()
    with FaultServer() as server:
        server.oracle.check_one("text", embed(f"http://localhost:{server.port}", "text"))
    timer.cancel()
    stall.set()


def test_A02_the_loop_goes_on_while_a_name_is_looked_up(monkeypatch):
    stall = threading.Event()
    Resolver(monkeypatch, stall)

    async def run():
        async with AsyncEmbeddingClient(base_url="https://slow.example", api_key=KEY) as client:
            call = asyncio.create_task(client.embed("text"))
            async with AsyncEmbeddingClient(base_url=server.url, api_key=KEY) as other:
                server.oracle.check_one("text", await other.embed("text"))
            assert not call.done()
            call.cancel()
            await asyncio.wait([call])
            stall.set()

    with FaultServer() as server:
        asyncio.run(run())


def test_A02_other_sync_clients_go_on_while_a_name_is_looked_up(monkeypatch):
    stall = threading.Event()
    resolver = Resolver(monkeypatch, stall)

    def stalled():
        with pytest.raises(APITimeoutError):
            sync_embed("https://slow.example", "text", timeout=0.5)

    with FaultServer() as server:
        thread = threading.Thread(target=stalled)
        thread.start()
        assert resolver.busy.wait(5)
        server.oracle.check_one("text", sync_embed(server.url, "text"))
        assert thread.is_alive()
        thread.join()
        stall.set()


@BOTH
def test_A03_a_refused_connection_is_tried_three_times(embed):
    with (
        closed_port() as port,
        pytest.raises(APIConnectionError, match=words("[Rr]efused|Connect call failed")) as caught,
    ):
        embed(f"http://127.0.0.1:{port}", "text")
    assert (caught.value.attempts, caught.value.retryable) == (3, True)


@BOTH
def test_A04_a_connect_without_an_answer_has_its_own_timeout(embed, short_connect):
    with (
        syn_black_hole() as port,
        within(3 * 0.2),
        pytest.raises(APITimeoutError, match=words("0.2")) as caught,
    ):
        embed(f"http://127.0.0.1:{port}", "text")
    assert caught.value.attempts == 3


def test_A04_connecting_takes_at_most_5_seconds():
    assert Timeouts().connect == 5.0


@BOTH_CLASSES
def test_A10_plain_http_is_for_loopback(client):
    for url in ("http://api.inworld.ai", "http://10.0.0.1:8080", "HTTP://gateway.example"):
        with pytest.raises(ConfigurationError, match="allow_insecure"):
            client(base_url=url, api_key=KEY)
        client(base_url=url, api_key=KEY, allow_insecure=True)
    for url in ("http://127.0.0.1:8080", "http://localhost", "http://[::1]:1"):
        client(base_url=url, api_key=KEY)


@BOTH_CLASSES
@pytest.mark.parametrize(
    "url",
    [
        *(
            "https://name:planted-secret@api.inworld.ai",
            "https://api.inworld.ai?x",
            "https://api.inworld.ai#x",
        ),
        *(
            "https://",
            "https:///v1",
            "file:///etc/passwd",
            "unix:/run/x.sock",
            "//api.inworld.ai",
            "api.inworld.ai",
        ),
        *("https://api.inworld.ai\r\nX: y", "https://api.inworld.ai\n", "https:\\\\api.inworld.ai"),
        *(
            "https://api.inworld.ai:0",
            "https://api.inworld.ai:99999",
            "https://api.inworld.ai:x",
            "https://[::1",
        ),
    ],
)
def test_A11_a_malformed_base_url_is_refused_at_construction(client, url):
    with pytest.raises(ConfigurationError, match="^base_url"):
        client(base_url=url, api_key=KEY)


@BOTH_CLASSES
@pytest.mark.parametrize(
    "url", ["https://evil.example", "https://api.inworld.ai.evil.example", "https://inworld.ai"]
)
def test_A12_the_environment_may_not_send_the_key_to_other_hosts(client, url, monkeypatch):
    monkeypatch.setenv("INWORLD_API_KEY", KEY)
    monkeypatch.setenv("INWORLD_API_BASE", url)
    with pytest.raises(ConfigurationError, match="INWORLD_API_BASE names a host"):
        client()
    client(base_url=url)  # the program may
    monkeypatch.setenv("INWORLD_API_BASE", "http://127.0.0.1:1")
    client()


@BOTH
@pytest.mark.parametrize("own_client", [False, True], ids=["ours", "http_client"])
def test_A14_netrc_is_ignored(embed, own_client, tmp_path, monkeypatch):
    (tmp_path / ".netrc").write_text(
        "machine 127.0.0.1 login someone password else\ndefault login a password b\n"
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    more = {"http_client": unpooled_client(auth=("someone", "else"))} if own_client else {}
    with FaultServer(expected_authorization=AUTHORIZATION) as server:
        embed(server.url, "text", **more)
    assert [record.authorization for record in server.requests] == [Authorization.EXPECTED]
    server.oracle.assert_well_formed()
