"""Section A, proxies: found as httpx users expect, always a tunnel, never given the key in clear."""

import pytest

from inworld_embeddings import (
    APIConnectionError,
    APITimeoutError,
    ConfigurationError,
    EmbeddingClient,
    TLSError,
)
from support.audit import Authorization
from support.clients import AUTHORIZATION, BOTH, BOTH_OPEN, KEY, within, words
from support.fault_server import FaultServer
from support.proxy import ConnectProxy, black_hole, die, die_in_tunnel, refuse, tunnel

HOST = "elsewhere.example"
URL = f"https://{HOST}"


@pytest.fixture
def server(trusted):
    """A server that is HOST, as far as its certificate goes."""
    with FaultServer(tls=trusted.wrong_host, expected_authorization=AUTHORIZATION) as server:
        yield server


def proxy_to(server, behaviour=None):
    return ConnectProxy(behaviour, routes={f"{HOST}:443": server.port})


def flaky(fault):
    """The fault for the first tunnel, then good ones."""
    return lambda proxy, conn, record: (fault if len(proxy.records) == 1 else tunnel)(proxy, conn, record)


def assert_tunnelled(proxy, server):
    """One tunnel, through which only TLS went, and the server got the key."""
    assert [(record.method, record.target) for record in proxy.records] == [("CONNECT", f"{HOST}:443")]
    assert not any(record.authorization_in_clear for record in proxy.records)
    assert proxy.records[0].bytes_up
    assert [record.authorization for record in server.requests] == [Authorization.EXPECTED]
    server.oracle.assert_well_formed()


@BOTH
@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
def test_A13_the_environment_names_the_proxy(embed, name, server, monkeypatch):
    with proxy_to(server) as proxy:
        monkeypatch.setenv(name, proxy.url)
        server.oracle.check_one("text", embed(URL, "text"))
        assert_tunnelled(proxy, server)


@BOTH
def test_A13_a_proxy_without_a_scheme_is_an_http_one(embed, server, monkeypatch):
    with proxy_to(server) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"127.0.0.1:{proxy.port}")
        server.oracle.check_one("text", embed(URL, "text"))
        assert_tunnelled(proxy, server)


@BOTH
def test_A13_the_argument_names_the_proxy(embed, server, monkeypatch):
    with proxy_to(server) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
        monkeypatch.setenv("NO_PROXY", "*")
        server.oracle.check_one("text", embed(URL, "text", proxy=proxy.url))
        assert_tunnelled(proxy, server)


@BOTH_OPEN
def test_A13_a_tunnel_is_used_again(opened, server):
    with proxy_to(server) as proxy, opened(URL, proxy=proxy.url) as embed:
        for text in ("a", "b", "c"):
            server.oracle.check_one(text, embed(text))
        assert len(proxy.records) == 1
        server.oracle.assert_connections(1)


@BOTH
@pytest.mark.parametrize("exempt", [HOST, ".example", "*", f"a.example, {HOST}:443"])
def test_A13_NO_PROXY_exempts_a_host(embed, exempt, server, monkeypatch):
    with proxy_to(server) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", exempt)
        with pytest.raises(
            (APIConnectionError, APITimeoutError)
        ):  # asked for directly, the host does not exist
            embed(f"{URL}:443", "text", timeout=1, max_retries=0)
        assert proxy.records == []


@BOTH
def test_A13_trust_env_off_turns_the_environment_off(embed, server, monkeypatch):
    with proxy_to(server) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with pytest.raises((APIConnectionError, APITimeoutError)):
            embed(URL, "text", timeout=1, max_retries=0, trust_env=False)
        assert proxy.records == []


@BOTH
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_A13_loopback_is_never_proxied_from_the_environment(embed, host, monkeypatch):
    with FaultServer() as server, ConnectProxy() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        server.oracle.check_one("text", embed(f"http://{host}:{server.port}", "text"))
        assert proxy.records == []


@BOTH
def test_A13_a_plain_http_origin_behind_a_proxy_is_refused(embed, monkeypatch):
    with FaultServer() as server, ConnectProxy() as proxy:
        with pytest.raises(ConfigurationError, match="in clear"):
            embed(server.url, "text", proxy=proxy.url)
        for name in ("http_proxy", "ALL_PROXY"):
            with monkeypatch.context() as patch:
                patch.setenv(name, proxy.url)
                with pytest.raises(ConfigurationError, match="in clear"):
                    embed("http://service.example", "text", allow_insecure=True)
        assert (proxy.records, server.connections) == ([], [])


@BOTH
def test_A13_the_scheme_may_be_in_capitals(embed, server):
    with proxy_to(server) as proxy:
        server.oracle.check_one("text", embed(f"HTTPS://{HOST}", "text", proxy=proxy.url))
        assert_tunnelled(proxy, server)


@BOTH
@pytest.mark.parametrize(
    "proxy",
    ["socks5://127.0.0.1:1", "ftp://127.0.0.1", "127.0.0.1:3128", "http://", "http://[::1", "nonsense"],
)
def test_A13_a_proxy_that_cannot_work_is_refused(embed, proxy, monkeypatch):
    with pytest.raises(ConfigurationError, match="SOCKS is not supported"):
        embed(URL, "text", proxy=proxy)


@BOTH
def test_A13_the_tunnel_ends_at_a_verified_server(embed, trusted):
    with FaultServer(tls=trusted.good) as impostor, proxy_to(impostor) as proxy:
        with pytest.raises(TLSError, match=words("mismatch")) as caught:
            embed(URL, "text", proxy=proxy.url)
        assert (caught.value.attempts, len(proxy.records)) == (1, 1)
        impostor.oracle.assert_requests(0)


@BOTH
def test_A13_the_proxys_password_goes_to_the_proxy_only(embed, server):
    with proxy_to(server) as proxy:
        url = f"http://user:planted-secret@127.0.0.1:{proxy.port}"
        server.oracle.check_one("text", embed(URL, "text", proxy=url))
        assert_tunnelled(proxy, server)
        assert proxy.records[0].proxy_authorization
        assert "planted" not in repr(EmbeddingClient(base_url=URL, api_key=KEY, proxy=url))


@BOTH
def test_A15_a_407_is_final(embed, server):
    with proxy_to(server, refuse(407)) as proxy:
        url = f"http://user:planted-secret@127.0.0.1:{proxy.port}"
        with pytest.raises(ConfigurationError, match=words("407.*Check proxy=")):
            embed(URL, ["a", "b", "c"], batch_size=1, max_concurrency=1, proxy=url)
        assert len(proxy.records) == 1
        server.oracle.assert_connections(0)


@BOTH
@pytest.mark.parametrize(
    "fault", [refuse(502), refuse(503), die, die_in_tunnel(200)], ids=["502", "503", "dies", "dies_in_tunnel"]
)
def test_A15_other_trouble_with_the_proxy_is_transient(embed, fault, server):
    with proxy_to(server, flaky(fault)) as proxy:
        server.oracle.check_one("text", embed(URL, "text", proxy=proxy.url))
        assert len(proxy.records) == 2
        server.oracle.assert_requests(1)
    with proxy_to(server, fault) as proxy:
        with pytest.raises(APIConnectionError) as caught:
            embed(URL, "text", proxy=proxy.url)
        assert (caught.value.attempts, caught.value.retryable, len(proxy.records)) == (3, True, 3)


@BOTH_OPEN
def test_A15_a_silent_proxy_falls_under_the_connect_timeout(opened, server, short_connect):
    with proxy_to(server, black_hole) as proxy, opened(URL, proxy=proxy.url) as embed:
        with within(3 * 0.2), pytest.raises(APITimeoutError) as caught:
            embed("text")
        assert (caught.value.attempts, len(proxy.records)) == (3, 3)


@BOTH
def test_A15_a_proxy_that_is_not_there_is_transient(embed, server):
    with pytest.raises(APIConnectionError) as caught:
        embed(URL, "text", proxy="http://127.0.0.1:1")
    assert (caught.value.attempts, caught.value.retryable) == (3, True)
