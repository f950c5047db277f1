"""The fault server's contract: it plays what it is told to when it is told to, and its log tells the truth."""

import logging

import httpx
import numpy as np
import pytest

from support.fault import ByConnection, Fault, Stage
from support.fault_server import FaultServer
from support.faults import rst_on_connect
from support.oracle import EMBED_PATH, KEY
from support.vectors import text_id, vectors_for

CREDENTIAL = ("Authorization", f"Basic {KEY}")


def post(server, *texts, method="POST", **options):
    sent = {"json": {"inputs": [{"text": text} for text in texts or ("a",)]}} | options
    return httpx.request(method, server.url + EMBED_PATH, trust_env=False, verify=False, timeout=60, **sent)


def ask(server, *texts):
    """The status of a right client's request, or the class of the error, over a connection of its own."""
    try:
        return post(server, *texts).status_code
    except httpx.TransportError as error:
        return type(error)


def test_the_log_of_a_request():
    texts = ["first text", "second text"]
    with FaultServer() as server:
        for headers in ([], [CREDENTIAL], [("Authorization", "Basic x")], [CREDENTIAL] * 2):
            post(server, *texts, headers=headers)
        server.oracle.wait_until_idle()
        server.oracle.assert_well_formed()
        assert [record.authorized for record in server.requests] == [False, True, False, False]
    for record in server.requests:
        assert record.text_ids == record.answered == tuple(map(text_id, texts))
        assert KEY[:8] not in repr(record)
        assert "first text" not in repr(record)


WRONG = {
    "key in a header": {"headers": {"X-Other": KEY}},
    "key in the body": {"json": {"inputs": [{"text": KEY}]}},
    "key in the target": {"params": {"k": KEY}},
    "method": {"method": "PUT"},
    "body": {"json": {}},
    "type": {"headers": {"Content-Type": "text/plain"}},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_what_is_wrong_with_a_request_is_seen(wrong, monkeypatch):
    monkeypatch.setattr(logging.root.manager, "disable", logging.CRITICAL)  # httpx tells the target
    with FaultServer() as server:
        post(server, **wrong)
        with pytest.raises(AssertionError):
            server.oracle.assert_well_formed()


def test_the_oracle_checks_shape_type_and_place_of_distinct_vectors():
    with FaultServer(dim=5) as server:
        good = vectors_for(["a", "b"], 5)
        server.oracle.check(["a", "b"], good)
        server.oracle.check_one("a", good[0])
        for wrong in (good[::-1], good[:1], good.astype(np.float64), good + np.float32(1e-6), good[:, :4]):
            with pytest.raises(AssertionError):
                server.oracle.check(["a", "b"], wrong)
    assert len(np.unique(vectors_for([f"text {number}" for number in range(5000)], 4), axis=0)) == 5000


def test_faults_come_in_order_at_their_stage_and_the_last_one_stays():
    rst_before_body = Fault("rst_before_body", lambda ex: ex.conn.rst(), Stage.HEAD)
    with FaultServer([rst_on_connect, rst_before_body, "status=418", "drop;reset", "ok"]) as server:
        seen = [ask(server) for _ in range(6)]
        assert all(issubclass(lost, httpx.TransportError) for lost in seen[:2])
        assert seen[2:] == [418, httpx.ReadError, 200, 200]
        assert [bool(record.texts) for record in server.requests] == [False] + [True] * 4
    with FaultServer('status=503 x2, poison="bad" x2, drop x1, repeat') as server:
        assert [ask(server, "bad") for _ in range(3)] == [503, 503, 400]
        assert [ask(server, "good") for _ in range(3)] == [200, httpx.RemoteProtocolError, 503]
        assert [bool(record.answered) for record in server.requests] == [False] * 3 + [True] + [False] * 2
    with (
        FaultServer(ByConnection({0: ["ok", "status=418"]})) as server,
        httpx.Client(trust_env=False) as client,
    ):
        url = server.url + EMBED_PATH
        assert [client.post(url, json={"inputs": []}).status_code for _ in range(2)] == [200, 418]
        assert ask(server) == 200


def test_a_mistake_in_a_fault_surfaces_when_the_server_closes():
    server = FaultServer(Fault("broken", lambda ex: 1 / 0))
    assert issubclass(ask(server), httpx.TransportError)
    with pytest.raises(ExceptionGroup):
        server.close()
