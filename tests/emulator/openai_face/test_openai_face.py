"""The face: what it serves under /v1, what it refuses, and what it passes on."""

import base64
import json
import pickle
import struct

import pytest

from inworld_embeddings.errors import ConfigurationError
from inworld_embeddings_emulator import Emulator, EmulatorServer
from inworld_embeddings_emulator.openai_face import OpenAIFace

GOOD = {"model": "m", "input": "a"}
TEXTS = {"model": "org/モデル:latest", "input": ["Hello Inworld!", "naïve", "🦊" * 5]}


@pytest.fixture
def face(engine):
    return OpenAIFace.local(engine)


@pytest.fixture
def ask(face, request_of):
    """Status, headers and JSON of the reply to a request for a vector, or another."""

    def send(content=GOOD, *, face=face, path="/v1/embeddings", key="Bearer local:local", **parts):
        reply = face.handle(request_of(content, path=path, key=key, **parts))
        return reply.status, dict(reply.headers), json.loads(reply.body)

    return send


def test_the_shape_of_a_reply(ask, engine):
    vectors = engine.embed(TEXTS["input"])
    rows = [{"object": "embedding", "index": index, "embedding": row} for index, row in enumerate(vectors)]
    usage = {"prompt_tokens": 4 + 2 + 5, "total_tokens": 4 + 2 + 5}
    told = {"object": "list", "data": rows, "model": "org/モデル:latest", "usage": usage}
    assert ask(TEXTS | {"dimensions": 3})[2] == told
    packed = [base64.b64encode(struct.pack("<3f", *row)).decode() for row in vectors]
    assert [row["embedding"] for row in ask(TEXTS | {"encoding_format": "base64"})[2]["data"]] == packed
    absent = {"encoding_format": None, "dimensions": None}
    for fields in ({"input": ["a"]}, {"user": "u", "more": [1]}, absent, {"encoding_format": "float"}):
        assert ask(GOOD | fields)[2] == ask()[2]
    engine.dimension = 4
    assert ask()[0] == 500, "its vectors are of another dimension"


ERRORS = [
    ({"path": "/v1/embeddings/"}, 404, "unknown_url"),
    ({"path": "/v1/models/gpt", "method": "GET"}, 404, "model_not_found"),
    ({"path": "/v1/models/tiny", "method": "DELETE"}, 405, "method_not_supported"),
    ({"method": "GET"}, 405, "method_not_supported"),
    ({"key": None}, 401, None),
    ({"key": "Basic bG9jYWw6bG9jYWw="}, 401, None),
    ({"key": "Bearer planted-secret"}, 401, "invalid_api_key"),
    ({"key": "Bearer sk-\udc80"}, 401, "invalid_api_key"),
    ({"content": b" " * (16 * 1024 * 1024 + 1)}, 413, None),
    ({"content": b'{"x":[' + b"0," * (1 << 20) + b"0]}"}, 413, None),
]


@pytest.mark.parametrize(("parts", "expected", "code"), ERRORS, ids=lambda value: repr(value)[:60])
def test_errors_are_openais_and_like_every_reply_name_the_engine(ask, parts, expected, code):
    status, headers, told = ask(**parts)
    message, error = told["error"].pop("message"), {"type": "invalid_request_error", "code": code}
    assert (status, "allow" in headers, "planted" in message) == (expected, expected == 405, False)
    assert told["error"] == {"param": "model" if code == "model_not_found" else None} | error
    assert (headers["x-inworld-emulator-engine"], len(headers["x-request-id"])) == ("tiny", 32)


def test_with_a_key_of_its_own_the_test_key_is_wrong_and_not_advertised(engine, ask):
    for key in ("bearer  local:local ", "Bearer bG9jYWw6bG9jYWw="):
        assert ask(key=key)[0] == 200
    own = OpenAIFace.local(engine, "planted-key:planted-secret")
    assert ask(face=own, key="Bearer planted-key:planted-secret")[0] == 200
    status, _, told = ask(face=own)
    assert (status, "local:local" in str(told), "planted" in repr(own)) == (401, False, False)
    with pytest.raises(TypeError, match="does not pickle"):
        pickle.dumps(own)


@pytest.mark.parametrize(("inner", "own"), [("local:local", "my:own"), ("my:own", "local:local")])
def test_either_keys_being_the_test_key_keeps_it_on_loopback(engine, inner, own):
    with pytest.raises(ConfigurationError):
        EmulatorServer(OpenAIFace(Emulator(engine, inner), None, own), host="0.0.0.0")
    EmulatorServer(OpenAIFace.local(engine, "my:own"), host="0.0.0.0")


@pytest.mark.parametrize("path", ["/", "/v1x", "/ml/v1alpha/embedding:embed", "/V1/embeddings"])
def test_everything_else_is_passed_on(face, emulator, request_of, path):
    request = request_of({"inputs": [{"text": "a"}]}, path=path)
    assert face.handle(request) == emulator.handle(request)


REFUSED = {
    (None, "JSON"): [b'{"model":"m","input":"\xff"}', b'{"model":"m","input":"\\ud800"}', b"[" * 100_000],
    (None, "object"): ["planted-text"],
    ("model", "name of a model"): [GOOD | {"model": "a\nb"}, GOOD | {"model": 1}, {"input": "a"}],
    ("input", "string or a list"): [{"model": "m"}, GOOD | {"input": {"text": "planted-text"}}],
    ("input", "not empty"): [GOOD | {"input": ""}, GOOD | {"input": []}],
    ("input", "'input[1]'"): [GOOD | {"input": ["planted-text", ""]}, GOOD | {"input": ["planted-text", 1]}],
    ("input", "check_embedding_ctx_length=False"): [GOOD | {"input": [1, 2]}, GOOD | {"input": [[1], [3]]}],
    ("input", "2048 strings at most, not 2049"): [GOOD | {"input": ["a"] * 2049}],
    ("encoding_format", "'float' or 'base64'"): [GOOD | {"encoding_format": [1]}],
    ("dimensions", "3 dimensions"): [GOOD | {"dimensions": 2}],
    ("dimensions", "1 or more"): [GOOD | {"dimensions": value} for value in (0, True, 2.5)],
}


@pytest.mark.parametrize(("param", "says"), REFUSED)
def test_refused_without_echoing_a_value(ask, param, says):
    for content in REFUSED[param, says]:
        status, _, told = ask(content)
        assert (status, told["error"]["param"], "planted" in str(told)) == (400, param, False)
        assert says in told["error"]["message"]
