"""Section A, TLS: who is trusted, which versions, what a broken handshake is."""

import ssl
import time

import pytest

from inworld_embeddings import APIConnectionError, APITimeoutError, ConfigurationError, TLSError
from inworld_embeddings._http import connect
from support.clients import BOTH, BOTH_OPEN, within, words
from support.fault_server import OK, FaultServer
from support.faults import (
    alert_protocol_version,
    fin_in_handshake,
    garbage_in_handshake,
    handshake_stall,
    handshake_stall_after_hello,
    plaintext_answer_in_handshake,
    rst_in_handshake,
    rst_on_connect,
    tls_bytes,
)
from support.script import ByConnection

THREE_TEXTS = ["a", "b", "c"]
ONE_EACH = {"batch_size": 1, "max_concurrency": 1}


def assert_refused_once(server, embed, url=None, match=None):
    """The first attempt is the last, for the whole call, and no request was read."""
    with pytest.raises(TLSError, match=match) as caught:
        embed(url or server.url, THREE_TEXTS, **ONE_EACH)
    server.oracle.wait_until_closed()
    assert (caught.value.attempts, caught.value.retryable) == (1, False)
    assert len(server.connections) == 1
    server.oracle.assert_requests(0)


@BOTH
def test_A05_a_trusted_certificate_is_accepted(embed, trusted):
    with FaultServer(tls=trusted.good) as server:
        server.oracle.check(THREE_TEXTS, embed(server.url, THREE_TEXTS).vectors)
        server.oracle.check_one("a", embed(f"https://localhost:{server.port}", "a"))


@BOTH
@pytest.mark.parametrize("certificate", ["untrusted", "expired", "not_yet_valid", "wrong_host"])
def test_A05_a_certificate_that_cannot_be_trusted_ends_the_call_at_once(embed, certificate, trusted):
    with FaultServer(tls=getattr(trusted, certificate)) as server:
        assert_refused_once(server, embed)


@BOTH
def test_A05_the_authority_counts_only_where_the_environment_is_trusted(embed, trusted):
    with FaultServer(tls=trusted.good) as server:
        with pytest.raises(TLSError):
            embed(server.url, "text", trust_env=False)
        server.oracle.assert_requests(0)


@BOTH
def test_A05_nothing_in_the_environment_switches_verification_off(embed, monkeypatch, tls):
    for name in ("PYTHONHTTPSVERIFY", "CURL_INSECURE", "SSL_VERIFY"):
        monkeypatch.setenv(name, "0")
    connect.tls_context.cache_clear()
    with FaultServer(tls=tls.good) as server:
        assert_refused_once(server, embed)


@BOTH
@pytest.mark.skipif(not ssl.HAS_TLSv1_1, reason="this OpenSSL cannot speak TLS 1.1")
def test_A06_a_server_with_tls_1_1_at_most_is_refused(embed, trusted):
    with FaultServer(tls=trusted.tls11) as server:
        assert_refused_once(server, embed)


@BOTH
def test_A06_a_version_alert_is_final(embed, trusted):
    with FaultServer(alert_protocol_version) as server:
        assert_refused_once(server, embed, f"https://127.0.0.1:{server.port}")


def test_A06_the_oldest_version_is_1_2():
    assert connect.tls_context(trust_env=False).minimum_version is ssl.TLSVersion.TLSv1_2


@BOTH
def test_A07_https_to_a_plaintext_port_is_final_and_says_so(embed, trusted):
    with FaultServer(plaintext_answer_in_handshake) as server:
        url = f"https://127.0.0.1:{server.port}"
        assert_refused_once(server, embed, url, match="does not speak TLS on this port .*begin with http://")


@BOTH_OPEN
def test_A07_https_to_a_silent_plaintext_port_is_bounded_by_the_connect_timeout(
    opened, trusted, short_connect
):
    with FaultServer() as server, opened(f"https://127.0.0.1:{server.port}", max_retries=0) as embed:
        with within(0.2), pytest.raises(APITimeoutError):
            embed("text")
        server.oracle.assert_requests(0)


@BOTH
def test_A07_http_to_a_port_that_answers_in_tls_is_final_and_says_so(embed):
    with FaultServer(tls_bytes) as server:
        with pytest.raises(
            TLSError, match="speaks TLS on this port: base_url must begin with https://"
        ) as caught:
            embed(server.url, THREE_TEXTS, **ONE_EACH)
        assert (caught.value.attempts, caught.value.retryable) == (1, False)
        server.oracle.assert_requests(1)


@BOTH
def test_A07_http_to_a_tls_port_that_hangs_up_comes_with_a_hint(embed, trusted):
    with FaultServer(tls=trusted.good) as server:
        with pytest.raises(
            APIConnectionError, match=words("if that port speaks TLS, the URL must begin with https://")
        ):
            embed(f"http://127.0.0.1:{server.port}", "text")
        server.oracle.assert_requests(0)
        assert 1 <= len(server.connections) <= 3  # a hang-up without a word looks the same as B02


@BOTH
@pytest.mark.parametrize("stall", [handshake_stall, handshake_stall_after_hello], ids=["deaf", "after_hello"])
def test_A08_a_stalled_handshake_falls_under_the_connect_timeout(embed, stall, trusted, short_connect):
    with FaultServer(ByConnection({0: [stall]}), tls=trusted.good) as server:
        started = time.monotonic()
        server.oracle.check_one("text", embed(server.url, "text"))
        assert time.monotonic() - started >= 0.2
        server.oracle.assert_requests(1)
        server.oracle.assert_connections(2)


@BOTH
def test_A08_handshakes_that_always_stall_are_tried_three_times(embed, trusted, short_connect):
    with FaultServer(handshake_stall, tls=trusted.good) as server:
        with pytest.raises(APITimeoutError) as caught:
            embed(server.url, "text")
        assert (caught.value.attempts, len(server.connections)) == (3, 3)


@BOTH
@pytest.mark.parametrize("loss", [rst_in_handshake, fin_in_handshake, rst_on_connect], ids=str)
def test_A09_a_connection_lost_in_the_handshake_is_transient(embed, loss, trusted):
    with FaultServer(ByConnection({0: [loss], 1: [loss]}), tls=trusted.good) as server:
        server.oracle.check_one("text", embed(server.url, "text"))
        server.oracle.assert_requests(1)
        server.oracle.assert_connections(3)
    with FaultServer(loss, tls=trusted.good) as server:
        with pytest.raises(APIConnectionError) as caught:
            embed(server.url, "text")
        assert not isinstance(caught.value, TLSError)
        assert (caught.value.attempts, caught.value.retryable, len(server.connections)) == (3, True, 3)


@BOTH
def test_A09_garbage_in_the_handshake_is_no_loss_but_a_refusal(embed, trusted):
    with FaultServer([garbage_in_handshake, OK], tls=trusted.good) as server:
        assert_refused_once(server, embed)


@BOTH
def test_A13_certificates_that_cannot_be_loaded_are_a_configuration_error(embed, monkeypatch, tmp_path):
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))
    connect.tls_context.cache_clear()
    with FaultServer() as server:
        with pytest.raises(ConfigurationError, match="SSL_CERT_FILE"):
            embed(f"https://127.0.0.1:{server.port}", "text")
        assert server.connections == []
