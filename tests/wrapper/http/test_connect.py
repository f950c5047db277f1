"""Connecting: names, TLS and proxies. Section A of the fault catalogue, what is offered (B18 to B20) and set (B22)."""

import asyncio
import os
import socket
import ssl
import threading
from unittest import mock

import httpx
import pytest
import truststore

from inworld_embeddings import EmbeddingClient, errors
from inworld_embeddings._http import connect
from inworld_embeddings._retry import Timeouts
from support import clients, faults, network
from support.fault import Fault, Stage, response
from support.fault_server import FaultServer

LOST = errors.APIConnectionError, 3, True
SLOW = errors.APITimeoutError, 3, True
FINAL = errors.TLSError, 1, False
ONE_BY_ONE = {"batch_size": 1, "max_concurrency": 1}
HOST = "elsewhere.example"
URL = f"https://{HOST}"


in_python = pytest.mark.skipif(
    os.environ.get("TRANSPORT") == "pyreqwest", reason="looks names up where no test can stand in"
)


@in_python
def test_A01_an_unknown_name_is_looked_up_three_times(monkeypatch):
    look_up = mock.Mock(side_effect=socket.gaierror(socket.EAI_NONAME, "Name or service not known"))
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    error = clients.failure("https://nowhere.example")
    assert clients.verdict(error) == LOST
    assert clients.words("Name or service not known") in str(error)
    assert look_up.call_count == 3


@in_python
def test_A02_a_flapping_or_stalled_look_up_costs_a_retry_and_keeps_the_deadline(monkeypatch, short_connect):
    stall, asked = threading.Event(), []

    def look_up(host, port, *_, **__):
        asked.append(host)
        if len(asked) < 3:
            stall.wait(30)
        if len(asked) == 3:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with FaultServer() as server:
        url = f"http://name.example:{server.port}"
        with clients.sync_client(url, allow_insecure=True, max_retries=10) as embed:
            with pytest.raises(errors.APITimeoutError):
                embed("text", timeout=0.05)
            server.oracle.check_one("text", embed("text"))
            server.oracle.assert_requests(1)
            stall.set()  # another transport's end waits for the threads of its look-ups
    assert len(asked) > 3


@pytest.mark.parametrize(
    ("gone", "verdict", "says"),
    [
        pytest.param(network.closed_port, LOST, "('127.0.0.1', ", id="A03"),
        pytest.param(network.syn_black_hole, SLOW, "within 0.1 s", id="A04"),
    ],
)
def test_A03_A04_a_port_that_refuses_or_is_silent_is_tried_three_times(gone, verdict, says, short_connect):
    """Of the two addresses that `localhost` has, the first one's reason is told."""
    with gone() as port:
        error = clients.failure(f"http://localhost:{port}")
    assert clients.verdict(error) == verdict
    assert clients.words(says) in str(error)
    assert Timeouts().connect == 5.0


@pytest.mark.parametrize(
    ("gone", "head_start"), [(network.syn_black_hole, 0.01), (network.closed_port, 3600)]
)
def test_A03_A04_a_dead_first_address_costs_a_head_start_and_a_refused_one_nothing(
    gone, head_start, monkeypatch
):
    monkeypatch.setattr(connect, "HEAD_START", head_start)
    with gone() as port, socket.create_server(("127.0.0.1", 0)) as listener:
        addresses = [(socket.AF_INET, ("127.0.0.1", port)), (socket.AF_INET, listener.getsockname())]
        with asyncio.run(asyncio.wait_for(connect._first_of(addresses), 10)) as sock:
            assert sock.getpeername() == listener.getsockname()


def test_A14_netrc_is_ignored(tmp_path, monkeypatch):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    with FaultServer() as server:
        clients.sync_embed(server.url, "text")
        users = httpx.AsyncClient(auth=("someone", "else"), limits=clients.UNPOOLED)
        clients.sync_embed(server.url, "text", http_client=users)
    assert [record.authorized for record in server.requests] == [True] * 2
    server.oracle.assert_well_formed()


def test_I07_a_name_that_means_this_machine_is_never_looked_up(monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", None)
    addresses = asyncio.run(connect._addresses("api.X.LOCALHOST.", 80))
    assert [address[0] for _, address in addresses] == ["127.0.0.1", "::1"]


# TLS


def test_A05_the_environment_or_verify_says_whom_to_trust(trusted, monkeypatch):
    own = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    own.load_verify_locations(trusted.ca_file)
    with FaultServer(tls=trusted.good) as good, FaultServer(tls=trusted.untrusted) as untrusted:
        good.oracle.check_one("a", clients.sync_embed(good.url, "a"))
        assert clients.verdict(clients.failure(good.url, trust_env=False)) == FINAL
        monkeypatch.setenv("SSL_CERT_FILE", "/no/such/file")
        connect.tls_context.cache_clear()
        for verify in (str(trusted.ca_file), own):
            good.oracle.check_one("a", clients.sync_embed(good.url, "a", verify=verify))
            assert clients.verdict(clients.failure(untrusted.url, verify=verify)) == FINAL
        anyone = {"verify": False, "allow_insecure": True}
        untrusted.oracle.check_one("a", clients.sync_embed(untrusted.url, "a", **anyone))
        with pytest.raises(errors.ConfigurationError, match="the certificates that SSL_CERT_FILE"):
            clients.sync_embed(good.url, "a")
        with pytest.raises(errors.ConfigurationError, match="the certificates that verify"):
            clients.sync_embed(good.url, "a", verify=__file__)


NO_TLS = faults.after_hello("plain", response(400, b"no garbage"))
HANDSHAKES = {
    **{f"A05_{flaw}": (flaw, "ok", FINAL, "") for flaw in ("untrusted", "expired", "wrong_host")},
    "A06_alert": ("good", faults.after_hello("alert", bytes.fromhex("15030100020246")), FINAL, ""),
    "A07_plain": ("good", NO_TLS, FINAL, "speak TLS on this port (then base_url must begin with http://)"),
    "A07_A08_deaf": ("good", faults.black_hole_on_connect, SLOW, ""),
    "A08_stall": ("good", faults.after_hello("stall", b"", faults.drain), SLOW, ""),
    "A09_reset": ("good", faults.after_hello("reset", b"", faults.reset), LOST, ""),
    "A09_end": ("good", faults.after_hello("end", b"", faults.close), LOST, ""),
    "A09_reset_before": ("good", faults.rst_on_connect, LOST, ""),
}


@pytest.mark.parametrize(("certificate", "fault", "verdict", "says"), HANDSHAKES.values(), ids=HANDSHAKES)
def test_A05_A06_A07_A08_A09_a_server_that_cannot_be_trusted_is_final_and_other_trouble_is_tried_again(
    certificate, fault, verdict, says, trusted, request
):
    if verdict is SLOW:
        request.getfixturevalue("short_connect")
    with FaultServer(fault, tls=getattr(trusted, certificate)) as server:
        error = clients.failure(server.url)
        assert clients.verdict(error) == verdict
        assert says in str(error)
        server.oracle.wait_for(lambda: len(server.connections) == error.attempts)
        server.oracle.assert_requests(0)


def test_A07_http_to_a_port_that_speaks_tls_comes_with_a_hint(trusted):
    """A hang-up without a word looks the same as B02, and is tried again as that."""
    with FaultServer(faults.tls_bytes) as answers, FaultServer(tls=trusted.good) as hangs_up:
        error = clients.failure(answers.url, ["a", "b"], **ONE_BY_ONE)
        assert clients.verdict(error) == FINAL
        assert "speaks TLS on this port: base_url must begin with https://" in str(error)
        answers.oracle.assert_requests(1)
        error = clients.failure(f"http://127.0.0.1:{hangs_up.port}")
        assert isinstance(error, errors.APIConnectionError)
        assert clients.words("if that port speaks TLS, the URL must begin with https://") in str(error)


def test_B18_B19_B20_only_http_1_1_is_offered(trusted):
    async def record(ex):
        hellos.append(await faults.client_hello(ex.conn))
        await ex.conn.rst()

    hellos = []
    with FaultServer(Fault("hello", record, Stage.CONNECT), tls=trusted.good) as server:
        clients.failure(server.url, max_retries=0)
    assert bytes.fromhex("0010000b000908") + b"http/1.1" in hellos[0]  # RFC 7301: extension 16, one name


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="the options have these names on Linux")
def test_B22_the_kernel_watches_over_each_connection():
    names = ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT")
    with FaultServer() as server, clients.sync_client(server.url) as embed:
        embed("text")
        with network.socket_to(server.port) as sock:
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            found = [sock.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) for name in names]
    assert found == [15, 5, 3, 30_000]


def test_A05_A06_I07_the_environment_switches_no_verification_off_and_has_no_session_key_written(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    for name in ("PYTHONHTTPSVERIFY", "CURL_INSECURE", "SSL_VERIFY"):
        monkeypatch.setenv(name, "0")
    context = connect.tls_context.__wrapped__(trust_env=True)
    assert context.keylog_filename is None
    assert list(tmp_path.iterdir()) == []
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2


# Proxies

PROXY = "http://127.0.0.1:3128"


def proxy_of(url=URL, **options):
    client = EmbeddingClient(base_url=url, api_key=clients.KEY, **options)
    return connect.proxy_for(client._settings)


@pytest.mark.parametrize(
    ("environment", "url", "options", "proxy"),
    [
        ({"HTTPS_PROXY": PROXY}, URL, {}, PROXY),
        ({"all_proxy": "127.0.0.1:3128"}, f"HTTPS://{HOST}", {}, PROXY),
        ({"HTTPS_PROXY": "http://127.0.0.1:1", "NO_PROXY": "*"}, URL, {"proxy": PROXY}, PROXY),
        ({"HTTPS_PROXY": PROXY, "NO_PROXY": HOST}, f"{URL}:443", {}, None),
        ({"HTTPS_PROXY": PROXY}, URL, {"trust_env": False}, None),
        ({"HTTP_PROXY": PROXY, "ALL_PROXY": PROXY}, "http://localhost:80", {}, None),
    ],
)
def test_A13_the_argument_or_the_environment_names_the_proxy(environment, url, options, proxy, monkeypatch):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert proxy_of(url, **options) == proxy


@pytest.mark.parametrize(
    ("host", "entries", "exempt"),
    [
        (
            "api.example",
            ["API.example.", ".example", "*.example", "x, api.example", "x *", "api.example:443"],
            True,
        ),
        ("api.example", ["", "api.example:8443", "pi.example", "x.api.example", ".", "192.0.2.0/24"], False),
        ("192.0.2.7", ["192.0.2.7", "192.0.2.7:443", "10.0.0.0/8,192.0.2.0/24"], True),
        ("192.0.2.7", ["192.0.2.8", "192.0.3.0/24", "2.7", "192.0.2.0/99"], False),
        ("2001:db8::7", ["2001:DB8::7", "[2001:db8::7]:443", "2001:db8::/32"], True),
        ("2001:db8::7", ["2001:db8::8", "[2001:db8::7]:80", "::/200"], False),
    ],
)
def test_A13_NO_PROXY_is_read_as_curl_reads_it(host, entries, exempt, monkeypatch):
    for entry in entries:
        monkeypatch.setenv("NO_PROXY", entry)
        assert connect._is_exempt(host, 443) is exempt, entry


@pytest.mark.parametrize(
    ("url", "proxy", "says"),
    [
        ("http://127.0.0.1:80", PROXY, "in clear"),
        (URL, "socks5://127.0.0.1:1", "SOCKS is not supported"),
        (URL, "127.0.0.1:3128", "must be an http://"),
        (URL, "http://[::1", "must be an http://"),
    ],
)
def test_A13_a_proxy_that_would_see_the_key_or_cannot_work_is_refused(url, proxy, says):
    with pytest.raises(errors.ConfigurationError, match=says):
        proxy_of(url, proxy=proxy)


@pytest.fixture
def server(trusted):
    """A server that is HOST, as far as its certificate goes."""
    with FaultServer(tls=trusted.wrong_host) as server:
        yield server


def proxy_to(server, behaviour=network.tunnel):
    return network.ConnectProxy(behaviour, routes={f"{HOST}:443": server.port})


def test_A13_https_is_tunnelled_and_the_proxys_password_goes_to_it_only(server):
    with proxy_to(server) as proxy:
        url = f"http://user:planted-secret@127.0.0.1:{proxy.port}"
        with clients.sync_client(URL, proxy=url, **ONE_BY_ONE) as embed:
            server.oracle.check(["a", "b"], embed(["a", "b"]).vectors)
            assert "planted" not in repr(embed.__self__)
        (record,) = proxy.records
    assert (record.method, record.target) == ("CONNECT", f"{HOST}:443")
    assert record.head["proxy-authorization"]
    assert record.body
    assert b"authorization:" not in record.body.lower()
    assert [request.authorized for request in server.requests] == [True] * 2
    server.oracle.assert_well_formed()


def test_A13_the_tunnel_ends_at_a_verified_server(trusted):
    with FaultServer(tls=trusted.good) as impostor, proxy_to(impostor) as proxy:
        error = clients.failure(URL, proxy=proxy.url)
        assert clients.verdict(error) == FINAL
        assert clients.words("mismatch") in str(error)
        assert (len(proxy.records), impostor.requests) == (1, [])


PAGE = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>Please log in</html>"


def says(data):
    return lambda _proxy, connection, _record: connection.send(data)


PROXY_TROUBLE = {
    "407": (network.refuse(407), errors.ConfigurationError, 1),
    "502": (network.refuse(502), errors.APIConnectionError, 3),
    "dies": (network.die, errors.APIConnectionError, 3),
    "silent": (network.black_hole, errors.APITimeoutError, 3),
    "a_login_page": (says(PAGE), errors.APIConnectionError, 3),
    "not_http": (says(PAGE[-30:]), errors.APIConnectionError, 3),
}


@pytest.mark.parametrize(("fault", "kind", "attempts"), PROXY_TROUBLE.values(), ids=PROXY_TROUBLE)
def test_A15_trouble_with_the_proxy_names_it_and_all_but_a_407_is_transient(
    fault, kind, attempts, server, request
):
    if kind is errors.APITimeoutError:
        request.getfixturevalue("short_connect")
    with proxy_to(server, fault) as proxy:
        error = clients.failure(URL, proxy=f"http://me:planted-secret@127.0.0.1:{proxy.port}")
        assert (type(error), len(proxy.records)) == (kind, attempts)
        assert clients.words(f"through the proxy 127.0.0.1:{proxy.port}") in str(error)
