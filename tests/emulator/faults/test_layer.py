"""The doors to faults over HTTP: the header of one request, and the admin call for all."""

import json
from dataclasses import replace

import pytest

from inworld_embeddings_emulator import Request
from inworld_embeddings_emulator.faults import ADMIN_PATH, HEADER, FaultLayer, Faults

GOOD_KEY = "Basic bG9jYWw6bG9jYWw="


@pytest.fixture
def with_header(emulator, request_of):
    """The reply to a request that names its own fault."""

    def ask(text, layer=None, **parts):
        request = request_of({"inputs": [{"text": "bb"}]}, **parts)
        return (layer or FaultLayer(emulator)).handle(
            replace(request, headers={**request.headers, HEADER: text})
        )

    return ask


def administer(layer, method="GET", body=b"", key=GOOD_KEY):
    return layer.handle(Request(method, ADMIN_PATH, {"authorization": key} if key else {}, body))


def message(reply):
    return json.loads(reply.body)["message"]


def state(reply):
    assert (reply.status, dict(reply.headers)["cache-control"]) == (200, "no-store")
    return json.loads(reply.body)


def test_a_request_may_ask_for_faults_of_its_own_and_the_script_stays_where_it_was(
    emulator, with_header, request_of
):
    layer = FaultLayer(emulator, "html x1")
    reply = with_header("latency=1 + status=503;retry-after=2", layer)
    assert (reply.status, dict(reply.headers)["retry-after"], reply.carriage.delay) == (503, "2", 1.0)
    assert with_header("ok", layer).status == 200
    assert (layer.faults.requests, layer.faults.injected) == (0, {"status=503": 1, "latency": 1})
    assert [layer.handle(request_of({})).status for _ in range(2)] == [502, 200]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("sttus=503", "at character 1: 'sttus' is not a fault"),
        ("status=503, ok", "one step"),
        ("status=503 x2", "one step"),
        ("status=503 for 5s", "one step"),
        ("quota=2", "quota"),
        ("poison=a", "poison"),
    ],
)
def test_a_wrong_header_is_a_400_that_says_what_is_wrong(with_header, text, told):
    reply = with_header(text)
    assert (reply.status, json.loads(reply.body)["code"]) == (400, 3)
    assert message(reply).startswith(f"{HEADER}: ")
    assert told in message(reply)


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ({"key": None}, 401),
        ({"key": "Basic eDp5"}, 403),
        ({"path": "/nothing"}, 404),
        ({"method": "GET"}, 501),
    ],
)
def test_only_who_has_the_key_may_ask_for_faults(with_header, parts, status):
    reply = with_header("latency=600 + status=418", **parts)
    assert (reply.status, reply.carriage.delay) == (status, 0)


def test_reading_setting_and_ending(emulator, request_of, with_header):
    layer = FaultLayer(emulator, Faults("status=503 x1, ok", seed=9), chaos=True)
    told = {"faults": "status=503 x1, ok", "seed": 9, "requests": 0, "injected": {}}
    assert state(administer(layer)) == told
    layer.handle(request_of({}))
    layer.handle(request_of({}))
    assert state(administer(layer)) == told | {"requests": 2, "injected": {"status=503": 1}}
    assert state(administer(layer, "PUT", b"html x2\n")) == told | {"faults": "html x2"}
    assert layer.handle(request_of({})).status == 502
    assert state(administer(layer, "PUT", b' {"faults": "drop x1, ok", "seed": 3}'))["seed"] == 3
    assert (layer.faults.script, repr(layer.faults)) == ("drop x1, ok", "Faults('drop x1, ok', seed=3)")
    assert state(administer(layer, "DELETE"))["faults"] == "ok"
    assert layer.handle(request_of({})).status == 200
    assert [with_header(text, layer).status for text in ("poison=bb", "poison=d")] == [400, 200]  # with chaos


@pytest.mark.parametrize(
    ("method", "body", "key", "status", "told"),
    [
        ("PUT", b"sttus", GOOD_KEY, 400, "did you mean status"),
        ("PUT", b"\xff", GOOD_KEY, 400, "UTF-8"),
        ("PUT", b'{"faults":' + b"[" * 50_000, GOOD_KEY, 400, "JSON"),
        ("PUT", b'{"faults": "ok", "sed": 1}', GOOD_KEY, 400, "the body must be"),
        ("PUT", b'{"faults": "ok", "seed": "1"}', GOOD_KEY, 400, "seed"),
        ("PUT", b"ok," * 50_000, GOOD_KEY, 400, "at most 20000 characters"),
        ("POST", b"drop", GOOD_KEY, 405, "PUT sets"),
        ("PUT", b"drop", None, 401, "authentication"),
        ("PUT", b"drop", "Basic eDp5", 403, "API key"),
        # What a browser asks before a page of elsewhere may call.
        ("OPTIONS", b"", None, 401, "authentication"),
    ],
)
def test_a_wrong_call_changes_nothing(emulator, method, body, key, status, told):
    layer = FaultLayer(emulator, "short", chaos=True)
    reply = administer(layer, method, body, key)
    assert reply.status == status
    assert told in message(reply)
    assert layer.faults.script == "short"
    assert not any(name.startswith("access-control") for name, _ in reply.headers)


def test_the_admin_path_takes_no_part_in_anything_else(emulator, request_of):
    seen = []
    layer = FaultLayer(emulator, "drop", chaos=True)
    layer.faults.watch(lambda *exchange: seen.append(exchange))
    assert state(administer(layer))["requests"] == 0
    assert seen == []
    assert layer.handle(Request("GET", f"{ADMIN_PATH}?x=1", {}, b"")).status == 401
    assert FaultLayer(emulator, chaos=True).handle(request_of({}, path=f"{ADMIN_PATH}/x")).status == 404
    assert administer(FaultLayer(emulator, "drop")).status == 404  # without chaos there is none
