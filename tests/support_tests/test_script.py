"""The script plays what it should when it should."""

import contextlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from support import soak
from support.fault_server import OK, FaultServer, Request
from support.faults_connection import announced_close, rst_on_connect
from support.faults_status import status
from support.load import knee, outage, phases, slow_start, slower_between
from support.raw_client import RawClient, embed_request
from support.reader import EMBED_PATH, Head
from support.script import ByConnection, at_random, first_on_each_connection, later_on_each_connection


def statuses(server, times, client):
    body = {"inputs": [{"text": "a"}]}
    return [client.post(server.url + EMBED_PATH, json=body).status_code for _ in range(times)]


def request(number, at=0.0):
    return Request(number, 0, 0, Head("POST", EMBED_PATH, ()), ("a",), 20, in_flight=4, at=at)


def ask_and_read(server):
    with RawClient(server.port) as client:
        client.ask("a")
        return client.read_response()


def ask_anew(server):
    with RawClient(server.port) as client:
        client.ask("a")
        return client.read_to_end()


def play(script, times, **options):
    with FaultServer(script, **options) as server, httpx.Client() as client:
        return statuses(server, times, client)


def test_a_list_is_played_in_order_and_its_last_repeats():
    assert play([status(500), OK, status(503)], 4) == [500, 200, 503, 503]


def test_a_fault_at_connect_takes_its_turn():
    with FaultServer([rst_on_connect, status(500), OK]) as server:
        with pytest.raises(ConnectionError):
            ask_anew(server)
        with httpx.Client() as client:
            assert statuses(server, 2, client) == [500, 200]
        server.oracle.assert_requests(2)
        server.oracle.assert_connections(2)


def test_a_function_decides_by_the_request():
    assert play(lambda request: status(400 + request.number), 3) == [400, 401, 402]


def test_patterns_by_connection():
    two = [announced_close, OK]
    assert play(ByConnection({1: [status(500), OK]}), 2) == [200, 200]
    with FaultServer(ByConnection({0: two[:1], 1: [status(500), OK]})) as server, httpx.Client() as client:
        assert statuses(server, 3, client) == [200, 500, 200]
        server.oracle.assert_connections(2)
    assert play(first_on_each_connection(status(500)), 3) == [500, 200, 200]
    assert play(later_on_each_connection(status(500)), 3) == [200, 500, 500]


def test_chance_depends_on_the_seed_alone_and_keeps_its_rate():
    faults = [status(500), status(503)]
    first, again, other = (play(at_random(seed, 0.3, faults), 200) for seed in (1, 1, 2))
    assert first == again != other
    assert 35 <= 200 - first.count(200) <= 85
    assert {500, 503} <= set(first)


def test_time_decides():
    def at(seconds):
        return request(0, at=seconds)

    script = outage(2, 3)
    assert [script(at(100 + t)).name for t in (0, 1.9, 2, 4.9, 5)] == [
        "ok",
        "ok",
        "status_503",
        "status_503",
        "ok",
    ]
    assert phases((1, status(500)), then=status(404))(at(0)).name == "status_500"
    slower = slower_between(0.1, 10, 1, 2)
    assert [slower(at(t)) for t in (0, 1, 2)] == [0.1, 1.0, 0.1]
    falling = slow_start(0.1, 10, factor=11)
    assert [round(falling(at(t)), 3) for t in (0, 5, 10, 20)] == [1.1, 0.6, 0.1, 0.1]
    assert (knee(0.1, 2)(at(0)), knee(0.1, 8)(at(0))) == (0.2, 0.1)


def test_latency_may_depend_on_the_request():
    seen = []

    def latency(request):
        seen.append(request.in_flight)
        return 0.02

    with FaultServer(latency=latency) as server, httpx.Client() as client, ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: statuses(server, 1, client), range(8)))
        assert all(record.finished - record.started >= 0.02 for record in server.requests[:4])
    assert max(seen) > 1


def test_a_server_comes_back_on_the_same_port():
    with FaultServer() as server:
        ask_and_read(server)
    with pytest.raises(ConnectionRefusedError):
        RawClient(server.port)
    with FaultServer(port=server.port) as again:
        ask_and_read(again)
        again.oracle.assert_requests(1)


def test_every_fault_of_the_soak_ends_by_itself():
    names = [fault.name for fault in soak.MIXED]
    assert len(names) == len(set(names))
    with FaultServer(soak.MIXED) as server:
        for _ in names:
            with RawClient(server.port) as client:
                client.sock.sendall(embed_request(["a", "b"], ("Connection", "close")))
                with contextlib.suppress(ConnectionResetError):
                    client.read_to_end()
        server.oracle.wait_until_closed()
        assert server.oracle.faults_played() == dict.fromkeys(names, 1)


def test_the_soak_keeps_its_rate():
    chosen = Counter(soak.mixed(3)(request(number)).name for number in range(3000))
    assert 0.27 < 1 - chosen["ok"] / 3000 < 0.33
    assert len(chosen) == len(soak.MIXED) + 1
