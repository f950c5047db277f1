"""Each connection fault is what it says, seen from a bare socket."""

import threading
import time

import pytest

from support import faults_connection as faults
from support.fault_server import OK, FaultServer
from support.ports import closed_port, syn_black_hole
from support.raw_client import RawClient, embed_request
from support.vectors import good_json, text_id


def ask_anew(server):
    with RawClient(server.port) as client:
        client.ask("a")
        return client.read_to_end()


def read_until_reset(client):
    """Everything that came before the reset."""
    got = b""
    try:
        while data := client.sock.recv(100):
            got += data
    except ConnectionResetError:
        return got
    raise AssertionError("the server closed without a reset")


def ask_until_noticed(client):
    """The first write after the end is still taken by the kernel; one of the next is not."""
    for _ in range(100):
        client.ask("c")
        time.sleep(0.01)


def answered(server):
    server.oracle.wait_until_idle()
    return [record.answered for record in server.requests]


def test_rst_on_connect_resets_before_a_request_is_seen():
    with FaultServer(faults.rst_on_connect) as server, pytest.raises(ConnectionError):
        ask_anew(server)
    assert (len(server.requests), server.connections[0].fault) == (0, "rst_on_connect")


def test_fin_on_connect_ends_without_a_reset():
    with FaultServer(faults.fin_on_connect) as server, RawClient(server.port) as client:
        client.ask("a")
        assert client.read_to_end() == b""
    assert server.requests == []


@pytest.mark.parametrize("fault", [faults.rst_before_any_byte, faults.rst_before_body], ids=str)
def test_rst_before_any_byte(fault):
    with FaultServer(fault) as server, RawClient(server.port) as client:
        client.ask("a")
        with pytest.raises(ConnectionResetError):
            client.read_to_end()
    assert [(record.fault, record.bytes_sent) for record in server.requests] == [(fault.name, 0)]


def test_fin_before_any_byte():
    with FaultServer(faults.fin_before_any_byte) as server, RawClient(server.port) as client:
        client.ask("a")
        assert client.read_to_end() == b""
        assert answered(server) == [()]


def test_close_after_answer_is_complete_and_unannounced():
    with FaultServer(faults.close_after_answer) as server, RawClient(server.port) as client:
        client.ask("a", "b")
        head, body = client.read_response()
        assert b"connection:" not in head.lower()
        assert body == good_json(["a", "b"])
        assert client.read_to_end() == b""
        assert answered(server) == [(text_id("a"), text_id("b"))]
        with pytest.raises(ConnectionError):
            ask_until_noticed(client)


@pytest.mark.parametrize(
    "fault", [faults.rst_after_answer, faults.rst_mid_body, faults.rst_mid_headers], ids=str
)
def test_what_was_sent_arrives_before_the_reset(fault):
    with FaultServer(fault) as server, RawClient(server.port) as client:
        client.ask("a")
        got = read_until_reset(client)
        server.oracle.wait_until_idle()
        assert len(got) == server.requests[0].bytes_sent > 0
        assert got.endswith(good_json(["a"])) == (fault is faults.rst_after_answer)


@pytest.mark.parametrize("fault", [faults.fin_mid_body, faults.fin_mid_headers], ids=str)
def test_an_end_in_the_middle_is_a_clean_one(fault):
    with FaultServer(fault) as server, RawClient(server.port) as client:
        client.ask("a")
        got = client.read_to_end()
        assert got.startswith(b"HTTP/1.1 200 OK\r\n")
        assert not got.endswith(good_json(["a"]))
        assert answered(server) == [()]


@pytest.mark.parametrize("fault", [faults.black_hole, faults.black_hole_on_connect], ids=str)
def test_a_black_hole_says_nothing_and_stays_open(fault):
    with FaultServer(fault) as server, RawClient(server.port, timeout=0.1) as client:
        client.ask("a")
        with pytest.raises(TimeoutError):
            client.sock.recv(1)


def test_a_black_hole_notices_that_the_client_left():
    with FaultServer(faults.black_hole) as server:
        with RawClient(server.port) as client:
            client.ask("a")
            server.oracle.wait_for_requests(1)
            assert server.oracle.in_flight == 1
        server.oracle.wait_until_idle()
        server.oracle.wait_until_closed()


def test_never_read_body_stalls_the_write():
    with (
        FaultServer(faults.never_read_body, receive_buffer=4096) as server,
        RawClient(server.port, timeout=0.2) as client,
    ):
        with pytest.raises(TimeoutError):
            client.sock.sendall(embed_request(["x" * 8_000_000]))
        assert server.requests[0].fault == "never_read_body"
        assert server.requests[0].problem is None


def test_close_when_idle_closes_later_and_an_announced_close_says_so():
    with FaultServer([faults.close_when_idle(0.05), faults.announced_close]) as server:
        with RawClient(server.port) as client:
            client.ask("a")
            client.read_response()
            client.sock.settimeout(0.01)
            with pytest.raises(TimeoutError):
                client.sock.recv(1)
            client.sock.settimeout(5)
            assert client.read_to_end() == b""
        with RawClient(server.port) as client:
            client.ask("a")
            assert b"Connection: close" in client.read_response()[0]
            assert client.read_to_end() == b""


def test_black_hole_mid_body_holds_the_other_half():
    with FaultServer(faults.black_hole_mid_body) as server, RawClient(server.port, timeout=0.1) as client:
        client.ask("a")
        with pytest.raises(TimeoutError):
            client.read_response()


def test_a_closed_port_refuses():
    with closed_port() as port, pytest.raises(ConnectionRefusedError):
        RawClient(port)


def test_a_syn_black_hole_never_connects():
    with syn_black_hole() as port, pytest.raises(TimeoutError):
        RawClient(port, timeout=0.1)


def test_closing_ends_everything_quickly():
    faults_in_play = [faults.black_hole, faults.black_hole_mid_body, faults.never_read_body, OK]
    before = threading.active_count()
    server = FaultServer(faults_in_play)
    clients = [RawClient(server.port) for _ in range(8)]
    for client in clients:
        client.ask("a")
    server.oracle.wait_for_requests(8)
    start = time.monotonic()
    server.close()
    server.close()
    assert time.monotonic() - start < 1
    assert threading.active_count() == before
    for client in clients:
        client.sock.close()
