"""Framing faults, strays and slow answers: the bytes are as promised."""

import http.client
import json
import time

import httpx
import pytest

from support import faults_desync, faults_framing, faults_slow
from support.fault_server import OK, FaultServer
from support.raw_client import RawClient, embed_request
from support.reader import EMBED_PATH
from support.vectors import good_json, stray_texts, vectors_for
from support.wire import response

BODY = {"inputs": [{"text": "a"}, {"text": "b"}], "model": {"model": "m"}}
GOOD = good_json(["a", "b"])


def post(server, client=httpx):
    return client.post(server.url + EMBED_PATH, json=BODY)


def raw_answer(fault, texts=("a", "b")):
    with FaultServer(fault) as server, RawClient(server.port) as client:
        client.sock.sendall(embed_request(texts, ("Connection", "close")))
        got = client.read_to_end()
        server.oracle.wait_until_idle()
        return got, server.requests[0]


@pytest.mark.parametrize(
    "fault",
    [
        OK,
        faults_framing.chunked,
        faults_framing.close_delimited,
        faults_slow.some_1xx(),
        faults_desync.extra_line,
    ],
    ids=str,
)
def test_odd_but_right_answers_are_read_by_httpx(fault):
    with FaultServer(fault) as server:
        vectors = [row["values"] for row in post(server).json()["embeddings"]]
        server.oracle.check(["a", "b"], vectors_for(["a", "b"]))
        assert vectors == vectors_for(["a", "b"]).tolist()
        server.oracle.wait_until_idle()
        assert server.oracle.all_answered(["a", "b"])


@pytest.mark.parametrize("fault", faults_framing.TRUNCATIONS[:-1], ids=str)
def test_truncations_are_protocol_errors(fault):
    with FaultServer(fault) as server, pytest.raises(httpx.RemoteProtocolError):
        post(server)


def test_the_last_truncation_is_only_seen_by_json():
    got, record = raw_answer(faults_framing.truncated_close_delimited)
    head, _, body = got.partition(b"\r\n\r\n")
    assert b"length" not in head.lower()
    assert GOOD.startswith(body)
    assert 0 < len(body) < len(GOOD)
    assert record.answered == ()


def test_the_missing_last_chunk_is_all_that_is_missing():
    got, _ = raw_answer(faults_framing.missing_last_chunk)
    assert got.endswith(f"{len(GOOD):x}\r\n".encode() + GOOD + b"\r\n")


def read_or_none(answer):
    try:
        return answer.read()
    except (http.client.HTTPException, ValueError, OverflowError, OSError):
        return None


@pytest.mark.parametrize("fault", faults_framing.BAD_CHUNK_SIZES, ids=str)
def test_bad_chunk_sizes_keep_the_standard_library_from_the_answer(fault):
    with FaultServer(fault) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=1)
        connection.request("POST", EMBED_PATH, json.dumps(BODY), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        assert read_or_none(answer) != GOOD
        answer.close()
        connection.close()


@pytest.mark.parametrize(
    ("fault", "difference"),
    [(faults_framing.content_length_too_large, 10), (faults_framing.content_length_too_small, -10)],
    ids=["large", "small"],
)
def test_lengths_that_lie(fault, difference):
    got, _ = raw_answer(fault)
    head, _, body = got.partition(b"\r\n\r\n")
    assert int(head.partition(b"Content-Length: ")[2]) == len(GOOD) + difference
    assert body == GOOD


@pytest.mark.parametrize("fault", [*faults_framing.BAD_LENGTHS, faults_framing.length_and_chunked], ids=str)
def test_bad_lengths_stand_in_the_head(fault):
    got, _ = raw_answer(fault)
    assert b"Content-Length: " in got.partition(b"\r\n\r\n")[0]
    assert got.endswith(GOOD)


@pytest.mark.parametrize("fault", faults_framing.NOT_HTTP, ids=str)
def test_what_is_no_http_is_refused_by_httpx(fault):
    with FaultServer(fault) as server, pytest.raises(httpx.RemoteProtocolError):
        post(server)


def test_a_stray_answer_comes_in_the_same_write():
    with FaultServer(faults_desync.extra_response_same_packet) as server, RawClient(server.port) as client:
        client.ask("a", "b")
        assert client.read_response()[1] == GOOD
        stray = response(200, good_json(stray_texts(2)))
        assert client.read_exactly(len(stray)) == stray


def test_a_late_stray_answer_comes_while_the_connection_rests():
    fault = faults_desync.extra_response_when_idle(0.1)
    with FaultServer(fault) as server, RawClient(server.port) as client:
        client.ask("a")
        client.read_response()
        client.sock.settimeout(0.02)
        with pytest.raises(TimeoutError):
            client.sock.recv(1)
        client.sock.settimeout(5)
        server.oracle.wait_until_idle()
        assert client.read_response()[1] == good_json(stray_texts(1))


def test_the_oracle_would_see_a_stray_answer_taken_for_the_next():
    """A client without hygiene: it reads the stray as the answer to its second question."""
    with FaultServer([faults_desync.extra_response_same_packet, OK]) as server:
        with RawClient(server.port) as client:
            client.ask("a")
            client.read_response()
            client.ask("b")
            taken = [row["values"] for row in json.loads(client.read_response()[1])["embeddings"]]
        with pytest.raises(AssertionError, match="row 0 holds the vector of no text"):
            server.oracle.check(["b"], vectors_for(stray_texts(1)))
        assert taken == vectors_for(stray_texts(1)).tolist()


def test_the_header_bomb_is_twenty_megabytes():
    with FaultServer(faults_slow.header_bomb()) as server, RawClient(server.port) as client:
        client.sock.sendall(embed_request(["a"], ("Connection", "close")))
        got = client.read_to_end()
        assert got.count(b"\r\nX-Bomb-") == 20_000
        assert 20e6 < len(got) < 21e6


@pytest.mark.parametrize(
    "fault",
    [faults_slow.endless_header, faults_slow.endless_headers, faults_slow.endless_status_line],
    ids=str,
)
def test_endless_heads_go_on_until_the_client_leaves(fault):
    with FaultServer(fault) as server:
        with RawClient(server.port) as client:
            client.ask("a")
            got = client.read_exactly(1_000_000)
        server.oracle.wait_until_idle()
        assert b"\r\n\r\n" not in got
        assert server.requests[0].bytes_sent >= 1_000_000


@pytest.mark.parametrize(
    "fault",
    [
        faults_slow.slow_headers(0.01),
        faults_slow.slow_body(0.01),
        faults_slow.slow_error(503, 0.01),
        faults_slow.endless_1xx(interval=0.01),
    ],
    ids=str,
)
def test_slow_answers_drip_and_stop_when_the_server_closes(fault):
    with FaultServer(fault) as server, RawClient(server.port) as client:
        client.ask("a" * 50)
        start = time.monotonic()
        for _ in range(5):
            assert client.sock.recv(1)
        server.close()
        assert time.monotonic() - start < 2
    assert server.requests[0].answered == ()


def test_endless_1xx_is_made_of_interim_responses():
    with FaultServer(faults_slow.endless_1xx(interval=0)) as server, RawClient(server.port) as client:
        client.ask("a")
        one = b"HTTP/1.1 102 Processing\r\n\r\n"
        assert client.read_exactly(len(one) * 100) == one * 100
