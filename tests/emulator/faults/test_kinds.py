"""What each fault does to a reply: status, headers, body, and how it is carried."""

import json
from unittest.mock import Mock

import pytest

from inworld_embeddings_emulator.faults import HEADER, FaultLayer, Faults
from inworld_embeddings_emulator.messages import Carriage, Reply

INPUTS = {"inputs": [{"text": "a"}, {"text": "bb"}, {"text": "ccc"}]}
GOOD = [[1, 9.7e-06, -0.5], [2, 2e-07, -0.5], [3, 0.3, -0.5]]
RPC = "type.googleapis.com/google.rpc."
REFUSED = "refused by the emulator's poison pattern"


@pytest.fixture
def through(emulator, request_of):
    """The reply to a request for three texts, or another, through a script of faults."""

    def ask(script, content=INPUTS, handler=emulator, **parts):
        return FaultLayer(handler, script).handle(request_of(content, **parts))

    return ask


INSTEAD = {  # status, code, message, details and headers; the three texts are 18 protobuf bytes, their vectors 48
    "status=503": (503, 14, "injected by the emulator: status=503", [], {HEADER: "status=503"}),
    'rate-limit;retry-after=1.2;message="so, it is"': (429, 8, "so, it is", [], {"retry-after": "2"}),
    "status=500;retry-after=0;retry-info=1.5;message=m": (
        *(500, 13, "m", [{"@type": f"{RPC}RetryInfo", "retryDelay": "1.500s"}]),
        {"retry-after": "0"},
    ),
    "max-message=17": (429, 8, "grpc: received message larger than max (18 vs. 17)", [], {}),
    "max-message=47": (429, 8, "grpc: received message larger than max (48 vs. 47)", [], {}),
    "poison=b;silent": (400, 3, "invalid input", [], {HEADER: "poison"}),
    "poison=c$": (
        *(400, 3, "invalid input"),
        [{"@type": f"{RPC}BadRequest", "fieldViolations": [{"field": "inputs[2]", "description": REFUSED}]}],
        {},
    ),
}


@pytest.mark.parametrize("script", INSTEAD)
def test_errors_in_place_of_the_reply(through, script):
    reply, (status, code, message, details, headers) = through(script), INSTEAD[script]
    assert json.loads(reply.body) == {"code": code, "message": message, "details": details}
    assert (reply.status, {*reply.headers} >= {*headers.items()}) == (status, True)


def test_a_proxys_page_and_a_quota(through, emulator, request_of):
    reply = through("html=504;retry-after=3")
    told = {"content-type": "text/html", "retry-after": "3", HEADER: "html=504"}
    assert (reply.status, dict(reply.headers)) == (504, told)
    assert b"<h1>504 Gateway Time-out</h1>" in reply.body
    layer = FaultLayer(emulator, Faults("quota=0.5", clock=lambda: 0.0))
    good, reply = layer.handle(request_of({})), layer.handle(request_of({}))
    assert (good.status, reply.status, json.loads(reply.body)["message"]) == (200, 429, "quota exceeded")
    assert (dict(reply.headers)["retry-after"], layer.faults.injected) == ("2", {"quota": 1})


SPOILT = {
    "short=5": [],
    "long=2": [*GOOD, GOOD[2], GOOD[2]],
    "ragged": [*GOOD[:2], GOOD[2][:2]],
    "null": [*GOOD[:2], [None, 0.3, -0.5]],
    "zero": [[0, 0, 0]] * 3,
    "swap": [GOOD[2], GOOD[1], GOOD[0]],
    "dimension=4": [[*row, 0] for row in GOOD],
    "short + dimension=1": [[1], [2]],
}


@pytest.mark.parametrize("script", SPOILT)
def test_good_replies_made_wrong(through, engine, script):
    engine.embed = lambda texts: [list(map(float, row)) for row in GOOD]
    reply = through(script)
    assert [row["values"] for row in json.loads(reply.body)["embeddings"]] == SPOILT[script]
    assert dict(reply.headers)[HEADER].split(", ") == [part.partition("=")[0] for part in script.split(" + ")]
    assert (reply.status, b'"values":[NaN,' in through("nan").body) == (200, True)


NOTHING_TO_DO = [
    *((script, {}) for script in ("short", "long", "ragged", "null", "nan", "zero", "swap")),
    *((script, {"inputs": [{}]}) for script in ("ok", "0% drop", "swap", "dimension=3", "truncate=10k", "poison=d")),
    *(("max-message=48", INPUTS), ("short", {"inputs": 7}), ("poison=d", b"nonsense")),
]  # fmt: skip


@pytest.mark.parametrize(("script", "content"), NOTHING_TO_DO, ids=repr)
def test_where_a_fault_has_nothing_to_do_the_reply_is_the_emulators(emulator, request_of, script, content):
    layer, request = FaultLayer(emulator, script), request_of(content)
    assert layer.handle(request) == emulator.handle(request)
    assert (layer.faults.requests, layer.faults.injected) == (1, {})


def test_carriage(through):
    carriages = {
        "latency=2 + latency=500ms": Carriage(delay=2.5),
        "drop=head;reset": Carriage(end="head", reset=True),
        "truncate=0;reset": Carriage(end=0, reset=True),
        "truncate=5 + truncate=7": Carriage(end=5),
        "latency=1 + drop + truncate=5": Carriage(delay=1.0, end="start"),
        "truncate=50%": Carriage(end=44),
    }
    assert {script: through(script).carriage for script in carriages} == carriages


def test_the_first_that_replaces_the_reply_does_and_the_engine_is_not_asked(through, engine):
    engine.embed = None
    labels = {
        "latency=1 + status=500 + status=400 + truncate=3": "status=500, latency, truncate",
        "poison=d + status=500": "status=500",
        "max-message=17 + short": "max-message",
    }
    assert {script: dict(through(script).headers)[HEADER] for script in labels} == labels


def test_openais_replies_are_made_wrong_too(through):
    face, asked = Mock(), {"model": "m", "input": ["x", "y"]}

    def ask(script):
        return json.loads(through(script, asked, face, path="/v1/embeddings?x").body)

    body = b'{"data":[{"index":0,"embedding":[1,2]},{"index":1,"embedding":[3,4]}]}'
    face.handle.return_value = Reply(200, (), body)

    assert ask("short")["data"] == [{"index": 0, "embedding": [1, 2]}]
    assert [row["embedding"] for row in ask("swap")["data"]] == [[3, 4], [1, 2]]
    for script, kind in {"poison=y": "invalid_request_error", "status=429": "rate_limit_error"}.items():
        assert ask(script)["error"]["type"] == kind, "as OpenAI tells errors"
    face.handle.return_value = Reply(200, (), b'{"data":[{"index":0,"embedding":"AACAPw=="}]}')
    changed = {"nan": "AADAfw==", "null": "AADAfw==", "zero": "AAAAAA==", "ragged": "", "swap": "AACAPw=="}
    assert {script: ask(script)["data"][0]["embedding"] for script in changed} == changed
    assert "data" in ask("max-message=20"), "a message of one number has 8"
