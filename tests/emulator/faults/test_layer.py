"""The doors to faults over HTTP: the header of one request, and the admin call for all."""

import json

import pytest

from inworld_embeddings_emulator.faults import ADMIN_PATH, HEADER, FaultLayer, Faults


@pytest.fixture
def with_header(emulator, request_of):
    """The reply to a request that names its own fault."""

    def ask(text, layer=None, **parts):
        request = request_of({"inputs": [{"text": "bb"}]}, **{HEADER: text}, **parts)
        return (layer or FaultLayer(emulator)).handle(request)

    return ask


@pytest.fixture
def administer(request_of):
    """The reply to an admin call, and its JSON."""

    def call(layer, method="GET", body=b"", **parts):
        reply = layer.handle(request_of(body, method=method, path=ADMIN_PATH, **parts))
        return reply, json.loads(reply.body)

    return call


def test_a_request_may_ask_for_faults_of_its_own_and_the_script_stays_where_it_was(
    emulator, with_header, request_of
):
    layer = FaultLayer(emulator, "html x1")
    reply = with_header("latency=1 + status=503;retry-after=2", layer)
    assert (reply.status, dict(reply.headers)["retry-after"], reply.carriage.delay) == (503, "2", 1.0)
    assert with_header("ok", layer).status == 200
    assert (layer.faults.requests, layer.faults.injected) == (0, {"status=503": 1, "latency": 1})
    assert [layer.handle(request_of({})).status for _ in range(2)] == [502, 200]


REACH_FURTHER = ["status=503, ok", "ok, repeat", "status=503 x2", "status=503 for 5s", "quota=2"]
WRONG = {
    "sttus=503": "at character 1: 'sttus' is not a fault",
    "poison=a": "poison",
    **dict.fromkeys(REACH_FURTHER, "one step"),
}


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_header_is_a_400_that_says_what_is_wrong(with_header, text):
    reply = with_header(text)
    message = json.loads(reply.body)["message"]
    assert (reply.status, message.startswith(f"{HEADER}: "), WRONG[text] in message) == (400, True, True)


def test_only_who_has_the_key_may_ask_for_faults(with_header):
    for parts, status in (({"key": None}, 401), ({"path": "/nothing"}, 404), ({"method": "GET"}, 501)):
        reply = with_header("latency=600 + status=418", **parts)
        assert (reply.status, reply.carriage.delay) == (status, 0)


def test_reading_setting_and_ending(emulator, request_of, with_header, administer):
    layer = FaultLayer(emulator, Faults("status=503 x1, ok", seed=9), chaos=True)
    told = {"faults": "status=503 x1, ok", "seed": 9, "requests": 0, "injected": {}}
    reply, state = administer(layer)
    assert (reply.status, dict(reply.headers)["cache-control"], state) == (200, "no-store", told)
    assert [layer.handle(request_of({})).status for _ in range(2)] == [503, 200]
    assert administer(layer)[1] == told | {"requests": 2, "injected": {"status=503": 1}}
    assert administer(layer, "PUT", b"html x2\n")[1] == told | {"faults": "html x2"}
    assert layer.handle(request_of({})).status == 502
    seeded = {"faults": "drop x1, ok", "seed": 3}
    assert administer(layer, "PUT", json.dumps(seeded).encode())[1] == told | seeded
    assert administer(layer, "DELETE")[1]["faults"] == "ok"
    assert [with_header(text, layer).status for text in ("poison=bb", "poison=d")] == [400, 200]  # with chaos


@pytest.mark.parametrize(
    ("method", "body", "key", "status", "told"),
    [
        ("PUT", b"sttus", "good", 400, "did you mean status"),
        ("PUT", b"\xff", "good", 400, "UTF-8"),
        ("PUT", b'{"faults":' + b"[" * 50_000, "good", 400, "JSON"),
        ("PUT", b'{"faults": "ok", "sed": 1}', "good", 400, "the body must be"),
        ("POST", b"drop", "good", 405, "PUT sets"),
        ("PUT", b"drop", "Basic eDp5", 403, "API key"),
        ("OPTIONS", b"", None, 401, "authentication"),  # a browser, before a page of elsewhere may call
    ],
)
def test_a_wrong_call_changes_nothing(emulator, administer, method, body, key, status, told):
    layer = FaultLayer(emulator, "short", chaos=True)
    reply, state = administer(layer, method, body, **({} if key == "good" else {"key": key}))
    assert (reply.status, told in state["message"], layer.faults.script) == (status, True, "short")
    assert not any(name.startswith("access-control") for name, _ in reply.headers)


def test_the_admin_path_takes_no_part_in_anything_else(emulator, request_of, administer):
    seen = []
    layer = FaultLayer(emulator, "drop", chaos=True)
    layer.faults.watch(lambda *exchange: seen.append(exchange))
    assert (administer(layer)[1]["requests"], seen) == (0, [])
    assert layer.handle(request_of({}, method="GET", path=f"{ADMIN_PATH}?x=1", key=None)).status == 401
    assert FaultLayer(emulator, chaos=True).handle(request_of({}, path=f"{ADMIN_PATH}/x")).status == 404
    assert administer(FaultLayer(emulator, "drop"))[0].status == 404  # without chaos there is none
