"""What each fault does to a reply; and the doors to faults over HTTP: the header of one request, the admin call for all."""

import json
from unittest.mock import Mock

import pytest

from inworld_embeddings_emulator import Request
from inworld_embeddings_emulator.faults import ADMIN_PATH, HEADER, FaultLayer, Faults
from inworld_embeddings_emulator.messages import Carriage, Reply

INPUTS = {"inputs": [{"text": "a"}, {"text": "bb"}, {"text": "ccc"}]}
GOOD = [[1, 9.7e-06, -0.5], [2, 2e-07, -0.5], [3, 0.3, -0.5]]


@pytest.fixture
def through(emulator, request_of):
    """The reply to a request for three texts, or another, through a script of faults."""

    def ask(script, content=INPUTS, handler=emulator, **parts):
        return FaultLayer(handler, script).handle(request_of(content, **parts))

    return ask


def details(kind, **fields):
    return [{"@type": f"type.googleapis.com/google.rpc.{kind}", **fields}]


PLACE = {"field": "inputs[2]", "description": "refused by the emulator's poison pattern"}
INSTEAD = {  # the three texts are 18 protobuf bytes, their vectors 48
    "status=503": (503, 14, "injected by the emulator: status=503", []),
    'rate-limit;message="so, it is"': (429, 8, "so, it is", []),
    "status=500;retry-info=1.5;message=m": (500, 13, "m", details("RetryInfo", retryDelay="1.500s")),
    "max-message=17": (429, 8, "grpc: received message larger than max (18 vs. 17)", []),
    "max-message=47": (429, 8, "grpc: received message larger than max (48 vs. 47)", []),
    "poison=c$": (400, 3, "invalid input", details("BadRequest", fieldViolations=[PLACE])),
    "poison=b;silent": (400, 3, "invalid input", []),
}


@pytest.mark.parametrize("script", INSTEAD)
def test_errors_in_place_of_the_reply(through, script):
    reply = through(script)
    assert (reply.status, *json.loads(reply.body).values()) == INSTEAD[script]


def test_a_proxys_page_and_a_quota(through, emulator, request_of):
    assert dict(through("rate-limit;retry-after=0").headers)["retry-after"] == "0"
    reply = through("html=504;retry-after=2.1")
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


NOTHING_TO_DO = {
    "ok | 0% drop | swap | dimension=3 | truncate=10k | poison=d": {"inputs": [{}]},
    "short | long | ragged | null | nan | zero": {},
    "max-message=48": INPUTS,
    "short | poison=d": b"nonsense",
}


def test_where_a_fault_has_nothing_to_do_the_reply_is_the_emulators(emulator, request_of):
    for scripts, content in NOTHING_TO_DO.items():
        for script in scripts.split(" | "):
            layer, request = FaultLayer(emulator, script), request_of(content)
            assert layer.handle(request) == emulator.handle(request)
            assert (layer.faults.requests, layer.faults.injected) == (1, {})


def test_carriage(through):
    carriages = {
        "latency=2 + latency=500ms": Carriage(delay=2.5),
        "drop=head;reset": Carriage(end="head", reset=True),
        "truncate=0;reset": Carriage(end=0, reset=True),
        "truncate=1 + truncate=7": Carriage(end=1),
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

    face.handle.return_value = Reply(200, (), b'{"data":[{"embedding":[1,2]},{"embedding":[3,4]}]}')
    assert ask("short")["data"] == [{"embedding": [1, 2]}]
    assert [row["embedding"] for row in ask("swap")["data"]] == [[3, 4], [1, 2]]
    for script, kind in {"poison=y": "invalid_request_error", "status=429": "rate_limit_error"}.items():
        assert ask(script)["error"]["type"] == kind, "as OpenAI tells errors"
    face.handle.return_value = Reply(200, (), b'{"data":[{"embedding":"AACAPw=="}]}')
    changed = {"nan": "AADAfw==", "null": "AADAfw==", "zero": "AAAAAA==", "ragged": "", "swap": "AACAPw=="}
    assert {script: ask(script)["data"][0]["embedding"] for script in changed} == changed
    assert "data" in ask("max-message=20"), "a message of one number has 8"


# The doors.


KEY = "Basic bG9jYWw6bG9jYWw="


def with_header(layer, text, method="POST", path="/ml/v1alpha/embedding:embed", key=KEY):
    """The reply to a request that names its own fault."""
    headers = {"authorization": key, HEADER: text}
    return layer.handle(Request(method, path, headers, b'{"inputs":[{"text":"bb"}]}'))


def administer(layer, method="GET", body=b"", key=KEY):
    """The reply to an admin call, and its JSON."""
    reply = layer.handle(Request(method, ADMIN_PATH, {"authorization": key}, body))
    return reply, json.loads(reply.body)


def test_a_request_may_ask_for_faults_of_its_own_which_move_no_script_on(emulator, request_of):
    layer = FaultLayer(emulator, "html x1")
    reply = with_header(layer, "latency=1 + status=503;retry-after=2")
    assert (reply.status, dict(reply.headers)["retry-after"], reply.carriage.delay) == (503, "2", 1.0)
    assert with_header(layer, "ok").status == 200
    assert (layer.faults.requests, layer.faults.injected) == (0, {"status=503": 1, "latency": 1})
    assert [layer.handle(request_of({})).status for _ in range(2)] == [502, 200]


WRONG = {
    "sttus=503": "at character 1: 'sttus' is not a fault",
    "poison=a": "poison",
    **dict.fromkeys(["status=503, ok", "ok, repeat", "drop x2", "drop for 5s", "quota=2"], "one step"),
}


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_header_is_a_400_that_says_what_is_wrong(emulator, text):
    reply = with_header(FaultLayer(emulator), text)
    message = json.loads(reply.body)["message"]
    assert (reply.status, message.startswith(f"{HEADER}: "), WRONG[text] in message) == (400, True, True)


def test_only_who_has_the_key_may_ask_for_faults(emulator):
    for parts, status in (({"key": ""}, 401), ({"path": "/nothing"}, 404), ({"method": "GET"}, 501)):
        reply = with_header(FaultLayer(emulator), "latency=600 + status=418", **parts)
        assert (reply.status, reply.carriage.delay) == (status, 0)


def test_reading_setting_and_ending(emulator, request_of):
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
    assert [with_header(layer, text).status for text in ("poison=bb", "poison=d")] == [400, 200]  # with chaos


@pytest.mark.parametrize(
    ("method", "body", "key", "status", "told"),
    [
        ("PUT", b"sttus", KEY, 400, "did you mean status"),
        ("PUT", b"\xff", KEY, 400, "UTF-8"),
        ("PUT", b'{"faults":' + b"[" * 50_000, KEY, 400, "JSON"),
        ("PUT", b'{"faults": "ok", "sed": 1}', KEY, 400, "the body must be"),
        ("PUT", b"ok," * 50_000, KEY, 400, "at most 20000 characters"),
        ("POST", b"drop", KEY, 405, "PUT sets"),
        ("PUT", b"drop", "Basic eDp5", 403, "API key"),
        ("OPTIONS", b"", "", 401, "authentication"),  # a browser, before a page of elsewhere may call
    ],
)
def test_a_wrong_call_changes_nothing(emulator, method, body, key, status, told):
    layer = FaultLayer(emulator, "short", chaos=True)
    reply, state = administer(layer, method, body, key)
    assert (reply.status, told in state["message"], layer.faults.script) == (status, True, "short")
    assert not any(name.startswith("access-control") for name, _ in reply.headers)


def test_the_admin_path_takes_no_part_in_anything_else(emulator, request_of):
    layer, seen = FaultLayer(emulator, "drop", chaos=True), Mock()
    layer.faults.watch(seen)
    assert (administer(layer)[1]["requests"], seen.called) == (0, False)
    assert layer.handle(request_of({}, method="GET", path=f"{ADMIN_PATH}?x=1", key=None)).status == 401
    assert FaultLayer(emulator, chaos=True).handle(request_of({}, path=f"{ADMIN_PATH}/x")).status == 404
    assert administer(FaultLayer(emulator, "drop"))[0].status == 404  # without chaos there is none
