"""What one types becomes an engine, or an error with the way out; the engine of hashes; and that in front of a backend."""

import json
import pickle
import socket
import sys
from unittest.mock import Mock

import pytest

from inworld_embeddings.errors import ConfigurationError
from inworld_embeddings_emulator import Emulator, EmulatorServer, LocalTransport, Reply
from inworld_embeddings_emulator.engines import EngineError, HashEngine, default_engine, named
from inworld_embeddings_emulator.engines.openai_compatible import OpenAICompatibleEngine, vectors_of
from inworld_embeddings_emulator.openai_face import OpenAIFace

KEY = "planted-key:planted-secret"


ERRORS = {
    "Choose from: local": ["", "Local", "local:x", "minilm"],
    "st:FOLDER_OR_ID": ["st:"],
    "openai:URL#MODEL": ["openai:http://127.0.0.1:9", "openai:#m"],
    "such as hash:256": ["hash:x", "hash:-1", "hash:²", "hash:9999999999"],
    "1 or more": ["hash:0"],
    "did not respond: ConnectError.*Is the server running": ["openai:http://127.0.0.1:9#m"],
    "folder does not exist": ["st:./no-such-folder", "st:~/no-such-folder", "st:a/b/c"],
    r"pip install 'inworld-embeddings\[st\]'": ["st:org/model"],
}


@pytest.mark.parametrize("says", ERRORS)
def test_errors_name_the_way_out(monkeypatch, says):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)  # as without the extra
    for spec in ERRORS[says]:
        with pytest.raises(ConfigurationError, match=says):
            named(spec)


@pytest.mark.parametrize("spec", ["local", "hash", "st:org/model"])
def test_only_a_backend_takes_a_key(spec):
    with pytest.raises(ConfigurationError, match="takes no key"):
        named(spec, api_key="planted-secret")


def test_the_local_engine_and_that_of_hashes_whose_vectors_are_these_on_every_python_and_platform():
    assert named("local") is default_engine()
    assert [named(spec).name for spec in ("hash", "hash:", "hash:3")] == ["hash-768", "hash-768", "hash-3"]
    assert named("hash:4").embed(["a", "", "naïve 🦊"]) == [
        [0.7091667, -0.4474205, 0.5061848, -0.2016792],
        [-0.5766087, 0.3576276, -0.7170865, 0.1594109],
        [-0.6622721, -0.2212033, 0.0692133, 0.7125126],
    ]


# In front of the emulator's own OpenAI-compatible face, and of backends that fail.


def test_its_vectors_are_the_backends_in_the_order_of_the_texts_and_its_key_stays_inside():
    texts = [f"text {number}" for number in range(70)]
    with EmulatorServer(OpenAIFace.local(HashEngine(5), KEY)) as server:
        engine = named(f"openai:{server.url}/v1#org/model:1", api_key=KEY)
        for count in (0, 1, 32, 33, 70):
            assert engine.embed(texts[:count]) == HashEngine(5).embed(texts[:count])
    assert (engine.name, engine.dimension) == ("openai-compatible:org/model:1", 5)
    assert "planted" not in repr(engine) + repr(vars(engine))
    with pytest.raises(TypeError, match="does not pickle"):
        pickle.dumps(engine)
    engine.close()


@pytest.fixture
def backend():
    return Mock(handle=Mock(return_value=Reply(200, (), b'{"data":[{"embedding":[1,2,3]}]}')))


PATHS = {"": "/v1", "/v1/": "/v1", "/v1/embeddings": "/v1", "/api": "/api"}


@pytest.mark.parametrize("given", PATHS)
def test_what_is_sent_and_where_to(backend, given):
    OpenAICompatibleEngine(f"http://localhost:1{given}", "m", KEY, transport=LocalTransport(backend))
    (request,) = backend.handle.call_args.args
    assert (request.method, request.path) == ("POST", f"{PATHS[given]}/embeddings")
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert json.loads(request.body) == {"model": "m", "input": ["dimension"], "encoding_format": "float"}


@pytest.mark.parametrize("status", [500, 302])
def test_a_status_is_named_to_who_asked_and_nothing_is_retried_or_followed(backend, request_of, status):
    engine = OpenAICompatibleEngine("http://localhost:1", "m", transport=LocalTransport(backend))
    backend.handle.return_value = Reply(status, (("location", "http://localhost:1/x"),), b"planted-text")
    reply = Emulator(engine).handle(request_of({"inputs": [{"text": "planted-text"}]}))
    said = f"the engine openai-compatible:m failed: the backend responded with status {status}"
    assert (reply.status, json.loads(reply.body)["message"], backend.handle.call_count) == (500, said, 2)


def test_a_backend_that_says_nothing_is_waited_for_no_longer_than_the_timeout():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(ConfigurationError, match="ReadTimeout"):
            OpenAICompatibleEngine(url, "m", timeout=0.05)


UNUSABLE = {
    ("http://127.0.0.1:9", " "): "name of a model",
    ("http://127.0.0.1:9", "m", ""): "key is empty",
    ("http://127.0.0.1:9", "m", "planted-secret\n"): "has a character",
    ("http://example.com/v1", "m", KEY): "in clear",
    ("http://user:planted-secret@127.0.0.1:9", "m"): "must be plain",
}


@pytest.mark.parametrize("arguments", UNUSABLE)
def test_unusable_settings(backend, arguments):
    with pytest.raises(ConfigurationError, match=UNUSABLE[arguments]) as caught:
        OpenAICompatibleEngine(*arguments, transport=LocalTransport(backend))
    assert "planted" not in str(caught.value)


def row(*numbers, **more):
    return {"embedding": list(numbers), **more}


def received(rows):
    """What becomes of a backend's response to two texts."""
    return vectors_of(json.dumps({"object": "list", "data": rows, "usage": {"prompt_tokens": 2}}).encode(), 2)


def test_good_responses_with_an_index_without_and_with_more_fields():
    for rows in ([row(2, index=1), row(1, index=0)], [row(1), row(2, index=None)], [row(1, more=3), row(2)]):
        assert received(rows) == [[1], [2]]


ODD = [
    ([row(1), row(2), row(2)], "3 embeddings for 2 texts"),
    ([row(1, index=0), row(2, index=0)], "indexes"),
    ([row(1, index=0), row(2)], "indexes"),
    ([row(), row(2)], "empty"),
    ([row(1, None), row(2)], "not a list of embeddings"),
    ("planted-text", "not a list of embeddings"),
    ([row(float("nan")), row(2)], "not JSON"),
]


@pytest.mark.parametrize(("rows", "says"), ODD)
def test_odd_responses_are_named_without_quoting_them(rows, says):
    with pytest.raises(EngineError, match=says) as caught:
        received(rows)
    assert "planted" not in str(caught.value)
    assert caught.value.__suppress_context__ or not caught.value.__context__
