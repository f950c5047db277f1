"""The contract: routes, keys, what is read and refused, sizes, vectors and their text."""

import base64
import json
import pickle
import random
import re
import subprocess
import sys
from unittest.mock import Mock

import numpy as np
import pytest

from inworld_embeddings import _settings as settings
from inworld_embeddings.errors import ConfigurationError
from inworld_embeddings_emulator import TEST_KEY, Emulator, Reply, Request, handle
from inworld_embeddings_emulator.engines import EngineError
from inworld_embeddings_emulator.handle import EmbedMessage, embeddings_body, parse
from inworld_embeddings_emulator.messages import RpcError

TWO = {"inputs": [{"text": "a"}, {"text": "bcd"}], "model": {"model": "m", "serviceProvider": 1}}


def test_a_vector_for_each_text_in_order_the_engine_named(emulator, request_of):
    reply = emulator.handle(request_of(TWO))
    assert reply.status == 200
    assert reply.body == b'{"embeddings":[{"values":[1,0,-0.5]},{"values":[3,6e-7,-0.5]}]}'
    headers = dict(reply.headers)
    number = headers.pop("x-inworld-request-id")
    assert headers == {"content-type": "application/json", "x-inworld-emulator-engine": "tiny"}
    assert re.fullmatch("[0-9a-f]{32}", number)
    assert emulator.handle(request_of(TWO)) == reply
    assert number not in dict(emulator.handle(request_of({})).headers).values()


@pytest.mark.parametrize(
    ("parts", "status", "code", "message"),
    [
        ({"path": "/ml/v1alpha/embedding:embed/"}, 404, 5, "Not Found"),
        ({"path": "//ml/v1alpha/embedding:embed", "method": "GET", "key": None}, 404, 5, "Not Found"),
        ({"method": "post"}, 501, 12, "Method Not Allowed"),
        ({"method": "PUT", "key": None}, 501, 12, "Method Not Allowed"),
    ],
)
def test_routes(ask, parts, status, code, message):
    assert ask(TWO, **parts) == (status, {"code": code, "message": message, "details": []})


def test_a_query_changes_nothing_and_the_key_is_judged_before_the_body(ask):
    assert ask(TWO, path="/ml/v1alpha/embedding:embed?alt=json")[0] == 200
    assert ask(b"not json", key=None)[0] == 401


def test_the_name_of_an_engine_in_its_place_tells_what_makes_it():
    with pytest.raises(ConfigurationError, match=r"engines.named\('hash:8'\)"):
        Emulator("hash:8")


def test_no_text_and_no_key_is_in_a_repr_or_a_pickle(engine):
    request = Request("POST", "/private", {"authorization": "Basic private"}, b"private")
    assert "private" not in repr(request) + repr(Reply(200, (("a", "private"),), b"private"))
    assert "private" not in repr(parse(b'{"inputs":[{"text":"private"}]}'))
    emulator = Emulator(engine, api_key="mykey:mysecret")
    assert "my" not in repr(emulator)
    with pytest.raises(TypeError):
        pickle.dumps(emulator)


# Who may ask.


@pytest.mark.parametrize(
    "key", [None, "", "Basic ", "Bearer bG9jYWw6bG9jYWw=", "bG9jYWw6bG9jYWw=", "Basicbg==", ",Basic x"]
)
def test_without_a_basic_value_it_is_401(ask, key):
    detail = {
        "@type": "type.googleapis.com/ai.inworld.common.InworldStatus",
        "errorType": "SESSION_TOKEN_INVALID",
        "reconnectType": "NO_RETRY",
        "reconnectTime": None,
        "maxRetries": 0,
    }
    assert ask({}, key=key) == (
        401,
        {"code": 16, "message": "authentication is required", "details": [detail]},
    )


@pytest.mark.parametrize("value", ["Zm9vOmJhcg==", "local:local", "bG9jYWw6bG9jYWw", "日本語日本", "\ud800"])
def test_an_unknown_value_is_403_and_echoed_in_part(ask, value):
    """Also the test key without its padding."""
    message = f'API key does not exist or was deleted: "{value[:4]}***"'
    assert ask({}, key=f"Basic {value}") == (403, {"code": 7, "message": message, "details": []})


def test_the_scheme_has_no_case_and_a_key_of_its_own_shuts_out_the_test_key(engine, request_of, ask):
    for scheme in ("basic", "BASIC", "Basic  "):
        assert ask({}, key=f"{scheme} bG9jYWw6bG9jYWw=")[0] == 200
    emulator = Emulator(engine, api_key="mine:own")
    assert not emulator.uses_test_key
    assert emulator.handle(request_of({})).status == 403
    own = base64.b64encode(b"mine:own").decode()
    assert emulator.handle(request_of({}, key=f"Basic {own}")).status == 200


@pytest.mark.parametrize(
    "api_key", ["", "secret", "secret:", ":secret", "a:secret\n", "a: secret", "é:secret"]
)
def test_a_malformed_own_key_is_refused_without_echo(engine, api_key):
    with pytest.raises(ConfigurationError) as caught:
        Emulator(engine, api_key=api_key)
    assert "secret" not in str(caught.value).replace("key:secret", "")


def test_client_and_emulator_name_the_same_test_key(engine):
    assert base64.b64decode(settings.emulator_credential().reveal()).decode() == settings.TEST_KEY == TEST_KEY
    assert Emulator(engine).uses_test_key


# What is read.


@pytest.mark.parametrize(
    ("body", "texts"),
    [
        (b"", ()),
        (b" \n", ()),
        (b'{"inputs":null,"model":null}', ()),
        (b' \r\n\t{"inputs" : [ {"text":"a"}, {"text":"b"} ]} ', ("a", "b")),
        (b'{"inputs":[{}, {"text":null}, {"text":""}]}', ("", "", "")),
        (b'{"inputs":[{"text":"a","more":{"x":[1,2,{"x":1,"x":2}]}}],"new":{"y":null},"new":2}', ("a",)),
        (b'{"inputs":[{"text":"a"}]} trailing words', ("a",)),
        ('{"inputs":[{"text":"日本語 😀"}]}'.encode(), ("日本語 😀",)),
        (rb'{"inputs":[{"text":"\ud83d\ude00 \u0000 \\ud800"}]}', ("😀 \x00 \\ud800",)),
        (b'{"inputs":[{"text":"a"}],"new":' + b"9" * 5000 + b',"x":1e999}', ("a",)),
        (b'{"inputs":[],"Inputs":3,"INPUTS":4}', ()),
    ],
    ids=lambda value: repr(value[:40]),
)
def test_texts(body, texts):
    assert parse(body).texts == texts


MODELS = {
    '{"model":"m","serviceProvider":"SERVICE_PROVIDER_INWORLD"}': ("m", 1),
    '{"model":"m","service_provider":"SERVICE_PROVIDER_OPENAI"}': ("m", 2),
    '{"model":"m","serviceProvider":"OPENAI"}': ("m", 0),
    '{"model":"m","serviceProvider":"2"}': ("m", 0),
    '{"model":"m","serviceProvider":20e-1}': ("m", 2),
    '{"model":"m","serviceProvider":-7}': ("m", -7),
    '{"model":null,"serviceProvider":null}': ("", 0),
    "null": ("", 0),
}


@pytest.mark.parametrize(("model", "read"), MODELS.items(), ids=MODELS)
def test_model(model, read):
    assert parse(f'{{"model":{model}}}'.encode()) == EmbedMessage((), *read)


NOT_JSON = [
    b"not json", b'{"inputs":[{"text":"private', b'{"inputs":[{"text":"a"},]}', b'{"inputs":[{"text":"a\nb"}]}',
    b"{'inputs':[]}", b'{"inputs":[],"x":NaN}', b'{"inputs":[],"x":-Infinity}', b'{"inputs":[],"x":01}',
    b'\xef\xbb\xbf{"inputs":[]}', b'{"inputs":[{"text":"\xff"}]}', b'{"inputs":[{"text":"\xed\xa0\x80"}]}',
    rb'{"inputs":[{"text":"private\ud800"}]}', rb'{"inputs":[{"text":"\udc00\ud800"}]}',
    rb'{"inputs":[],"new":{"\ud800":1}}', '{"inputs":[]}'.encode("utf-16"),
    b'{"x":' + b"[" * 200_000, b'{"x":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
]  # fmt: skip
ANOTHER_MESSAGE = [
    b"[]", b"null", b'"private"', b"3", b'{"inputs":{}}', b'{"inputs":"private"}', b'{"inputs":["private"]}',
    b'{"inputs":[null]}', b'{"inputs":[{"text":1}]}', b'{"inputs":[{"text":true}]}', b'{"inputs":[{"text":["private"]}]}',
    b'{"inputs":null,"inputs":[]}', b'{"inputs":[],"inputs":null}', b'{"inputs":[{"text":"a","text":"b"}]}', b'{"model":"m"}', b'{"model":{"model":1}}',
    b'{"model":{"serviceProvider":1,"service_provider":1}}', b'{"model":{"serviceProvider":1.5}}',
    b'{"model":{"serviceProvider":2147483648}}', b'{"model":{"serviceProvider":1e999}}',
    b'{"model":{"serviceProvider":true}}',
]  # fmt: skip


@pytest.mark.parametrize("body", [*NOT_JSON, *ANOTHER_MESSAGE], ids=lambda body: repr(body[:40]))
def test_refused_without_echoing_a_value(body):
    with pytest.raises(RpcError, match="^proto: ") as caught:
        parse(body)
    assert caught.value.reply.status == 400
    assert "private" not in str(caught.value)


# Sizes, as a plain protobuf encoder counted them.


def test_request_and_response_bytes():
    sizes = {
        ((), "", 0): 0,
        (("",), "", 0): 2,
        (("x" * 127,), "", 0): 132,
        (("x" * 126, "é" * 64, "😀"), "m", 1): 280,
        (("x" * 20_000,), "m" * 200, 0): 20_214,
        ((), "m", 2**31 - 1): 11,
        ((), "", -1): 13,
    }
    assert {case: handle.request_bytes(EmbedMessage(*case)) for case in sizes} == sizes
    sizes = {(0, 3): 0, (2, 31): 256, (2, 32): 268, (7, 768): 21_546, (3, 5000): 60_024}
    assert {case: handle.response_bytes(*case) for case in sizes} == sizes


def test_a_message_over_four_mebibytes_is_refused_as_grpc_does(ask):
    at_limit = 4 * 1024 * 1024 - 10  # two tags and two four-byte lengths
    assert ask({"inputs": [{"text": "x" * at_limit}]})[0] == 200
    status, body = ask({"inputs": [{"text": "x" * (at_limit + 1)}]})
    assert (status, body["code"]) == (429, 8)
    assert body["message"] == "grpc: received message larger than max (4194305 vs. 4194304)"
    assert ask({"inputs": [{"text": "\x01" * 1_000_000}]})[0] == 200  # 6 MB of JSON, 1 MB of text


def test_a_response_over_four_mebibytes_is_refused_before_the_engine_works(request_of):
    class Wide:
        name, dimension = "wide", 768

        def embed(self, texts):
            assert len(texts) == 1362
            return [[0.25] * 768] * len(texts)

    fits, over = (Emulator(Wide()).handle(request_of({"inputs": [{}] * count})) for count in (1362, 1363))
    assert (fits.status, over.status) == (200, 429)
    assert json.loads(over.body)["message"].startswith("grpc: received message larger than max (419")


def test_a_body_no_proxy_would_pass_is_413_in_plain_text(emulator, request_of):
    reply = emulator.handle(request_of(b" " * (handle.MAX_BODY_BYTES + 1)))
    assert (reply.status, reply.headers) == (413, (("content-type", "text/plain"),))


def test_commas_and_brackets_in_texts_are_not_values(ask):
    text = '[{"\\\\' * 600_000
    assert ask({"inputs": [{"text": text}], "x": ["\\", '"', ","]})[0] == 200
    assert ask(b'{"y":"\\"","x":[' + b"0," * handle.MAX_VALUES + b"0]}")[0] == 429


MEMORY = """
import re
from inworld_embeddings_emulator.handle import MAX_VALUES, parse
from inworld_embeddings_emulator.messages import RpcError
for piece, count in (b"[],", 10_000_000), (b'\\\\"', 15_000_000), (b'{"a":[0]},', MAX_VALUES // 4 - 2):
    try:
        parse(b'{"x":[' + piece * count + b'0]}' + b' ' * int(30e6 - len(piece) * count))
    except RpcError as error:
        print(error)
    print(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux's kernel for the peak")
def test_reading_a_large_body_takes_bounded_memory():
    """Too many values, quotes without an end, and as many of the dearest values as are read."""
    done = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, check=True, text=True)
    many, *_, last = done.stdout.splitlines()
    assert "JSON values" in many
    assert int(last) * 1024 < 300e6  # without a bound the first takes 806 MB


# The vectors.


@pytest.mark.parametrize(
    ("vectors", "told"),
    [
        ([], "too few"),
        ([[1.0, 2.0]], "another dimension"),
        ([[1.0, 2.0, 3.0]] * 2, "too many"),
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


def test_an_engine_may_give_arrays(engine, ask):
    for kind in (np.asarray, lambda vectors: [np.asarray(vector, np.float32) for vector in vectors]):
        engine.embed = Mock(return_value=kind([[1.0, 0.5, -0.25]]))
        assert ask({"inputs": [{"text": "a"}]}) == (200, {"embeddings": [{"values": [1, 0.5, -0.25]}]})


def test_numbers_in_their_shortest_form_wherever_they_stand_and_none_is_changed():
    told = "-0,1,100,10.05,0.1234567,1e-7"
    vector = [-0.0, 1.0, 100.0, 10.05, 0.1234567, 1e-7]
    expected = f'{{"embeddings":[{{"values":[{told}]}},{{"values":[1]}},{{"values":[{told}]}}]}}'
    assert embeddings_body([vector, [1.0], vector]).decode() == expected
    rng = random.Random(7)
    vectors = [[round(rng.gauss(0, 0.04), 7) for _ in range(768)] for _ in range(3)]
    vectors[1][:3] = [rng.random(), rng.random() * 1e-30, 5e-324]
    assert json.loads(embeddings_body(vectors)) == {"embeddings": [{"values": vector} for vector in vectors]}
