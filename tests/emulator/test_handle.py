"""The contract: routes, keys, what is read and refused, sizes, vectors and their text."""

import base64
import json
import pickle
import random
import re
from unittest.mock import Mock

import pytest

from inworld_embeddings import _settings as settings
from inworld_embeddings.errors import ConfigurationError
from inworld_embeddings_emulator import TEST_KEY, Emulator, Reply, Request, handle
from inworld_embeddings_emulator.engines import EngineError
from inworld_embeddings_emulator.handle import EmbedMessage, embeddings_body, parse
from inworld_embeddings_emulator.messages import RpcError

EMBED = "/ml/v1alpha/embedding:embed"
TWO = {"inputs": [{"text": "a"}, {"text": "bcd"}], "model": {"model": "m", "serviceProvider": 1}}


@pytest.fixture
def ask(emulator, request_of):
    """The status and the JSON of the reply to a request."""

    def send(content=TWO, **parts):
        reply = emulator.handle(request_of(content, **parts))
        return reply.status, json.loads(reply.body)

    return send


def test_a_vector_for_each_text_in_order_the_engine_named(emulator, request_of):
    reply = emulator.handle(request_of(TWO))
    assert reply.status == 200
    assert reply.body == b'{"embeddings":[{"values":[1,0,-0.5]},{"values":[3,6e-7,-0.5]}]}'
    *headers, (name, number) = reply.headers
    assert headers == [("content-type", "application/json"), ("x-inworld-emulator-engine", "tiny")]
    assert re.fullmatch("x-inworld-request-id: [0-9a-f]{32}", f"{name}: {number}")
    assert emulator.handle(request_of(TWO)) == reply
    assert (name, number) not in emulator.handle(request_of({})).headers


NOT_FOUND, NOT_ALLOWED = (404, 5, "Not Found"), (501, 12, "Method Not Allowed")
NO_KEY = (401, 16, "authentication is required")
WRONG_KEY = 'API key does not exist or was deleted: "{}***"'.format


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ({"path": f"{EMBED}/"}, NOT_FOUND),
        ({"path": f"/{EMBED}", "method": "GET", "key": None}, NOT_FOUND),
        ({"method": "PUT", "key": None}, NOT_ALLOWED),
        ({"path": f"{EMBED}?alt=json", "method": "post"}, NOT_ALLOWED),
        *(({"key": key}, NO_KEY) for key in (None, "Basic ", "Bearer bG9jYWw6bG9jYWw=", "Basicbg==", ",Basic x")),
        ({"key": "Basic bG9jYWw6bG9jYWw"}, (403, 7, WRONG_KEY("bG9j"))),  # the test key without its padding
        *(({"key": f"Basic {key}"}, (403, 7, WRONG_KEY(key))) for key in ("日本語日", "\ud800")),
    ],
    ids=repr,
)  # fmt: skip
def test_the_route_is_judged_first_then_the_method_the_key_and_the_body(ask, parts, told):
    status, body = ask(b"not json", **parts)
    assert (status, body["code"], body["message"]) == told
    assert [detail["errorType"] for detail in body["details"]] == ["SESSION_TOKEN_INVALID"] * (status == 401)


def test_the_scheme_has_no_case_and_a_key_of_its_own_shuts_out_the_test_key(engine, emulator, request_of):
    for scheme in ("basic", "BASIC", "Basic  "):
        assert emulator.handle(request_of({}, key=f"{scheme} bG9jYWw6bG9jYWw=")).status == 200
    own = Emulator(engine, api_key="mine:own")
    assert (own.uses_test_key, emulator.uses_test_key) == (False, True)
    keys = [TEST_KEY, "mine:own"]
    sent = [request_of({}, key=f"Basic {base64.b64encode(key.encode()).decode()}") for key in keys]
    assert [own.handle(request).status for request in sent] == [403, 200]
    assert base64.b64decode(settings.emulator_credential().reveal()).decode() == settings.TEST_KEY == TEST_KEY


def test_no_text_and_no_key_is_in_a_repr_or_a_pickle(engine):
    request = Request("POST", "/private", {"authorization": "Basic private"}, b"private")
    emulator = Emulator(engine, api_key="private:private")
    shown = [request, Reply(200, (("a", "private"),), b"private"), parse(b'{"inputs":[{"text":"private"}]}')]
    assert "private" not in repr([*shown, emulator])
    with pytest.raises(TypeError):
        pickle.dumps(emulator)


def test_a_malformed_own_key_is_refused_without_echo_and_a_name_is_no_engine(engine):
    for api_key in ("", "secret", "secret:", ":secret", "a:secret\n", "a: secret", "é:secret"):
        with pytest.raises(ConfigurationError, match="must have the form key:secret") as caught:
            Emulator(engine, api_key=api_key)
        assert "secret" not in str(caught.value).replace("key:secret", "")
    with pytest.raises(ConfigurationError, match=r"engines.named\('hash:8'\)"):
        Emulator("hash:8")


# What is read.

TEXTS = {
    b" \n": (),
    b'{"inputs":null,"model":null}': (),
    b' \r\n\t{"inputs" : [ {"text":"a"}, {"text":"b"} ]} trailing words': ("a", "b"),
    b'{"inputs":[{}, {"text":null}, {"text":""}]}': ("", "", ""),
    b'{"inputs":[{"text":"a","more":{"x":[1,2,{"x":1,"x":2}]}}],"new":{"y":null},"new":2}': ("a",),
    rb'{"inputs":[{"text":"\ud83d\ude00 \u0000 \\ud800"}]}': ("😀 \x00 \\ud800",),
    b'{"inputs":[{"text":"a"}],"new":' + b"9" * 5000 + b',"x":1e999}': ("a",),
    b'{"inputs":[],"Inputs":3,"INPUTS":4}': (),
}
MODELS = {
    b'{"model":{"model":"m","serviceProvider":"SERVICE_PROVIDER_INWORLD"}}': EmbedMessage((), "m", 1),
    b'{"model":{"model":"m","service_provider":"SERVICE_PROVIDER_OPENAI"}}': EmbedMessage((), "m", 2),
    b'{"model":{"model":"m","serviceProvider":"2"}}': EmbedMessage((), "m", 0),
    b'{"model":{"model":"m","serviceProvider":20e-1}}': EmbedMessage((), "m", 2),
    b'{"model":{"model":null,"serviceProvider":-7}}': EmbedMessage((), "", -7),
}


def test_what_is_read():
    assert {body: parse(body).texts for body in TEXTS} == TEXTS
    assert {body: parse(body) for body in MODELS} == MODELS


REFUSED = [
    # No JSON:
    b'{"inputs":[{"text":"private', b'{"inputs":[{"text":"a"},]}', b'{"inputs":[{"text":"a\nb"}]}', b"[" * 200_000,
    b'{"inputs":[],"x":NaN}', b'\xef\xbb\xbf{"inputs":[]}', b'{"inputs":[{"text":"\xff"}]}',
    rb'{"inputs":[{"text":"private\ud800"}]}', rb'{"inputs":[],"new":{"\ud800":1}}',
    # Another message:
    b"[]", b'{"inputs":{}}', b'{"inputs":["private"]}', b'{"inputs":[null]}', b'{"inputs":[{"text":["private"]}]}',
    b'{"inputs":null,"inputs":[]}', b'{"inputs":[{"text":"a","text":"b"}]}', b'{"model":"m"}', b'{"model":{"model":1}}',
    b'{"model":{"serviceProvider":1,"service_provider":1}}', b'{"model":{"serviceProvider":1.5}}',
    b'{"model":{"serviceProvider":2147483648}}', b'{"model":{"serviceProvider":1e999}}',
    b'{"model":{"serviceProvider":true}}',
]  # fmt: skip


@pytest.mark.parametrize("body", REFUSED, ids=lambda body: repr(body[:40]))
def test_refused_without_echoing_a_value(body):
    with pytest.raises(RpcError, match="^proto: ") as caught:
        parse(body)
    assert caught.value.reply.status == 400
    assert "private" not in str(caught.value)


def test_a_message_over_four_mebibytes_of_protobuf_is_refused_before_the_engine_works(engine, ask):
    at_limit = 4 * 1024 * 1024 - 10 - 6 - 7  # tags and lengths of a large text, an "é" and the model
    for text, expected in (("x" * at_limit, 200), ("x" * (at_limit + 1), 429), ("\x01" * 1_000_000, 200)):
        model = {"model": "m", "serviceProvider": 1}
        status, body = ask({"inputs": [{"text": text}, {"text": "é"}], "model": model})
        assert (status, "larger than max (4194305 vs. 4194304)" in str(body)) == (expected, expected == 429)
    engine.dimension, engine.embed = 768, Mock(side_effect=lambda texts: [[0.25] * 768] * len(texts))
    assert [ask({"inputs": [{}] * count})[0] for count in (1362, 1363)] == [200, 429]
    engine.embed.assert_called_once()


def test_a_body_no_proxy_would_pass_or_with_more_values_than_fit_into_memory(emulator, request_of, ask):
    reply = emulator.handle(request_of(b" " * (handle.MAX_BODY_BYTES + 1)))
    assert (reply.status, reply.headers) == (413, (("content-type", "text/plain"),))
    text = '[{"\\\\' * 600_000  # signs in texts are none
    assert ask({"inputs": [{"text": text}], "x": ["\\", '"', ","]})[0] == 200
    assert ask(b'{"y":"\\"","x":[' + b"0," * handle.MAX_VALUES + b"0]}")[0] == 429


@pytest.mark.parametrize(
    ("vectors", "told"),
    [
        ([], "too few"),
        ([[1.0, 2.0]], "another dimension"),
        ([[1.0, 2.0, float("nan")]], "not a finite"),
        ([[1.0, float("inf"), 2.0]], "not a finite"),
        (None, "TypeError"),
        (LookupError("private"), "LookupError"),
        (EngineError("the backend is away"), "the backend is away"),
    ],
)
def test_a_failing_engine_is_an_internal_error(engine, ask, vectors, told):
    engine.embed = Mock(side_effect=[vectors])  # which raises it, if it is an exception
    status, body = ask({"inputs": [{"text": "private"}]})
    assert (status, body["code"], body["details"]) == (500, 13, [])
    assert re.fullmatch(f"the engine tiny failed: .*{told}.*", body["message"])
    assert "private" not in body["message"]


def test_numbers_in_their_shortest_form_wherever_they_stand_and_none_is_changed():
    told = "-0,1,100,10.05,0.1234567,1e-7"
    vector = [-0.0, 1.0, 100.0, 10.05, 0.1234567, 1e-7]
    expected = f'{{"embeddings":[{{"values":[{told}]}},{{"values":[1]}},{{"values":[{told}]}}]}}'
    assert embeddings_body([vector, [1.0], vector]).decode() == expected
    rng = random.Random(7)
    vector = [rng.random(), rng.random() * 1e-30, 5e-324, *(round(rng.gauss(0, 0.04), 7) for _ in range(765))]
    assert json.loads(embeddings_body([vector])) == {"embeddings": [{"values": vector}]}
