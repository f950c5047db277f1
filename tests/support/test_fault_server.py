"""The fault server's contract: it plays what it is told to when it is told to, and its log tells the truth."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest

from support.fault import OK, ByConnection, at_random, later_on_each_connection
from support.fault_server import Fault, FaultServer
from support.faults import (
    MIXED,
    announced_close,
    black_hole,
    fin_on_connect,
    gzip_bomb,
    packed,
    rst_before_any_byte,
    rst_before_body,
)
from support.network import ConnectProxy, embed_request
from support.oracle import EMBED_PATH, Authorization
from support.vectors import text_id, vectors_for

CREDENTIAL = "Basic a2V5OnNlY3JldA=="


def post(server, *texts, **options):
    inputs = [{"text": text} for text in texts or ("a",)]
    return httpx.post(
        server.url + EMBED_PATH, json={"inputs": inputs}, trust_env=False, verify=False, timeout=60, **options
    )


def ask(server, *texts):
    """The status of a right client's request, or the class of the error, over a connection of its own."""
    try:
        return post(server, *texts).status_code
    except (httpx.TransportError, httpx.DecodingError) as error:
        return type(error)


def send(server, data):
    """Send these bytes, and read to the end."""
    with socket.create_connection(("127.0.0.1", server.port), 30) as sock:
        sock.sendall(data)
        while sock.recv(65536):
            pass


def test_the_log_of_a_request():
    texts = ["first text", "second text"]
    with FaultServer(expected_authorization=CREDENTIAL) as server:
        post(server, *texts, headers={"Authorization": CREDENTIAL, "X-Request-Id": "r1"})
        server.oracle.wait_until_idle()
        record = server.requests[0]
        assert record.text_ids == record.answered == tuple(map(text_id, texts))
        assert record.header("X-Request-ID") == "r1"
        assert record.authorization is Authorization.EXPECTED
        assert "a2V5" not in repr(server.requests)
        assert "first text" not in repr(server.requests)
        server.oracle.assert_well_formed()


@pytest.mark.parametrize(
    ("headers", "verdict"),
    [
        ([], Authorization.ABSENT),
        ([("Authorization", "Basic x")], Authorization.OTHER),
        ([("Authorization", CREDENTIAL)] * 2, Authorization.SEVERAL),
    ],
)
def test_other_authorizations(headers, verdict):
    with FaultServer(expected_authorization=CREDENTIAL) as server:
        post(server, headers=headers)
        assert server.requests[0].authorization is verdict


GOOD = embed_request(["a"])
WRONG = {
    "key in a header": GOOD.replace(b"Host", b"X-Other: a2V5OnNlY3JldA==\r\nHost"),
    "key in the body": embed_request(["a2V5OnNlY3JldA=="]),
    "key in the target": GOOD.replace(b":embed", b":embed?k=a2V5OnNlY3JldA=="),
    "method": GOOD.replace(b"POST", b"PUT"),
    "body": GOOD.replace(b'"inputs"', b'"inputz"'),
    "type": GOOD.replace(b"application/json", b"text/plain"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_with_a_request_is_seen(wrong):
    with FaultServer(announced_close, expected_authorization=CREDENTIAL) as server:
        send(server, GOOD)
        server.oracle.assert_well_formed()
        send(server, WRONG[wrong])
        with pytest.raises(AssertionError):
            server.oracle.assert_well_formed()


def test_the_oracle_checks_shape_type_and_place():
    with FaultServer(dim=5) as server:
        good = vectors_for(["a", "b"], 5)
        server.oracle.check(["a", "b"], good)
        server.oracle.check_one("a", good[0])
        for wrong in (good[::-1], good[:1], good.astype(np.float64), good + np.float32(1e-6), good[:, :4]):
            with pytest.raises(AssertionError):
                server.oracle.check(["a", "b"], wrong)


def test_vectors_are_float32_distinct_and_steady():
    vectors = vectors_for([f"text {number}" for number in range(5000)], 4)
    assert vectors.dtype == np.float32
    assert len(np.unique(vectors, axis=0)) == 5000
    assert np.abs(vectors).max() <= 1
    assert vectors_for(["Hello"], 40)[0, :8].tolist() == vectors_for(["Hello"], 8)[0].tolist()
    assert text_id("\ud800") != text_id("\ud801")


def test_faults_come_in_order_at_their_stage_and_the_last_one_stays():
    script = [fin_on_connect, rst_before_body, "status=418", rst_before_any_byte, OK]
    with FaultServer(script) as server:
        seen = [ask(server) for _ in range(6)]
        assert seen[0] is httpx.RemoteProtocolError
        assert issubclass(seen[1], httpx.TransportError)
        assert seen[2:] == [418, httpx.ReadError, 200, 200]
        played = ("fin_on_connect", "rst_before_body", "status=418", "rst_before_any_byte", "ok", "ok")
        assert server.oracle.faults_played() == {name: played.count(name) for name in played}


def test_a_script_may_be_words_of_the_emulator():
    with FaultServer('status=503;retry-after=2 x2, poison="bad" x2, repeat') as server:
        assert [ask(server, "bad") for _ in range(3)] == [503, 503, 400]
        assert [ask(server, "good") for _ in range(2)] == [200, 503]
        assert [bool(record.answered) for record in server.requests] == [False, False, False, True, False]
    with FaultServer("drop;reset x1, drop x1, short") as server:
        assert [ask(server) for _ in range(2)] == [httpx.ReadError, httpx.RemoteProtocolError]
        assert [row["values"] for row in post(server, "a", "b").json()["embeddings"]] == vectors_for(
            ["a"]
        ).tolist()
        assert server.requests[-1].answered == ()


@pytest.mark.parametrize(
    "script", [ByConnection({0: [OK, "status=418"]}), later_on_each_connection("status=418")]
)
def test_scripts_by_connection(script):
    with FaultServer(script) as server, httpx.Client(trust_env=False) as client:
        url = server.url + EMBED_PATH
        assert [client.post(url, json={"inputs": []}).status_code for _ in range(2)] == [200, 418]
        assert ask(server) == 200


def test_a_mistake_in_a_fault_surfaces_when_the_server_closes():
    server = FaultServer(Fault("broken", lambda ex: 1 / 0))
    assert ask(server) is httpx.RemoteProtocolError
    with pytest.raises(ExceptionGroup, match="itself failed"):
        server.close()


def test_waits_end_with_the_server_or_with_their_time():
    with FaultServer(black_hole) as server:
        with pytest.raises(TimeoutError, match="0 requests"):
            server.oracle.wait_for_requests(1, seconds=0.01)
        asking = threading.Thread(target=ask, args=(server,))
        asking.start()
        server.oracle.wait_for_requests(1)
    asking.join()
    assert [record.closed for record in server.connections] == [True]


def test_a_bomb_is_one_valid_stream_a_hundredth_of_its_size():
    assert len(b"".join(packed(10**7))) < 10**5
    with FaultServer(gzip_bomb(10**7)) as server:
        assert post(server).content.isspace()


def test_the_proxy_sees_a_key_that_is_not_in_tls():
    with FaultServer() as server, ConnectProxy() as proxy:
        response = post(server, proxy=proxy.url, headers={"Authorization": CREDENTIAL})
        assert (response.status_code, server.requests) == (501, [])
        assert proxy.records[0].authorization_in_clear


def test_many_threads_and_random_faults_leave_a_consistent_log():
    before = threading.active_count()
    with FaultServer(at_random(7, 0.3, MIXED)) as server, ThreadPoolExecutor(8) as workers:
        seen = list(workers.map(lambda number: ask(server, str(number)), range(200)))
        assert {200, 503, httpx.ReadError, httpx.RemoteProtocolError} <= set(seen)
        server.oracle.wait_until_idle()
        assert [record.number for record in server.requests] == list(range(200))
        assert server.oracle.faults_played().total() == 200
        assert set(server.oracle.times_received().values()) == {1}
        assert 100 < server.oracle.times_answered().total() < 200
        server.oracle.assert_well_formed()
    assert threading.active_count() == before
