"""The face: what it serves under /v1, what it refuses, and what it passes on."""

import base64
import json
import pickle
import struct

import pytest

from inworld_embeddings.errors import ConfigurationError
from inworld_embeddings_emulator import Emulator, EmulatorServer, Request
from inworld_embeddings_emulator.openai_face import EmbeddingsRequest, OpenAIError, OpenAIFace, parse

BEARER = "Bearer local:local"
TEXTS = ["Hello Inworld!", "naïve", "🦊" * 5]


@pytest.fixture
def face(engine):
    return OpenAIFace.local(engine)


def ask(face, content=None, *, method="POST", path="/v1/embeddings", key=BEARER):
    body = content if isinstance(content, bytes) else json.dumps(content).encode() if content else b""
    headers = {"authorization": key} if key is not None else {}
    return face.handle(Request(method, path, headers, body))


def told(face, **fields):
    reply = ask(face, {"model": "m", "input": TEXTS, **fields})
    assert reply.status == 200
    return json.loads(reply.body)


def error(reply):
    return json.loads(reply.body)["error"]


def test_the_shape_of_a_reply(face, engine):
    assert told(face, input="a") == told(face, input=["a"])
    rows = [{"object": "embedding", "index": i, "embedding": v} for i, v in enumerate(engine.embed(TEXTS))]
    usage = {"prompt_tokens": 4 + 2 + 5, "total_tokens": 4 + 2 + 5}
    expected = {"object": "list", "data": rows, "model": "org/モデル:latest", "usage": usage}
    assert told(face, model="org/モデル:latest", dimensions=3) == expected


def test_base64_is_little_endian_float32_and_other_dimensions_are_refused(face, engine):
    rows = [base64.b64decode(row["embedding"]) for row in told(face, encoding_format="base64")["data"]]
    assert rows == [struct.pack("<3f", *vector) for vector in engine.embed(TEXTS)]
    reply = ask(face, {"model": "m", "input": "a", "dimensions": 2})
    assert (reply.status, error(reply)["param"]) == (400, "dimensions")
    assert "3 dimensions" in error(reply)["message"]


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
def test_errors_are_openais(face, parts, status, code):
    reply = ask(face, **({"content": {"model": "m", "input": "a"}} | parts))
    assert reply.status == status
    assert set(error(reply)) == {"message", "type", "param", "code"}
    assert (error(reply)["type"], error(reply)["code"]) == ("invalid_request_error", code)
    assert "planted" not in error(reply)["message"]
    assert ("content-type", "application/json") in reply.headers
    allowed = "POST" if "path" not in parts else "GET, HEAD"
    assert dict(reply.headers).get("allow") == (allowed if status == 405 else None)


def test_with_a_key_of_its_own_the_test_key_is_wrong_and_not_advertised(engine, face):
    for key in ("bearer  local:local ", "Bearer bG9jYWw6bG9jYWw="):
        assert ask(face, {"model": "m", "input": "a"}, key=key).status == 200
    face = OpenAIFace.local(engine, "planted-key:planted-secret")
    assert not face.uses_test_key
    assert ask(face, {"model": "m", "input": "a"}, key="Bearer planted-key:planted-secret").status == 200
    reply = ask(face, {"model": "m", "input": "a"})
    assert reply.status == 401
    assert "local:local" not in error(reply)["message"]


@pytest.mark.parametrize(("inner", "own"), [("local:local", "my:own"), ("my:own", "local:local")])
def test_either_keys_being_the_test_key_keeps_it_on_loopback(engine, inner, own):
    with pytest.raises(ConfigurationError):
        EmulatorServer(OpenAIFace(Emulator(engine, inner), None, own), host="0.0.0.0")


def test_everything_else_is_passed_on_and_every_reply_of_its_own_names_the_engine(face, emulator, request_of):
    for path in ("/", "/v1x", "/ml/v1alpha/embedding:embed", "/V1/embeddings"):
        request = request_of({"inputs": [{"text": "a"}]}, path=path)
        assert face.handle(request) == emulator.handle(request)
    for reply in (ask(face, {"model": "m", "input": "a"}), ask(face), ask(face, path="/v1/x")):
        headers = dict(reply.headers)
        assert (headers["x-inworld-emulator-engine"], len(headers["x-request-id"])) == ("tiny", 32)


def test_it_neither_shows_nor_pickles_its_key(engine):
    face = OpenAIFace.local(engine, "planted-key:planted-secret")
    assert "planted" not in repr(face)
    with pytest.raises(TypeError, match="does not pickle"):
        pickle.dumps(face)


# The body of a request.


def body(**fields):
    return json.dumps({"model": "m", "input": "a", **fields}).encode()


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"input": ["a", "b"], "user": "u", "more": [1]}, (("a", "b"), "m", False, None)),
        ({"encoding_format": "float", "dimensions": 3}, (("a",), "m", False, 3)),
        ({"encoding_format": "base64", "dimensions": None}, (("a",), "m", True, None)),
        ({"encoding_format": None, "input": ["a"] * 2048}, (("a",) * 2048, "m", False, None)),
    ],
)
def test_taken(fields, expected):
    assert parse(body(**fields)) == EmbeddingsRequest(*expected)


REFUSED = {
    (None, "JSON"): [b'{"model":"m","input":"\xff"}', b'{"model":"m","input":"\\ud800"}', b"[" * 100_000],
    (None, "object"): [b'"planted-text"'],
    ("model", "name of a model"): [body(model="a\nb"), body(model=1), b'{"input":"a"}'],
    ("input", "string or a list"): [b'{"model":"m"}', body(input={"text": "planted-text"})],
    ("input", "not empty"): [body(input=""), body(input=[])],
    ("input", r"input\[1\]"): [body(input=["planted-text", ""]), body(input=["planted-text", 1])],
    ("input", "check_embedding_ctx_length=False"): [body(input=[1, 2]), body(input=[[1, 2], [3]])],
    ("input", "2048 strings at most, not 2049"): [body(input=["a"] * 2049)],
    ("encoding_format", "'float' or 'base64'"): [body(encoding_format="float16"), body(encoding_format=[1])],
    ("dimensions", "1 or more"): [body(dimensions=value) for value in (0, True, 2.5)],
}  # fmt: skip


@pytest.mark.parametrize(
    ("sent", "param", "says"), [(sent, *told) for told, cases in REFUSED.items() for sent in cases]
)
def test_refused_without_echoing_a_value(sent, param, says):
    with pytest.raises(OpenAIError, match=says) as caught:
        parse(sent)
    assert (caught.value.status, caught.value.param) == (400, param)
    assert "planted" not in str(caught.value)
