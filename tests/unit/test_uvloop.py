"""The async client under uvloop, whose loop and transports are not asyncio's own classes."""

import asyncio

import pytest

from inworld_embeddings import APITimeoutError, AsyncEmbeddingClient
from inworld_embeddings._http import connect
from support.clients import KEY
from support.fault_server import OK, FaultServer
from support.faults import black_hole, extra_response_same_packet, fin_before_any_byte, rst_mid_body
from support.proxy import ConnectProxy
from support.tls import make_tls

uvloop = pytest.importorskip("uvloop")

TEXTS = [f"text {number}" for number in range(100)]


def check(server, url=None, **settings):
    async def run():
        async with AsyncEmbeddingClient(base_url=url or server.url, api_key=KEY, **settings) as client:
            server.oracle.check_one("a", await client.embed("a"))
            server.oracle.check(TEXTS, (await client.embed(TEXTS, batch_size=1)).vectors)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(run())


@pytest.fixture
def tls(tmp_path, monkeypatch):
    tls = make_tls(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(tls.ca_file))
    connect.tls_context.cache_clear()
    yield tls
    connect.tls_context.cache_clear()


def test_faults_and_large_responses():
    faults = [rst_mid_body, OK, extra_response_same_packet, fin_before_any_byte, OK]
    with FaultServer(faults, dim=20_000) as server:
        check(server)


def test_tls(tls):
    with FaultServer(tls=tls.good) as server:
        check(server, f"https://localhost:{server.port}")


def test_a_tunnel(tls):
    with FaultServer(tls=tls.good) as server, ConnectProxy() as proxy:
        check(server, proxy=proxy.url)


def test_a_deadline():
    with FaultServer(black_hole) as server, pytest.raises(APITimeoutError):
        check(server, timeout=0.2)
