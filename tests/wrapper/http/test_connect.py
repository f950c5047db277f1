"""Connecting: names, TLS and proxies. Section A of the fault catalogue, what is offered (B18 to B20) and set (B22)."""

import asyncio
import contextlib
import os
import socket
import ssl
import threading

import pytest
import truststore

from inworld_embeddings import EmbeddingClient, errors
from inworld_embeddings._http import connect
from inworld_embeddings._retry import Timeouts
from support import clients, faults, network
from support.fault import ByConnection, Stage, at, response
from support.fault_server import FaultServer

LOST = errors.APIConnectionError, 3, True
SLOW = errors.APITimeoutError, 3, True
FINAL = errors.TLSError, 1, False
THREE = {"texts": ["a", "b", "c"], "batch_size": 1, "max_concurrency": 1}


class Resolver:
    """Stands in for the system's: plays one outcome per look-up, the last one for ever."""

    def __init__(self, monkeypatch, *outcomes):
        if os.environ.get("TRANSPORT") == "pyreqwest":
            pytest.skip("it looks names up outside of Python, where no test can stand in")
        self.asked, self._outcomes = [], list(outcomes)
        self._systems = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self)

    def __call__(self, host, port, *args, **options):
        if host == "127.0.0.1":  # some libraries look addresses up too
            return self._systems(host, port, *args, **options)
        self.asked.append(host.decode() if isinstance(host, bytes) else host)
        outcome = self._outcomes[min(len(self.asked), len(self._outcomes)) - 1]
        if isinstance(outcome, threading.Event):
            outcome.wait(30)
        elif outcome:
            raise outcome
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", port))]


UNKNOWN = socket.gaierror(socket.EAI_NONAME, "Name or service not known")
FLAPPING = socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")


def test_A01_an_unknown_name_is_looked_up_three_times(monkeypatch):
    resolver = Resolver(monkeypatch, UNKNOWN)
    error = clients.failure("https://nowhere.example")
    assert clients.verdict(error) == LOST
    assert clients.words("Name or service not known") in str(error)
    assert resolver.asked == ["nowhere.example"] * 3


def test_A02_a_flapping_resolver_costs_a_retry(monkeypatch):
    Resolver(monkeypatch, FLAPPING, None)
    with FaultServer() as server:
        server.oracle.check_one(
            "text", clients.sync_embed(f"http://name.example:{server.port}", "text", allow_insecure=True)
        )
        server.oracle.assert_requests(1)


def test_A02_a_stalled_look_up_ends_at_the_deadline_and_is_tried_again_within_it(monkeypatch, short_connect):
    stall = threading.Event()
    resolver = Resolver(monkeypatch, stall, stall, None)
    with FaultServer() as server, contextlib.ExitStack() as stack:
        embed = stack.enter_context(
            clients.sync_client(f"http://name.example:{server.port}", allow_insecure=True, **clients.PATIENT)
        )
        stack.callback(stall.set)  # a client's own end waits for the threads of its look-ups
        with pytest.raises(errors.APITimeoutError):
            embed("text", timeout=0.05)
        assert not stall.is_set()
        server.oracle.check_one("text", embed("text"))
    assert len(resolver.asked) > 2


def test_A03_a_refused_connection_is_tried_three_times():
    with network.closed_port() as port:
        error = clients.failure(f"http://127.0.0.1:{port}")
    assert clients.verdict(error) == LOST
    assert clients.words("refused") in str(error).lower() or clients.words("Connect call failed") in str(
        error
    )


def test_A04_a_connect_without_an_answer_has_its_own_timeout(short_connect):
    with network.syn_black_hole() as port:
        error = clients.failure(f"http://127.0.0.1:{port}")
    assert clients.verdict(error) == SLOW
    assert clients.words("0.1") in str(error)
    assert Timeouts().connect == 5.0


def test_A14_netrc_is_ignored(tmp_path, monkeypatch):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    with FaultServer() as server:
        clients.sync_embed(server.url, "text")
        clients.sync_embed(server.url, "text", http_client=clients.unpooled_client(auth=("someone", "else")))
    assert [record.authorized for record in server.requests] == [True] * 2
    server.oracle.assert_well_formed()


# Addresses


@pytest.mark.parametrize(
    ("gone", "head_start"), [(network.syn_black_hole, 0.01), (network.closed_port, 3600)]
)
def test_a_dead_first_address_costs_a_head_start_and_a_refused_one_nothing(gone, head_start, monkeypatch):
    monkeypatch.setattr(connect, "HEAD_START", head_start)
    with gone() as port, socket.create_server(("127.0.0.1", 0)) as listener:
        addresses = [(socket.AF_INET, ("127.0.0.1", port)), (socket.AF_INET, listener.getsockname())]
        with asyncio.run(asyncio.wait_for(connect._first_of(addresses), 10)) as sock:
            assert (sock.getpeername(), sock.gettimeout()) == (listener.getsockname(), 0.0)


def test_if_none_can_be_reached_the_first_ones_reason_is_told(monkeypatch):
    async def unreachable(family, address):
        raise OSError(f"no way to {address}")

    monkeypatch.setattr(connect, "_connected", unreachable)
    with pytest.raises(OSError, match="no way to here"):
        asyncio.run(connect._first_of([(socket.AF_INET, "here"), (socket.AF_INET, "there")]))


@pytest.mark.parametrize("name", ["localhost", "api.X.LOCALHOST."])
def test_I07_a_name_that_means_this_machine_is_never_looked_up(name, monkeypatch):
    def looked_up(*_, **__):
        raise AssertionError("a name was looked up")

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)

    async def ask():
        return [address[0] for _, address in await connect._addresses(name, 80)]

    assert asyncio.run(ask()) == ["127.0.0.1", "::1"]


# TLS


def assert_refused_once(server, url=None):
    """The first attempt is the last, for the whole call, and no request was read."""
    error = clients.failure(url or server.url, **THREE)
    server.oracle.wait_until_closed()
    assert clients.verdict(error) == FINAL
    assert (len(server.connections), server.requests) == (1, [])
    return str(error)


def test_A05_a_trusted_certificate_is_accepted_where_the_environment_is_trusted(trusted):
    with FaultServer(tls=trusted.good) as server:
        server.oracle.check_one("a", clients.sync_embed(server.url, "a"))
        server.oracle.check_one("a", clients.sync_embed(f"https://localhost:{server.port}", "a"))
        assert clients.verdict(clients.failure(server.url, trust_env=False)) == FINAL
        server.oracle.assert_requests(2)


def by_truststore(tls):
    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(tls.ca_file)
    return {"verify": context}


VERIFY = {
    "path": lambda tls: {"verify": tls.ca_file},
    "truststore": by_truststore,
    "anyone": lambda tls: {"verify": False, "allow_insecure": True},
}


@pytest.mark.parametrize("verify", VERIFY)
@pytest.mark.parametrize("certificate", ["good", "untrusted"])
def test_A05_verify_says_whom_to_trust_whatever_the_environment_says(certificate, verify, tls, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", "/no/such/file")
    settings = VERIFY[verify](tls)
    with FaultServer(tls=getattr(tls, certificate)) as server:
        if certificate == "good" or verify == "anyone":
            server.oracle.check_one("a", clients.sync_embed(server.url, "a", **settings))
        else:
            assert clients.verdict(clients.failure(server.url, **settings)) == FINAL


@pytest.mark.parametrize("named_by", ["verify", "SSL_CERT_FILE"])
def test_A05_certificates_that_cannot_be_loaded_are_a_configuration_error(named_by, tmp_path, monkeypatch):
    (broken := tmp_path / "ca.pem").write_text("none")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))
    connect.tls_context.cache_clear()
    error = clients.failure("https://127.0.0.1:9", **({"verify": broken} if named_by == "verify" else {}))
    assert isinstance(error, errors.ConfigurationError)
    assert f"the certificates that {named_by}" in str(error)


@pytest.mark.parametrize("certificate", ["untrusted", "expired", "not_yet_valid", "wrong_host"])
def test_A05_what_cannot_be_trusted_ends_the_call_at_once(certificate, trusted):
    with FaultServer(tls=getattr(trusted, certificate)) as server:
        assert_refused_once(server)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (bytes.fromhex("15030100020246"), ""),
        (response(400, b"no garbage"), "speak TLS on this port (then base_url must begin with http://)"),
    ],
    ids=["A06_alert", "A07_plaintext"],
)
def test_A06_A07_what_is_no_handshake_is_final(data, says, trusted):
    with FaultServer([faults.after_hello("no_handshake", data), "ok"]) as server:
        assert says in assert_refused_once(server, f"https://127.0.0.1:{server.port}")


def test_A07_http_to_a_port_that_answers_in_tls_is_final_and_says_so():
    with FaultServer(faults.tls_bytes) as server:
        error = clients.failure(server.url, **THREE)
        assert clients.verdict(error) == FINAL
        assert "speaks TLS on this port: base_url must begin with https://" in str(error)
        server.oracle.assert_requests(1)


def test_A07_http_to_a_tls_port_that_hangs_up_comes_with_a_hint(trusted):
    """A hang-up without a word looks the same as B02, and is tried again as that."""
    with FaultServer(tls=trusted.good) as server:
        error = clients.failure(f"http://127.0.0.1:{server.port}")
        assert isinstance(error, errors.APIConnectionError)
        assert clients.words("if that port speaks TLS, the URL must begin with https://") in str(error)
        server.oracle.assert_requests(0)


TROUBLE = {
    "A07_A08_deaf": (faults.black_hole_on_connect, SLOW),
    "A08_stall": (faults.after_hello("stall", b"", faults.drain), SLOW),
    "A09_reset": (faults.after_hello("reset", b"", faults.reset), LOST),
    "A09_end": (faults.after_hello("end", b"", faults.close), LOST),
    "A09_reset_before": (faults.rst_on_connect, LOST),
}


@pytest.mark.parametrize(("fault", "verdict_of_three"), TROUBLE.values(), ids=TROUBLE)
def test_A07_A08_A09_trouble_in_the_handshake_is_transient(fault, verdict_of_three, trusted, request):
    if verdict_of_three is SLOW:
        request.getfixturevalue("short_connect")
    with FaultServer(ByConnection({0: [fault]}), tls=trusted.good) as server:
        server.oracle.check_one("text", clients.sync_embed(server.url, "text", **clients.PATIENT))
        server.oracle.assert_requests(1)
        assert len(server.connections) > 1
    with FaultServer(fault, tls=trusted.good) as server:
        assert clients.verdict(clients.failure(server.url)) == verdict_of_three
        server.oracle.wait_for(lambda: len(server.connections) == 3)


def test_B18_B19_B20_only_http_1_1_is_offered(trusted):
    hellos = []

    @at(Stage.CONNECT)
    async def record_hello(ex):
        hellos.append(await faults.client_hello(ex.conn))
        await ex.conn.rst()

    with FaultServer(record_hello, tls=trusted.good) as server:
        clients.failure(server.url, max_retries=0)
    assert bytes.fromhex("0010000b000908") + b"http/1.1" in hellos[0]  # RFC 7301: extension 16, one name
    assert b"\x02h2" not in hellos[0]


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="the options have these names on Linux")
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_B22_the_kernel_watches_over_each_connection(scheme, trusted):
    with (
        FaultServer(tls=trusted.good if scheme == "https" else None) as server,
        clients.sync_client(server.url) as embed,
    ):
        embed("text")
        with network.socket_to(server.port) as sock:
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            options = ("TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT")
            found = [sock.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) for name in options]
    assert found == [15, 5, 3, 30_000]


@pytest.mark.parametrize("trust_env", [True, False])
def test_A05_I07_the_environment_switches_no_verification_off_and_no_session_key_is_written(
    trust_env, tmp_path, monkeypatch
):
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))
    for name in ("PYTHONHTTPSVERIFY", "CURL_INSECURE", "SSL_VERIFY"):
        monkeypatch.setenv(name, "0")
    context = connect.tls_context.__wrapped__(trust_env=trust_env)
    assert context.keylog_filename is None
    assert not (tmp_path / "keys").exists()
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2


# Proxies

HOST = "elsewhere.example"
URL = f"https://{HOST}"


@pytest.fixture
def server(trusted):
    """A server that is HOST, as far as its certificate goes."""
    with FaultServer(tls=trusted.wrong_host) as server:
        yield server


def proxy_to(server, behaviour=network.tunnel):
    return network.ConnectProxy(behaviour, routes={f"{HOST}:443": server.port})


def assert_tunnelled(between, server, url=URL, **settings):
    """The right vectors come through one tunnel, in which there is only TLS, and the server gets the key."""
    server.oracle.check(THREE["texts"], clients.sync_embed(url, **THREE, **settings).vectors)
    assert [(record.method, record.target) for record in between.records] == [("CONNECT", f"{HOST}:443")]
    assert not any(record.authorization_in_clear for record in between.records)
    assert between.records[0].bytes_up
    assert [record.authorized for record in server.requests] == [True] * 3
    server.oracle.assert_well_formed()


@pytest.mark.parametrize(
    ("name", "scheme", "url"),
    [("HTTPS_PROXY", "http://", URL), ("all_proxy", "http://", URL), ("https_proxy", "", f"HTTPS://{HOST}")],
)
def test_A13_the_environment_names_the_proxy(name, scheme, url, server, monkeypatch):
    with proxy_to(server) as proxy:
        monkeypatch.setenv(name, f"{scheme}127.0.0.1:{proxy.port}")
        assert_tunnelled(proxy, server, url)


def test_A13_the_argument_names_the_proxy_whose_password_goes_to_it_only(server, monkeypatch):
    with proxy_to(server) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
        monkeypatch.setenv("NO_PROXY", "*")
        url = f"http://user:planted-secret@127.0.0.1:{proxy.port}"
        assert_tunnelled(proxy, server, proxy=url)
        assert proxy.records[0].proxy_authorization
        assert "planted" not in repr(EmbeddingClient(base_url=URL, api_key=clients.KEY, proxy=url))


@pytest.mark.parametrize(("exempt", "settings"), [(HOST, {}), ("", {"trust_env": False})])
def test_A13_a_host_may_be_exempt(exempt, settings, server, monkeypatch):
    Resolver(monkeypatch, UNKNOWN)  # asked for directly, the host does not exist
    with proxy_to(server) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", exempt)
        assert clients.verdict(clients.failure(f"{URL}:443", **settings)) == LOST
        assert proxy.records == []


def test_A13_loopback_is_never_proxied_from_the_environment(monkeypatch):
    with FaultServer() as server, network.ConnectProxy() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        for host in ("127.0.0.1", "localhost"):
            server.oracle.check_one("text", clients.sync_embed(f"http://{host}:{server.port}", "text"))
        assert proxy.records == []


def test_A13_a_plain_http_origin_behind_a_proxy_is_refused(monkeypatch):
    with FaultServer() as server, network.ConnectProxy() as proxy:
        with pytest.raises(errors.ConfigurationError, match="in clear"):
            clients.sync_embed(server.url, "text", proxy=proxy.url)
        for name in ("http_proxy", "ALL_PROXY"):
            with monkeypatch.context() as patch:
                patch.setenv(name, proxy.url)
                with pytest.raises(errors.ConfigurationError, match="in clear"):
                    clients.sync_embed("http://service.example", "text", allow_insecure=True)
        assert (proxy.records, server.connections) == ([], [])


@pytest.mark.parametrize(
    "proxy",
    ["socks5://127.0.0.1:1", "ftp://127.0.0.1", "127.0.0.1:3128", "http://", "http://[::1", "nonsense"],
)
def test_A13_a_proxy_that_cannot_work_is_refused(proxy):
    with pytest.raises(errors.ConfigurationError, match="SOCKS is not supported"):
        clients.sync_embed(URL, "text", proxy=proxy)


def test_A13_the_tunnel_ends_at_a_verified_server(trusted):
    with FaultServer(tls=trusted.good) as impostor, proxy_to(impostor) as proxy:
        error = clients.failure(URL, proxy=proxy.url)
        assert clients.verdict(error) == FINAL
        assert clients.words("mismatch") in str(error)
        assert (len(proxy.records), impostor.requests) == (1, [])


def test_A15_a_407_is_final(server):
    with proxy_to(server, network.refuse(407)) as proxy:
        url = f"http://user:planted-secret@127.0.0.1:{proxy.port}"
        with pytest.raises(errors.ConfigurationError) as caught:
            clients.sync_embed(URL, proxy=url, **THREE)
        assert clients.words("407") in str(caught.value)
        assert clients.words("Check proxy=") in str(caught.value)
        assert len(proxy.records) == 1
        server.oracle.assert_connections(0)


def says(data):
    return lambda _proxy, connection, _record: connection.send(data)


PAGE = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>Please log in</html>"
PROXY_TROUBLE = {
    "502": (network.refuse(502), LOST),
    "dies": (network.die, LOST),
    "dies_in_tunnel": (network.die_in_tunnel(200), LOST),
    "silent": (network.black_hole, SLOW),
    "a_login_page": (says(PAGE), LOST),
    "not_http": (says(PAGE[-30:]), LOST),
}


@pytest.mark.parametrize(("fault", "verdict_of_three"), PROXY_TROUBLE.values(), ids=PROXY_TROUBLE)
def test_A15_other_trouble_with_the_proxy_is_transient_and_names_it(fault, verdict_of_three, server, request):
    def flaky(proxy, conn, record):
        return (fault if len(proxy.records) == 1 else network.tunnel)(proxy, conn, record)

    if verdict_of_three is SLOW:
        request.getfixturevalue("short_connect")
    with proxy_to(server, flaky) as proxy:
        server.oracle.check_one("text", clients.sync_embed(URL, "text", proxy=proxy.url, **clients.PATIENT))
        assert len(proxy.records) > 1
    with proxy_to(server, fault) as proxy:
        error = clients.failure(URL, proxy=f"http://me:planted-secret@127.0.0.1:{proxy.port}")
        assert clients.verdict(error) == verdict_of_three
        assert clients.words(f"through the proxy 127.0.0.1:{proxy.port}") in str(error)


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
