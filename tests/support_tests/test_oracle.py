"""The log tells the truth about what was asked and played, and knows a wrong vector."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest

from support.audit import Authorization
from support.fault_server import Fault, FaultServer
from support.faults import announced_close, rst_before_any_byte, status
from support.raw_client import RawClient, embed_request
from support.reader import EMBED_PATH
from support.script import at_random
from support.vectors import text_id, vector_for, vectors_for


def ask_anew(server):
    with RawClient(server.port) as client:
        client.ask("a")
        return client.read_to_end()


def test_the_log_of_a_request():
    credential = "Basic a2V5OnNlY3JldA=="
    request = embed_request(
        ["first text", "second text"], ("Authorization", credential), ("X-Request-Id", "r1")
    )
    with FaultServer(expected_authorization=credential) as server, RawClient(server.port) as client:
        client.sock.sendall(request)
        client.read_response()
        server.oracle.wait_until_idle()
        record = server.requests[0]
        assert record.text_ids == record.answered == (text_id("first text"), text_id("second text"))
        assert (record.bytes_received, record.header("X-Request-ID")) == (len(request), "r1")
        assert record.authorization is Authorization.EXPECTED
        assert "a2V5" not in repr(server.requests)
        assert "first text" not in repr(server.requests)
        server.oracle.assert_well_formed()
        assert (
            server.oracle.times_received()
            == server.oracle.times_answered()
            == {text_id("first text"): 1, text_id("second text"): 1}
        )


@pytest.mark.parametrize(
    ("headers", "verdict"),
    [
        ([], Authorization.ABSENT),
        ([("Authorization", "Basic x")], Authorization.OTHER),
        ([("Authorization", "Basic yes")] * 2, Authorization.SEVERAL),
    ],
)
def test_other_authorizations(headers, verdict):
    with FaultServer(expected_authorization="Basic yes") as server, RawClient(server.port) as client:
        client.sock.sendall(embed_request(["a"], *headers))
        client.read_response()
        assert server.requests[0].authorization is verdict


@pytest.mark.parametrize(
    "request_bytes",
    [
        embed_request(["a"], ("X-Other", "sEcReT=")),
        embed_request(["a sEcReT="]),
        embed_request(["a"]).replace(b":embed", b":embed?k=sEcReT="),
    ],
    ids=["header", "body", "target"],
)
def test_a_credential_in_the_wrong_place_is_seen(request_bytes):
    with FaultServer(expected_authorization="Basic sEcReT=") as server, RawClient(server.port) as client:
        client.sock.sendall(request_bytes)
        client.read_response()
        with pytest.raises(AssertionError):
            server.oracle.assert_well_formed()
        assert server.requests[0].credential_elsewhere


@pytest.mark.parametrize(
    "request_bytes",
    [
        embed_request(["a"]).replace(b"POST", b"PUT"),
        embed_request(["a"]).replace(b":embed", b":embed/"),
        embed_request(["a"]).replace(b'"inputs"', b'"inputz"'),
        embed_request(["a"]).replace(b"application/json", b"text/plain"),
    ],
)
def test_requests_that_are_no_embed_requests_are_noted(request_bytes):
    with FaultServer() as server, RawClient(server.port) as client:
        client.sock.sendall(request_bytes)
        client.read_response()
        with pytest.raises(AssertionError):
            server.oracle.assert_well_formed()


def test_a_chunked_request_is_read():
    body = json.dumps({"inputs": [{"text": "a"}]}).encode()
    with FaultServer() as server:
        answer = httpx.post(
            server.url + EMBED_PATH,
            content=iter([body[:5], body[5:]]),
            headers={"Content-Type": "application/json"},
        )
        assert answer.json()["embeddings"][0]["values"] == vector_for("a").tolist()
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
    assert vector_for("Hello", 40)[:8].tolist() == vector_for("Hello", 8).tolist()
    assert vectors_for([], 4).shape == (0, 4)
    assert text_id("\ud800") != text_id("\ud801")


def test_a_mistake_in_a_fault_surfaces_when_the_server_closes():
    broken = Fault("broken", lambda ex: 1 / 0)
    server = FaultServer(broken)
    assert ask_anew(server) == b""
    with pytest.raises(ExceptionGroup, match="itself failed"):
        server.__exit__(None, None, None)


def test_waiting_for_requests_that_never_come_ends():
    with FaultServer() as server, pytest.raises(TimeoutError, match="0 requests"):
        server.oracle.wait_for_requests(1, seconds=0.01)


def test_many_threads_and_random_faults_leave_a_consistent_log():
    script = at_random(7, 0.3, [status(503), rst_before_any_byte, announced_close])
    before = threading.active_count()

    def work(number):
        texts = [f"{number}-{row}" for row in range(3)]
        for _ in range(50):
            try:
                answer = client.post(
                    server.url + EMBED_PATH, json={"inputs": [{"text": one} for one in texts]}
                )
            except httpx.TransportError:
                continue
            if answer.status_code == 200:
                rows = [row["values"] for row in answer.json()["embeddings"]]
                server.oracle.check(texts, np.float32(rows))
                return texts
        raise AssertionError("fifty failures in a row")

    with FaultServer(script) as server, httpx.Client() as client, ThreadPoolExecutor(16) as pool:
        texts = [text for part in pool.map(work, range(200)) for text in part]
        server.oracle.wait_until_idle()
        assert server.oracle.all_answered(texts)
        assert server.oracle.faults_played().total() == len(server.requests)
        assert [record.number for record in server.requests] == list(range(len(server.requests)))
        server.oracle.assert_well_formed()
    assert threading.active_count() == before
