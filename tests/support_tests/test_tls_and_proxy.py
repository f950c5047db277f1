"""TLS: only the good certificate is trusted. The proxy: tunnels, refuses, dies, and sees what it may see."""

import socket
import ssl
import time

import httpx
import pytest

from support import faults_tls, proxy
from support.audit import Authorization
from support.fault_server import FaultServer
from support.faults_connection import never_read_body
from support.ports import closed_port
from support.proxy import ConnectProxy
from support.raw_client import RawClient, embed_request
from support.reader import EMBED_PATH
from support.tls import at_most_tls11, make_tls
from support.vectors import vectors_for

BODY = {"inputs": [{"text": "a"}]}


@pytest.fixture(scope="module")
def tls(tmp_path_factory):
    return make_tls(tmp_path_factory.mktemp("tls"))


def post(url, tls, **options):
    with httpx.Client(verify=tls.client_context(), trust_env=False, **options) as client:
        return client.post(url + EMBED_PATH, json=BODY, headers={"Authorization": "Basic x"})


def test_the_good_certificate_is_trusted(tls):
    with FaultServer(tls=tls.good) as server:
        answer = post(server.url, tls)
        assert answer.json()["embeddings"][0]["values"] == vectors_for(["a"])[0].tolist()
        assert post(f"https://localhost:{server.port}", tls).status_code == 200


# X509_V_ERR_..., as OpenSSL numbers them; its texts change between versions.
HAS_EXPIRED, NOT_YET_VALID, NO_LOCAL_ISSUER, SELF_SIGNED_IN_CHAIN, OTHER_ADDRESS = {10}, {9}, 20, 19, {64}


@pytest.mark.parametrize(
    ("name", "reasons"),
    [
        ("untrusted", {NO_LOCAL_ISSUER, SELF_SIGNED_IN_CHAIN}),
        ("expired", HAS_EXPIRED),
        ("not_yet_valid", NOT_YET_VALID),
        ("wrong_host", OTHER_ADDRESS),
    ],
)
def test_the_others_are_refused_for_the_right_reason_before_a_request(tls, name, reasons):
    with FaultServer(tls=getattr(tls, name)) as server:
        plain = socket.create_connection(("127.0.0.1", server.port), 5)
        with plain, pytest.raises(ssl.SSLCertVerificationError) as caught:
            tls.client_context().wrap_socket(plain, server_hostname="127.0.0.1")
        assert caught.value.verify_code in reasons
        server.oracle.wait_until_closed()
        assert server.requests == []
        assert server.connections[0].tls_error


def test_the_old_server_is_refused_before_a_request(tls):
    with FaultServer(tls=tls.tls11) as server:
        with pytest.raises(httpx.ConnectError):
            post(server.url, tls)
        server.oracle.wait_until_closed()
        assert server.requests == []
        assert server.connections[0].tls_error


@pytest.mark.skipif(not ssl.HAS_TLSv1_1, reason="this OpenSSL cannot speak TLS 1.1")
def test_the_old_server_does_serve_a_client_that_stoops(tls):
    with FaultServer(tls=tls.tls11) as server:
        context = at_most_tls11(tls.client_context())
        plain = socket.create_connection(("127.0.0.1", server.port), 5)
        with context.wrap_socket(plain, server_hostname="localhost") as secure:
            assert secure.version() == "TLSv1.1"


def test_https_to_a_plain_port_and_http_to_a_tls_port(tls):
    with FaultServer() as server:
        server_url = f"https://127.0.0.1:{server.port}"
        with pytest.raises((httpx.ConnectError, httpx.ConnectTimeout)):
            post(server_url, tls, timeout=0.3)
    with FaultServer(tls=tls.good) as server:
        with pytest.raises(httpx.TransportError):
            post(f"http://127.0.0.1:{server.port}", tls)
        server.oracle.wait_until_closed()
        assert server.connections[0].tls_error


@pytest.mark.parametrize(
    "fault",
    [
        faults_tls.rst_in_handshake,
        faults_tls.fin_in_handshake,
        faults_tls.plaintext_answer_in_handshake,
        faults_tls.alert_protocol_version,
        faults_tls.garbage_in_handshake,
    ],
    ids=str,
)
def test_broken_handshakes(tls, fault):
    with FaultServer([fault, faults_tls.handshake_stall], tls=tls.good) as server:
        with pytest.raises(httpx.ConnectError):
            post(server.url, tls)
        server.oracle.wait_until_closed()
        assert server.oracle.faults_played() == {fault.name: 1}


@pytest.mark.parametrize(
    "fault", [faults_tls.handshake_stall, faults_tls.handshake_stall_after_hello], ids=str
)
def test_stalled_handshakes(tls, fault):
    with FaultServer(fault, tls=tls.good) as server, pytest.raises(httpx.ConnectTimeout):
        post(server.url, tls, timeout=0.2)


def test_closing_a_tls_server_ends_idle_and_half_open_connections(tls):
    context = tls.client_context()
    server = FaultServer(tls=tls.good)
    with socket.create_connection(("127.0.0.1", server.port)), RawClient(server.port) as client:
        client.sock = context.wrap_socket(client.sock, server_hostname="localhost")
        client.ask("a")
        client.read_response()
        server.close()
    assert [record.closed for record in server.connections] == [True, True]


def test_the_tunnel_carries_tls_and_hides_the_key(tls):
    with FaultServer(tls=tls.good, expected_authorization="Basic x") as server, ConnectProxy() as between:
        assert post(server.url, tls, proxy=between.url).status_code == 200
        assert between.targets == [f"127.0.0.1:{server.port}"]
        record = between.records[0]
        assert not record.authorization_in_clear
        assert not record.proxy_authorization
        assert record.bytes_up > 500
        assert record.bytes_down > 500
        assert server.requests[0].authorization is Authorization.EXPECTED


def test_a_route_lets_a_test_name_any_host(tls):
    with FaultServer(tls=tls.wrong_host) as server, ConnectProxy() as between:
        between.routes["elsewhere.example:443"] = server.port
        assert post("https://elsewhere.example", tls, proxy=between.url).status_code == 200
        assert between.targets == ["elsewhere.example:443"]


def test_a_request_in_clear_is_recorded_and_not_forwarded(tls):
    with FaultServer() as server, ConnectProxy() as between:
        assert post(server.url, tls, proxy=between.url).status_code == 501
        assert server.requests == []
        assert between.records[0].authorization_in_clear


def test_a_key_in_a_tunnel_without_tls_is_seen():
    with FaultServer() as server, ConnectProxy() as between, RawClient(between.port) as client:
        client.sock.sendall(f"CONNECT 127.0.0.1:{server.port} HTTP/1.1\r\n\r\n".encode())
        assert client.read_exactly(39) == b"HTTP/1.1 200 Connection established\r\n\r\n"
        client.sock.sendall(b"POST / HTTP/1.1\r\nAuthorization: Basic x\r\nContent-Length: 0\r\n\r\n")
        client.read_response()
        assert between.records[0].authorization_in_clear


@pytest.mark.parametrize("status", [407, 502])
def test_a_proxy_may_refuse(tls, status):
    with FaultServer(tls=tls.good) as server, ConnectProxy(proxy.refuse(status)) as between:
        with pytest.raises(httpx.ProxyError, match=str(status)):
            post(server.url, tls, proxy=between.url)
        assert server.connections == []


def test_a_target_that_is_not_there_is_a_502(tls):
    with closed_port() as port, ConnectProxy() as between, pytest.raises(httpx.ProxyError, match="502"):
        post(f"https://127.0.0.1:{port}", tls, proxy=between.url)


def test_closing_the_proxy_ends_a_tunnel_that_is_stuck_in_a_write():
    with FaultServer(never_read_body, receive_buffer=4096) as server:
        between = ConnectProxy()
        with RawClient(between.port, timeout=0.2) as client:
            client.sock.sendall(f"CONNECT 127.0.0.1:{server.port} HTTP/1.1\r\n\r\n".encode())
            client.read_exactly(39)
            with pytest.raises(TimeoutError):
                client.sock.sendall(embed_request(["x" * 16_000_000]))
            start = time.monotonic()
            between.__exit__(None, None, None)
            assert time.monotonic() - start < 1


@pytest.mark.parametrize("behaviour", [proxy.die, proxy.die_in_tunnel(1), proxy.die_in_tunnel(3000)])
def test_a_proxy_may_die(tls, behaviour):
    with (
        FaultServer(tls=tls.good, dim=1000) as server,
        ConnectProxy(behaviour) as between,
        pytest.raises(httpx.TransportError),
    ):
        post(server.url, tls, proxy=between.url)


def test_a_proxy_may_fall_silent(tls):
    with (
        FaultServer(tls=tls.good) as server,
        ConnectProxy(proxy.black_hole) as between,
        pytest.raises(httpx.TimeoutException),
    ):
        post(server.url, tls, proxy=between.url, timeout=0.2)


def test_a_proxy_dies_at_the_very_byte():
    with FaultServer() as server, ConnectProxy(proxy.die_in_tunnel(10)) as between:
        with RawClient(between.port) as client:
            client.sock.sendall(f"CONNECT 127.0.0.1:{server.port} HTTP/1.1\r\n\r\n".encode())
            client.read_exactly(39)
            client.ask("a")
            with pytest.raises(ConnectionError):
                client.read_to_end()
        assert between.records[0].bytes_down == 10
