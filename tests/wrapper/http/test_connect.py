"""Connecting: names, TLS and proxies. Section A of the fault catalogue, what is offered (B18 to B20) and set (B22)."""

import asyncio
import contextlib
import os
import socket
import ssl
import threading

import pytest
import truststore

from inworld_embeddings import (
    APIConnectionError,
    APITimeoutError,
    ConfigurationError,
    EmbeddingClient,
    TLSError,
)
from inworld_embeddings._http import connect
from inworld_embeddings._retry import Timeouts
from support.clients import (
    KEY,
    failure,
    sync_client,
    sync_embed,
    unpooled_client,
    verdict,
    words,
)
from support.fault import ByConnection, Stage, at, response
from support.fault_server import FaultServer
from support.faults import (
    after_hello,
    black_hole_on_connect,
    client_hello,
    close,
    drain,
    reset,
    rst_on_connect,
    tls_bytes,
)
from support.network import (
    ConnectProxy,
    black_hole,
    closed_port,
    die,
    die_in_tunnel,
    refuse,
    socket_to,
    syn_black_hole,
    tunnel,
)

LOST, SLOW, FINAL = (APIConnectionError, 3, True), (APITimeoutError, 3, True), (TLSError, 1, False)
THREE = {"texts": ["a", "b", "c"], "batch_size": 1, "max_concurrency": 1}
PATIENT = {"max_retries": 10}
"""For a test whose good attempt has a short timeout too, which a busy machine may not keep at once."""


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


@pytest.fixture
def stall():
    """An event that a look-up waits for. Whatever ends before it is set did not wait for the look-up."""
    event = threading.Event()
    yield event
    event.set()


@contextlib.contextmanager
def releasing(event):
    """Sets the event at the end of the block: a client's own end waits for the threads of its look-ups."""
    try:
        yield
    finally:
        event.set()


def test_A01_an_unknown_name_is_looked_up_three_times(monkeypatch):
    resolver = Resolver(monkeypatch, UNKNOWN)
    error = failure("https://nowhere.example")
    assert verdict(error) == LOST
    assert words("Name or service not known") in str(error)
    assert resolver.asked == ["nowhere.example"] * 3


def test_A02_a_flapping_resolver_costs_a_retry(monkeypatch):
    Resolver(monkeypatch, FLAPPING, None)
    with FaultServer() as server:
        server.oracle.check_one(
            "text", sync_embed(f"http://name.example:{server.port}", "text", allow_insecure=True)
        )
        server.oracle.assert_requests(1)


def test_A02_a_stalled_look_up_ends_at_the_deadline_and_is_tried_again_within_it(
    monkeypatch, stall, short_connect
):
    resolver = Resolver(monkeypatch, stall, stall, None)
    with FaultServer() as server:
        url = f"http://name.example:{server.port}"
        with sync_client(url, allow_insecure=True, **PATIENT) as embed, releasing(stall):
            with pytest.raises(APITimeoutError):
                embed("text", timeout=0.05)
            assert not stall.is_set()
            server.oracle.check_one("text", embed("text"))
    assert len(resolver.asked) > 2


def test_A03_a_refused_connection_is_tried_three_times():
    with closed_port() as port:
        error = failure(f"http://127.0.0.1:{port}")
    assert verdict(error) == LOST
    assert words("refused") in str(error).lower() or words("Connect call failed") in str(error)


def test_A04_a_connect_without_an_answer_has_its_own_timeout(short_connect):
    with syn_black_hole() as port:
        error = failure(f"http://127.0.0.1:{port}")
    assert verdict(error) == SLOW
    assert words("0.1") in str(error)
    assert Timeouts().connect == 5.0


def test_A14_netrc_is_ignored(tmp_path, monkeypatch):
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    with FaultServer() as server:
        sync_embed(server.url, "text")
        sync_embed(server.url, "text", http_client=unpooled_client(auth=("someone", "else")))
    assert [record.authorized for record in server.requests] == [True] * 2
    server.oracle.assert_well_formed()


# Addresses


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request):
    """Runs a coroutine on one kind of event loop."""
    with asyncio.Runner(loop_factory=pytest.importorskip(request.param).new_event_loop) as runner:
        yield runner.run


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


async def first(*addresses):
    return await connect._first_of([(socket.AF_INET, address) for address in addresses])


@pytest.mark.parametrize(("gone", "head_start"), [(syn_black_hole, 0.01), (closed_port, 3600)])
def test_a_dead_first_address_costs_a_head_start_and_a_refused_one_nothing(
    gone, head_start, run, listener, monkeypatch
):
    monkeypatch.setattr(connect, "HEAD_START", head_start)
    with gone() as port, run(first(("127.0.0.1", port), listener.getsockname())) as sock:
        assert (sock.getpeername(), sock.gettimeout()) == (listener.getsockname(), 0.0)


def test_if_none_can_be_reached_the_first_ones_reason_is_told(run, monkeypatch):
    async def unreachable(family, address):
        raise OSError(f"no way to {address}")

    monkeypatch.setattr(connect, "_connected", unreachable)
    with pytest.raises(OSError, match="no way to here"):
        run(first("here", "there"))


def test_a_race_that_is_cancelled_as_it_is_won_closes_the_winner(run, monkeypatch):
    made = []

    async def connected(family, address):
        made.append(socket.socket())
        racing.cancel()
        return made[-1]

    async def race():
        nonlocal racing
        racing = asyncio.create_task(first(("127.0.0.1", 1), ("127.0.0.1", 2)))
        with pytest.raises(asyncio.CancelledError):
            await racing
        await asyncio.sleep(0)

    racing = None
    monkeypatch.setattr(connect, "_connected", connected)
    run(race())
    assert [sock.fileno() for sock in made] == [-1]


def test_the_families_take_turns(monkeypatch):
    def getaddrinfo(host, port, **_):
        places = [("::1", port, 0, 0), ("::2", port, 0, 0), ("192.0.2.1", port)]
        return [(socket.AF_INET6 if ":" in place[0] else socket.AF_INET, 1, 6, "", place) for place in places]

    async def ask():
        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
        return await connect._addresses("name.example", 80)

    assert [place[0] for _, place in asyncio.run(ask())] == ["::1", "192.0.2.1", "::2"]


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
    error = failure(url or server.url, **THREE)
    server.oracle.wait_until_closed()
    assert verdict(error) == FINAL
    assert (len(server.connections), server.requests) == (1, [])
    return str(error)


def test_A05_a_trusted_certificate_is_accepted_where_the_environment_is_trusted(trusted):
    with FaultServer(tls=trusted.good) as server:
        server.oracle.check_one("a", sync_embed(server.url, "a"))
        server.oracle.check_one("a", sync_embed(f"https://localhost:{server.port}", "a"))
        assert verdict(failure(server.url, trust_env=False)) == FINAL
        server.oracle.assert_requests(2)


def by_truststore(tls):
    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(tls.ca_file)
    return {"verify": context}


VERIFY = {
    "path": lambda tls: {"verify": tls.ca_file},
    "context": lambda tls: {"verify": ssl.create_default_context(cafile=tls.ca_file)},
    "truststore": by_truststore,
    "anyone": lambda tls: {"verify": False, "allow_insecure": True},
}


@pytest.mark.parametrize("verify", VERIFY)
@pytest.mark.parametrize("certificate", ["good", "untrusted", "wrong_host"])
def test_A05_verify_says_whom_to_trust_whatever_the_environment_says(certificate, verify, tls, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", "/no/such/file")
    settings = VERIFY[verify](tls)
    with FaultServer(tls=getattr(tls, certificate)) as server:
        if certificate == "good" or verify == "anyone":
            server.oracle.check_one("a", sync_embed(server.url, "a", **settings))
        else:
            assert verdict(failure(server.url, **settings)) == FINAL


@pytest.mark.parametrize("named_by", ["verify", "SSL_CERT_FILE"])
def test_A05_certificates_that_cannot_be_loaded_are_a_configuration_error(named_by, tmp_path, monkeypatch):
    (broken := tmp_path / "ca.pem").write_text("none")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))
    connect.tls_context.cache_clear()
    error = failure("https://127.0.0.1:9", **({"verify": broken} if named_by == "verify" else {}))
    assert isinstance(error, ConfigurationError)
    assert f"the certificates that {named_by}" in str(error)


@pytest.mark.parametrize("certificate", ["untrusted", "expired", "not_yet_valid", "wrong_host"])
def test_A05_what_cannot_be_trusted_ends_the_call_at_once(certificate, trusted):
    with FaultServer(tls=getattr(trusted, certificate)) as server:
        assert_refused_once(server)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (bytes.fromhex("15030100020246"), ()),
        (response(400, b"no garbage"), ("does not speak TLS on this port", "begin with http://")),
        (bytes(range(128, 256)), ()),
    ],
    ids=["A06_alert", "A07_plaintext", "A09_garbage"],
)
def test_A06_A07_A09_what_is_no_handshake_is_final(data, says, trusted):
    with FaultServer([after_hello("no_handshake", data), "ok"]) as server:
        said = assert_refused_once(server, f"https://127.0.0.1:{server.port}")
    assert all(words in said for words in says)


def test_A07_http_to_a_port_that_answers_in_tls_is_final_and_says_so():
    with FaultServer(tls_bytes) as server:
        error = failure(server.url, **THREE)
        assert verdict(error) == FINAL
        assert "speaks TLS on this port: base_url must begin with https://" in str(error)
        server.oracle.assert_requests(1)


def test_A07_http_to_a_tls_port_that_hangs_up_comes_with_a_hint(trusted):
    """A hang-up without a word looks the same as B02, and is tried again as that."""
    with FaultServer(tls=trusted.good) as server:
        error = failure(f"http://127.0.0.1:{server.port}")
        assert isinstance(error, APIConnectionError)
        assert words("if that port speaks TLS, the URL must begin with https://") in str(error)
        server.oracle.assert_requests(0)


TROUBLE = {
    "A07_A08_deaf": (black_hole_on_connect, SLOW),
    "A08_stall": (after_hello("stall", b"", drain), SLOW),
    "A09_reset": (after_hello("reset", b"", reset), LOST),
    "A09_end": (after_hello("end", b"", close), LOST),
    "A09_reset_before": (rst_on_connect, LOST),
}


@pytest.mark.parametrize(("fault", "verdict_of_three"), TROUBLE.values(), ids=TROUBLE)
def test_A07_A08_A09_trouble_in_the_handshake_is_transient(fault, verdict_of_three, trusted, request):
    if verdict_of_three is SLOW:
        request.getfixturevalue("short_connect")
    with FaultServer(ByConnection({0: [fault]}), tls=trusted.good) as server:
        server.oracle.check_one("text", sync_embed(server.url, "text", **PATIENT))
        server.oracle.assert_requests(1)
        assert len(server.connections) > 1
    with FaultServer(fault, tls=trusted.good) as server:
        assert verdict(failure(server.url)) == verdict_of_three
        server.oracle.wait_for(lambda: len(server.connections) == 3)


def test_B18_B19_B20_only_http_1_1_is_offered(trusted):
    hellos = []

    @at(Stage.CONNECT)
    async def record_hello(ex):
        hellos.append(await client_hello(ex.conn))
        await ex.conn.rst()

    with FaultServer(record_hello, tls=trusted.good) as server:
        failure(server.url, max_retries=0)
    assert bytes.fromhex("0010000b000908") + b"http/1.1" in hellos[0]  # RFC 7301: extension 16, one name
    assert b"\x02h2" not in hellos[0]


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="the options have these names on Linux")
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_B22_the_kernel_watches_over_each_connection(scheme, trusted):
    with (
        FaultServer(tls=trusted.good if scheme == "https" else None) as server,
        sync_client(server.url) as embed,
    ):
        embed("text")
        with socket_to(server.port) as sock:
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


def proxy_to(server, behaviour=tunnel):
    return ConnectProxy(behaviour, routes={f"{HOST}:443": server.port})


def assert_tunnelled(between, server, url=URL, **settings):
    """The right vectors come through one tunnel, in which there is only TLS, and the server gets the key."""
    server.oracle.check(THREE["texts"], sync_embed(url, **THREE, **settings).vectors)
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
        assert "planted" not in repr(EmbeddingClient(base_url=URL, api_key=KEY, proxy=url))


@pytest.mark.parametrize(("exempt", "settings"), [(HOST, {}), ("", {"trust_env": False})])
def test_A13_a_host_may_be_exempt(exempt, settings, server, monkeypatch):
    Resolver(monkeypatch, UNKNOWN)  # asked for directly, the host does not exist
    with proxy_to(server) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", exempt)
        assert verdict(failure(f"{URL}:443", **settings)) == LOST
        assert proxy.records == []


def test_A13_loopback_is_never_proxied_from_the_environment(monkeypatch):
    with FaultServer() as server, ConnectProxy() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        for host in ("127.0.0.1", "localhost"):
            server.oracle.check_one("text", sync_embed(f"http://{host}:{server.port}", "text"))
        assert proxy.records == []


def test_A13_a_plain_http_origin_behind_a_proxy_is_refused(monkeypatch):
    with FaultServer() as server, ConnectProxy() as proxy:
        with pytest.raises(ConfigurationError, match="in clear"):
            sync_embed(server.url, "text", proxy=proxy.url)
        for name in ("http_proxy", "ALL_PROXY"):
            with monkeypatch.context() as patch:
                patch.setenv(name, proxy.url)
                with pytest.raises(ConfigurationError, match="in clear"):
                    sync_embed("http://service.example", "text", allow_insecure=True)
        assert (proxy.records, server.connections) == ([], [])


@pytest.mark.parametrize(
    "proxy",
    ["socks5://127.0.0.1:1", "ftp://127.0.0.1", "127.0.0.1:3128", "http://", "http://[::1", "nonsense"],
)
def test_A13_a_proxy_that_cannot_work_is_refused(proxy):
    with pytest.raises(ConfigurationError, match="SOCKS is not supported"):
        sync_embed(URL, "text", proxy=proxy)


def test_A13_the_tunnel_ends_at_a_verified_server(trusted):
    with FaultServer(tls=trusted.good) as impostor, proxy_to(impostor) as proxy:
        error = failure(URL, proxy=proxy.url)
        assert verdict(error) == FINAL
        assert words("mismatch") in str(error)
        assert (len(proxy.records), impostor.requests) == (1, [])


def test_A15_a_407_is_final(server):
    with proxy_to(server, refuse(407)) as proxy:
        url = f"http://user:planted-secret@127.0.0.1:{proxy.port}"
        with pytest.raises(ConfigurationError) as caught:
            sync_embed(URL, proxy=url, **THREE)
        assert words("407") in str(caught.value)
        assert words("Check proxy=") in str(caught.value)
        assert len(proxy.records) == 1
        server.oracle.assert_connections(0)


def says(data):
    return lambda _proxy, connection, _record: connection.send(data)


PAGE = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<html>Please log in</html>"
PROXY_TROUBLE = {
    "502": (refuse(502), LOST),
    "dies": (die, LOST),
    "dies_in_tunnel": (die_in_tunnel(200), LOST),
    "silent": (black_hole, SLOW),
    "a_login_page": (says(PAGE), LOST),
    "not_http": (says(PAGE[-30:]), LOST),
    "nothing": (says(b""), LOST),
}


@pytest.mark.parametrize(("fault", "verdict_of_three"), PROXY_TROUBLE.values(), ids=PROXY_TROUBLE)
def test_A15_other_trouble_with_the_proxy_is_transient_and_names_it(fault, verdict_of_three, server, request):
    def flaky(proxy, conn, record):
        return (fault if len(proxy.records) == 1 else tunnel)(proxy, conn, record)

    if verdict_of_three is SLOW:
        request.getfixturevalue("short_connect")
    with proxy_to(server, flaky) as proxy:
        server.oracle.check_one("text", sync_embed(URL, "text", proxy=proxy.url, **PATIENT))
        assert len(proxy.records) > 1
    with proxy_to(server, fault) as proxy:
        error = failure(URL, proxy=f"http://me:planted-secret@127.0.0.1:{proxy.port}")
        assert verdict(error) == verdict_of_three
        assert words(f"through the proxy 127.0.0.1:{proxy.port}") in str(error)


def test_A15_a_proxy_that_is_not_there_is_named():
    with closed_port() as port:
        error = failure(URL, proxy=f"http://me:planted-secret@127.0.0.1:{port}")
    assert verdict(error) == LOST
    assert words(f"through the proxy 127.0.0.1:{port}") in str(error)


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
