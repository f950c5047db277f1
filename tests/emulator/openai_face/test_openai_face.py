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
TEXTS = ["Hello Inworld!", "naïve", "🦊" * 5]


@pytest.fixture
def face(engine):
    return OpenAIFace.local(engine)


@pytest.fixture
def ask(face, request_of):
    """The reply to a request for a vector, or another."""

    def send(content=GOOD, *, face=face, path="/v1/embeddings", key="Bearer local:local", **parts):
        return face.handle(request_of(content, path=path, key=key, **parts))

    return send


def error(reply):
    return json.loads(reply.body)["error"]


def test_the_shape_of_a_reply(ask, engine):
    rows = [{"object": "embedding", "index": i, "embedding": v} for i, v in enumerate(engine.embed(TEXTS))]
    usage = {"prompt_tokens": 4 + 2 + 5, "total_tokens": 4 + 2 + 5}
    told = json.loads(ask({"model": "org/モデル:latest", "input": TEXTS, "dimensions": 3}).body)
    assert told == {"object": "list", "data": rows, "model": "org/モデル:latest", "usage": usage}
    absent = {"encoding_format": None, "dimensions": None}
    for fields in ({"input": ["a"]}, {"user": "u", "more": [1]}, absent, {"encoding_format": "float"}):
        assert ask(GOOD | fields).body == ask().body


def test_base64_is_little_endian_float32(ask, engine):
    told = json.loads(ask({"model": "m", "input": TEXTS, "encoding_format": "base64"}).body)
    rows = [base64.b64decode(row["embedding"]) for row in told["data"]]
    assert rows == [struct.pack("<3f", *vector) for vector in engine.embed(TEXTS)]


@pytest.mark.parametrize(
    ("parts", "status", "code"),
    [
        ({"path": "/v1/embeddings/"}, 404, "unknown_url"),
        ({"path": "/embeddings"}, 404, "unknown_url"),
        ({"path": "/v1/models/gpt", "method": "GET"}, 404, "model_not_found"),
        ({"path": "/v1/models/tiny", "method": "DELETE"}, 405, "method_not_supported"),
        ({"method": "GET"}, 405, "method_not_supported"),
        ({"key": None}, 401, None),
        ({"key": "Basic bG9jYWw6bG9jYWw="}, 401, None),
        ({"key": "Bearer planted-secret"}, 401, "invalid_api_key"),
        ({"key": "Bearer sk-\udc80"}, 401, "invalid_api_key"),
        ({"content": b" " * (16 * 1024 * 1024 + 1)}, 413, None),
        ({"content": b'{"x":[' + b"0," * (1 << 20) + b"0]}"}, 413, None),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_errors_are_openais(ask, parts, status, code):
    reply = ask(**parts)
    told, headers = error(reply), dict(reply.headers)
    assert (reply.status, told.keys()) == (status, {"message", "type", "param", "code"})
    assert (told["type"], told["code"]) == ("invalid_request_error", code)
    assert headers["content-type"] == "application/json"
    assert ("allow" in headers, "planted" in told["message"]) == (status == 405, False)


def test_with_a_key_of_its_own_the_test_key_is_wrong_and_not_advertised(engine, ask):
    for key in ("bearer  local:local ", "Bearer bG9jYWw6bG9jYWw="):
        assert ask(key=key).status == 200
    own = OpenAIFace.local(engine, "planted-key:planted-secret")
    assert ask(face=own, key="Bearer planted-key:planted-secret").status == 200
    assert (ask(face=own).status, own.uses_test_key) == (401, False)
    assert "local:local" not in error(ask(face=own))["message"]
    assert "planted" not in repr(own)
    with pytest.raises(TypeError, match="does not pickle"):
        pickle.dumps(own)


@pytest.mark.parametrize(("inner", "own"), [("local:local", "my:own"), ("my:own", "local:local")])
def test_either_keys_being_the_test_key_keeps_it_on_loopback(engine, inner, own):
    with pytest.raises(ConfigurationError):
        EmulatorServer(OpenAIFace(Emulator(engine, inner), None, own), host="0.0.0.0")


@pytest.mark.parametrize("path", ["/", "/v1x", "/ml/v1alpha/embedding:embed", "/V1/embeddings"])
def test_everything_else_is_passed_on(face, emulator, request_of, path):
    request = request_of({"inputs": [{"text": "a"}]}, path=path)
    assert face.handle(request) == emulator.handle(request)


@pytest.mark.parametrize("parts", [{}, {"content": b""}, {"path": "/v1/x"}], ids=repr)
def test_every_reply_names_the_engine(ask, parts):
    headers = dict(ask(**parts).headers)
    assert (headers["x-inworld-emulator-engine"], len(headers["x-request-id"])) == ("tiny", 32)


REFUSED = {
    (None, "JSON"): [b'{"model":"m","input":"\xff"}', b'{"model":"m","input":"\\ud800"}', b"[" * 100_000],
    (None, "object"): ["planted-text"],
    ("model", "name of a model"): [GOOD | {"model": "a\nb"}, GOOD | {"model": 1}, {"input": "a"}],
    ("input", "string or a list"): [{"model": "m"}, GOOD | {"input": {"text": "planted-text"}}],
    ("input", "not empty"): [GOOD | {"input": ""}, GOOD | {"input": []}],
    ("input", "'input[1]'"): [GOOD | {"input": ["planted-text", ""]}, GOOD | {"input": ["planted-text", 1]}],
    ("input", "check_embedding_ctx_length=False"): [
        GOOD | {"input": [1, 2]},
        GOOD | {"input": [[1, 2], [3]]},
    ],
    ("input", "2048 strings at most, not 2049"): [GOOD | {"input": ["a"] * 2049}],
    ("encoding_format", "'float' or 'base64'"): [GOOD | {"encoding_format": [1]}],
    ("dimensions", "3 dimensions"): [GOOD | {"dimensions": 2}],
    ("dimensions", "1 or more"): [GOOD | {"dimensions": value} for value in (0, True, 2.5)],
}


@pytest.mark.parametrize(("param", "says"), REFUSED)
def test_refused_without_echoing_a_value(ask, param, says):
    for content in REFUSED[param, says]:
        reply = ask(content)
        assert (reply.status, error(reply)["param"]) == (400, param)
        assert says in error(reply)["message"]
        assert b"planted" not in reply.body
