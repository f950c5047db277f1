"""What each fault does to a reply: status, headers, body, and how it is carried."""

import json

import pytest

from inworld_embeddings_emulator.faults import HEADER, FaultLayer, Faults
from inworld_embeddings_emulator.messages import Carriage

INPUTS = {"inputs": [{"text": "a"}, {"text": "bb"}, {"text": "ccc"}]}
GOOD = [[1, 9.7e-06, -0.5], [2, 2e-07, -0.5], [3, 0.3, -0.5]]


@pytest.fixture
def through(emulator, request_of):
    """The reply to a request for three texts, or another, through a script of faults."""

    def ask(script, content=INPUTS, **parts):
        return FaultLayer(emulator, script).handle(request_of(content, **parts))

    return ask


def vectors(reply):
    return [row["values"] for row in json.loads(reply.body)["embeddings"]]


def test_without_a_fault_the_reply_is_the_emulators(through, emulator, request_of):
    request = request_of({"inputs": [{"text": "a"}]})
    assert FaultLayer(emulator).handle(request) == emulator.handle(request)
    assert through("ok").carriage == Carriage()
    assert HEADER not in dict(through("0% drop").headers)


@pytest.mark.parametrize(
    ("script", "status", "code", "message", "headers", "delays"),
    [
        ("status=503", 503, 14, "injected by the emulator: status=503", {}, []),
        ('rate-limit;retry-after=1.2;message="so, it is"', 429, 8, "so, it is", {"retry-after": "2"}, []),
        ("status=500;retry-after=0;retry-info=1.5;message=m", 500, 13, "m", {"retry-after": "0"}, ["1.500s"]),
    ],
)
def test_status(through, script, status, code, message, headers, delays):
    reply = through(script)
    details = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay} for delay in delays]
    assert json.loads(reply.body) == {"code": code, "message": message, "details": details}
    told = {"content-type": "application/json", HEADER: f"status={status}"}
    assert (reply.status, dict(reply.headers)) == (status, told | headers)


def test_a_proxys_page_and_a_quota(through, emulator, request_of):
    reply = through("html=504;retry-after=3")
    told = {"content-type": "text/html", "retry-after": "3", HEADER: "html=504"}
    assert (reply.status, dict(reply.headers)) == (504, told)
    assert b"<h1>504 Gateway Time-out</h1>" in reply.body
    layer = FaultLayer(emulator, Faults("quota=0.5", clock=lambda: 0.0))
    assert layer.handle(request_of()).status == 400
    reply = layer.handle(request_of())
    assert (reply.status, json.loads(reply.body)["message"]) == (429, "quota exceeded")
    assert dict(reply.headers)["retry-after"] == "2"
    assert layer.faults.injected == {"quota": 1}


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("short=5", []),
        ("long=2", [*GOOD, GOOD[2], GOOD[2]]),
        ("ragged", [*GOOD[:2], GOOD[2][:2]]),
        ("null", [*GOOD[:2], [None, 0.3, -0.5]]),
        ("zero", [[0, 0, 0]] * 3),
        ("swap", [GOOD[2], GOOD[1], GOOD[0]]),
        ("dimension=4", [[*row, 0] for row in GOOD]),
        ("short + dimension=1", [[1], [2]]),
    ],
)
def test_good_replies_made_wrong(through, engine, script, expected):
    engine.embed = lambda texts: [list(map(float, row)) for row in GOOD]
    reply = through(script)
    assert (reply.status, vectors(reply)) == (200, expected)
    assert dict(reply.headers)[HEADER].split(", ") == [part.partition("=")[0] for part in script.split(" + ")]
    assert dict(reply.headers)["x-inworld-emulator-engine"] == "tiny"
    assert b'"values":[NaN,' in through("nan").body


@pytest.mark.parametrize(
    "script", ["short", "long", "ragged", "null", "nan", "zero", "swap", "dimension=3", "truncate=10k"]
)
def test_where_a_fault_has_nothing_to_do_it_is_not_counted(emulator, request_of, script):
    layer = FaultLayer(emulator, script)
    request = request_of({"inputs": [{"text": "a"}]} if script in ("dimension=3", "truncate=10k") else {})
    assert layer.handle(request) == emulator.handle(request)
    assert (layer.faults.requests, layer.faults.injected) == (1, {})


def test_messages_over_a_size(through):
    """The three texts are 18 protobuf bytes, their vectors 48."""
    for limit, size in ((17, 18), (47, 48)):
        reply = through(f"max-message={limit}")
        text = f"grpc: received message larger than max ({size} vs. {limit})"
        assert (reply.status, json.loads(reply.body)["message"]) == (429, text)
    assert through("max-message=48").status == 200


def test_poison_names_the_texts_by_place_unless_it_is_silent(through):
    reply = through("poison=^b|c$")
    detail = json.loads(reply.body)["details"][0]
    assert (reply.status, detail["@type"]) == (400, "type.googleapis.com/google.rpc.BadRequest")
    assert [violation["field"] for violation in detail["fieldViolations"]] == ["inputs[1]", "inputs[2]"]
    assert json.loads(through("poison=b;silent").body)["details"] == []
    assert through("poison=d").status == 200


def test_carriage(through):
    carriages = {
        "latency=2 + latency=500ms": Carriage(delay=2.5),
        "drop=head;reset": Carriage(end="head", reset=True),
        "truncate=0;reset": Carriage(end=0, reset=True),
        "truncate=5 + truncate=7": Carriage(end=5),
        "drop + truncate=5": Carriage(end="start"),
        "latency=1 + drop": Carriage(delay=1.0, end="start"),
        "truncate=50%": Carriage(end=44),
    }
    assert {script: through(script).carriage for script in carriages} == carriages


@pytest.mark.parametrize(
    ("script", "status", "labels"),
    [
        ("status=500 + status=400", 500, "status=500"),
        ("latency=1 + status=500 + truncate=3", 500, "status=500, latency, truncate"),
        ("poison=d + status=500", 500, "status=500"),
        ("max-message=17 + short", 429, "max-message"),
    ],
)
def test_the_first_that_replaces_the_reply_does_and_the_engine_is_not_asked(
    through, engine, script, status, labels
):
    engine.embed = None
    reply = through(script)
    assert (reply.status, dict(reply.headers)[HEADER]) == (status, labels)


def test_errors_of_the_emulators_own_and_other_methods_are_left_alone(through):
    assert through("short", {"inputs": 7}).status == 400
    assert through("poison=d", b"nonsense").status == 400
    assert through("status=503", b"", method="GET").status == 501


def test_openais_replies_are_made_wrong_too(request_of, canned):
    face = canned(b'{"data":[{"index":0,"embedding":[1,2]},{"index":1,"embedding":[3,4]}]}')

    def ask(script, content=b'{"model":"m","input":["x","poison"]}'):
        return FaultLayer(face, script).handle(request_of(content, path="/v1/embeddings?x"))

    assert json.loads(ask("short").body)["data"] == [{"index": 0, "embedding": [1, 2]}]
    assert [row["embedding"] for row in json.loads(ask("swap").body)["data"]] == [[3, 4], [1, 2]]
    for script, kind in {"poison=po": "invalid_request_error", "status=429": "rate_limit_error"}.items():
        assert json.loads(ask(script).body)["error"]["type"] == kind, "as OpenAI tells errors"
    assert ask("poison=y", b'{"model":"m","input":"y"}').status == 400
    assert ask("poison=y", b"[]").status == 200
    face.body = b'{"data":[{"index":0,"embedding":"AACAPw=="}]}'
    changed = {"nan": "AADAfw==", "null": "AADAfw==", "zero": "AAAAAA==", "ragged": "", "swap": "AACAPw=="}
    for script, vector in changed.items():
        assert json.loads(ask(script).body)["data"][0]["embedding"] == vector
    assert ask("max-message=20").status == 200, "a message of one number has 8"
