"""What each fault does to a reply: status, headers, body, and how it is carried."""

import json
import time
from email.utils import parsedate_to_datetime

import pytest

from inworld_embeddings_emulator.faults import HEADER, FaultLayer, Faults
from inworld_embeddings_emulator.messages import PLAIN, Carriage, Reply

GOOD = [[1, 9.7e-06, -0.5], [2, 2e-07, -0.5], [3, 0.3, -0.5]]


def vectors(reply):
    return [row["values"] for row in json.loads(reply.body)["embeddings"]]


def test_without_a_fault_the_reply_is_the_emulators(through, emulator, request_of):
    request = request_of({"inputs": [{"text": "a"}]})
    assert FaultLayer(emulator).handle(request) == emulator.handle(request)
    assert through("ok").carriage is PLAIN
    assert HEADER not in dict(through("0% drop").headers)


@pytest.mark.parametrize(
    ("script", "status", "code", "headers", "details"),
    [
        ("status=503", 503, 14, {}, []),
        ("status=418", 418, 2, {}, []),
        ("rate-limit;retry-after=1.2", 429, 8, {"retry-after": "2"}, []),
        ("rate-limit;retry-info=1.5", 429, 8, {}, ["1.5s"]),
        ("status=500;retry-after=0;retry-info=3", 500, 13, {"retry-after": "0"}, ["3s"]),
    ],
)
def test_status(through, script, status, code, headers, details):
    reply = through(script)
    body, found = json.loads(reply.body), dict(reply.headers)
    assert (reply.status, body["code"], found.pop(HEADER)) == (status, code, f"status={status}")
    assert found == {"content-type": "application/json", **headers}
    assert [detail["retryDelay"] for detail in body["details"]] == details
    assert all(detail["@type"] == "type.googleapis.com/google.rpc.RetryInfo" for detail in body["details"])
    assert body["message"] == f"injected by the emulator: status={status}"


def test_retry_after_as_a_date_a_message_and_a_page(through):
    before = time.time()
    date = parsedate_to_datetime(dict(through("rate-limit;retry-date=90").headers)["retry-after"])
    assert before + 90 <= date.timestamp() <= time.time() + 91
    reply = through('status=500;message="so, it is"')
    assert (json.loads(reply.body)["message"], dict(reply.headers)[HEADER]) == ("so, it is", "status=500")
    reply = through("html=504;retry-after=3")
    headers = dict(reply.headers)
    assert (reply.status, headers["content-type"], headers["retry-after"]) == (504, "text/html", "3")
    assert b"<h1>504 Gateway Time-out</h1>" in reply.body


@pytest.mark.parametrize(
    ("hint", "headers", "details"),
    [("retry-after", {"retry-after": "2"}, []), ("retry-info", {}, ["2s"]), ("none", {}, [])],
)
def test_quota(emulator, request_of, hint, headers, details):
    layer = FaultLayer(emulator, Faults(f"quota=0.5;hint={hint}", clock=lambda: 0.0))
    assert layer.handle(request_of()).status == 400
    reply = layer.handle(request_of())
    assert (reply.status, json.loads(reply.body)["message"]) == (429, "quota exceeded")
    assert dict(reply.headers).items() >= headers.items()
    assert [detail["retryDelay"] for detail in json.loads(reply.body)["details"]] == details
    assert layer.faults.injected == {"quota": 1}


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("short", GOOD[:2]),
        ("short=5", []),
        ("long=2", [*GOOD, GOOD[2], GOOD[2]]),
        ("ragged", [*GOOD[:2], GOOD[2][:2]]),
        ("null", [*GOOD[:2], [None, 0.3, -0.5]]),
        ("zero", [[0, 0, 0]] * 3),
        ("swap", [GOOD[2], GOOD[1], GOOD[0]]),
        ("dimension=2", [row[:2] for row in GOOD]),
        ("dimension=4", [[*row, 0] for row in GOOD]),
        ("dimension=0", [[], [], []]),
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


@pytest.mark.parametrize(("limit", "size"), [(17, 18), (47, 48), (48, None)])
def test_messages_over_a_size(through, limit, size):
    """The three texts are 18 protobuf bytes, their vectors 48."""
    reply = through(f"max-message={limit}")
    assert reply.status == (429 if size else 200)
    if size:
        text = f"grpc: received message larger than max ({size} vs. {limit})"
        assert json.loads(reply.body)["message"] == text


def test_poison_names_the_texts_by_place_unless_it_is_silent(through):
    reply = through("poison=^b|c$")
    detail = json.loads(reply.body)["details"][0]
    assert (reply.status, detail["@type"]) == (400, "type.googleapis.com/google.rpc.BadRequest")
    assert [violation["field"] for violation in detail["fieldViolations"]] == ["inputs[1]", "inputs[2]"]
    assert json.loads(through("poison=b;silent").body)["details"] == []
    assert through("poison=d").status == 200


@pytest.mark.parametrize(
    ("script", "carriage"),
    [
        ("latency=2", Carriage(delay=2.0)),
        ("latency=2 + latency=500ms", Carriage(delay=2.5)),
        ("drop", Carriage(end="start")),
        ("drop=head;reset", Carriage(end="head", reset=True)),
        ("truncate=0;reset", Carriage(end=0, reset=True)),
        ("truncate=5 + truncate=7", Carriage(end=5)),
        ("drop + truncate=5", Carriage(end="start")),
        ("latency=1 + drop", Carriage(delay=1.0, end="start")),
        ("truncate=50%", Carriage(end=44)),
    ],
)
def test_carriage(through, script, carriage):
    assert through(script).carriage == carriage


@pytest.mark.parametrize(
    ("script", "status", "labels"),
    [
        ("status=500 + status=400", 500, "status=500"),
        ("short + html", 502, "html=502"),
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


def test_openais_replies_are_made_wrong_too(request_of):
    class Face:
        uses_test_key = True
        body = b'{"data":[{"index":0,"embedding":[1,2]},{"index":1,"embedding":[3,4]}]}'

        def handle(self, request):
            return Reply(200, (), self.body)

    def ask(script, content=b'{"model":"m","input":["x","poison"]}'):
        return FaultLayer(Face(), script).handle(request_of(content, path="/v1/embeddings?x"))

    assert json.loads(ask("short").body)["data"] == [{"index": 0, "embedding": [1, 2]}]
    assert [row["embedding"] for row in json.loads(ask("swap").body)["data"]] == [[3, 4], [1, 2]]
    assert json.loads(ask("poison=po").body)["details"][0]["fieldViolations"][0]["field"] == "inputs[1]"
    assert ask("poison=y", b'{"model":"m","input":"y"}').status == 400
    assert ask("poison=y", b"[]").status == 200
    Face.body = b'{"data":[{"index":0,"embedding":"AACAPw=="}]}'
    assert ask("null").body == Face.body
