"""The engine over sockets: in front of the emulator's own OpenAI-compatible face, and of backends that fail."""

import json
import pickle
import socket

import pytest

from inworld_embeddings.errors import ConfigurationError
from inworld_embeddings_emulator import Emulator, EmulatorServer, LocalTransport
from inworld_embeddings_emulator.engines import EngineError, HashEngine
from inworld_embeddings_emulator.engines.openai_compatible import OpenAICompatibleEngine, vectors_of
from inworld_embeddings_emulator.openai_face import OpenAIFace

KEY = "planted-key:planted-secret"
TEXTS = [f"text {number}" for number in range(70)]
GOOD = b'{"data":[{"embedding":[1,2,3]}]}'


@pytest.fixture(scope="module")
def server():
    with EmulatorServer(OpenAIFace.local(HashEngine(5), KEY)) as running:
        yield running


@pytest.fixture(scope="module")
def engine(server):
    made = OpenAICompatibleEngine(f"{server.url}/v1", "org/model:1", KEY)
    yield made
    made.close()


def test_its_vectors_are_the_backends_in_the_order_of_the_texts(engine):
    assert (engine.name, engine.dimension) == ("openai-compatible:org/model:1", 5)
    for count in (0, 1, 32, 33, 70):
        assert engine.embed(TEXTS[:count]) == HashEngine(5).embed(TEXTS[:count])


@pytest.mark.parametrize(
    ("given", "path"), [("", "/v1"), ("/v1/", "/v1"), ("/v1/embeddings", "/v1"), ("/api", "/api")]
)
def test_what_is_sent_and_where_to(canned, given, path):
    backend = canned(GOOD)
    OpenAICompatibleEngine(f"http://localhost:1{given}", "m", KEY, transport=LocalTransport(backend))
    (request,) = backend.seen
    assert (request.method, request.path) == ("POST", f"{path}/embeddings")
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert json.loads(request.body) == {"model": "m", "input": ["dimension"], "encoding_format": "float"}


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (500, b"planted-text", "status 500"),
        (302, b"", "status 302"),
        (200, b'{"data":[{"embedding":[1,2]}]}', "another dimension"),
        (200, b'{"data":[{"embedding":[1,2,1e300]}]}', "not a finite float32"),
    ],
)
def test_failures_are_named_by_status_or_kind_and_go_to_who_asked(canned, request_of, status, body, says):
    backend = canned(GOOD)
    made = OpenAICompatibleEngine("http://localhost:1", "m", KEY, transport=LocalTransport(backend))
    backend.status, backend.body, backend.headers = status, body, (("location", "http://localhost:1/x"),)
    reply = Emulator(made).handle(request_of({"inputs": [{"text": "planted-text"}]}))
    message = json.loads(reply.body)["message"]
    assert (reply.status, len(backend.seen)) == (500, 2)  # nothing was retried
    assert message.startswith("the engine openai-compatible:m failed: ")
    assert says in message
    assert "planted" not in message


def test_a_backend_that_is_not_there_or_says_nothing_is_named_by_its_type():
    with pytest.raises(ConfigurationError, match="did not respond: ConnectError"):
        OpenAICompatibleEngine("http://127.0.0.1:9", "m")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(ConfigurationError, match="ReadTimeout"):
            OpenAICompatibleEngine(url, "m", timeout=0.05)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("http://127.0.0.1:9", " "), "name of a model"),
        (("http://127.0.0.1:9", "m", ""), "key is empty"),
        (("http://127.0.0.1:9", "m", "planted-secret\n"), "key is empty, or has a character"),
        (("http://example.com/v1", "m", KEY), "in clear"),
        (("http://user:planted-secret@127.0.0.1:9", "m"), "must be plain"),
        (("ftp://127.0.0.1", "m"), "must be plain"),
    ],
)
def test_unusable_settings(canned, arguments, says):
    with pytest.raises(ConfigurationError, match=says) as caught:
        OpenAICompatibleEngine(*arguments, transport=LocalTransport(canned(GOOD)))
    assert "planted" not in str(caught.value)


def test_it_neither_shows_nor_pickles_its_key(engine):
    assert "planted" not in repr(engine) + repr(vars(engine))
    with pytest.raises(TypeError, match="does not pickle"):
        pickle.dumps(engine)


# What a backend sends.

A, B = [0.5, -1.0], [0.25, 2.0]


def sent(*rows, **more):
    return json.dumps({"object": "list", "data": list(rows), "model": "m", **more}).encode()


def row(embedding, **more):
    return {"object": "embedding", "embedding": embedding, **more}


def test_good_responses():
    """By their index, without one, with null, and with more fields."""
    for body in (
        sent(row(B, index=1), row(A, index=0)),
        sent(row(A), row(B)),
        sent(row(A, index=None), row(B, index=None)),
        sent(row(A, index=0, more=[1]), row(B, index=1), usage={"prompt_tokens": 2}),
    ):
        assert vectors_of(body, 2) == [A, B]


ODD = {
    "3 embeddings for 2 texts": [sent(row(A), row(B), row(B))],
    "indexes": [sent(row(A, index=0), row(B, index=0)), sent(row(A, index=0), row(B))],
    "empty": [sent(row([]), row(B))],
    "not JSON": [sent(row([0.5, float("nan")]), row(B)), b"<html>planted-text</html>"],
    "not a list of embeddings": [
        sent(row([0.5, None]), row(B)),
        sent(row(A, index="0"), row(B, index="1")),
        b'{"error":{"message":"planted-text"}}',
        b'{"data":[{"embedding":[1e999,1]},{"embedding":[1,1]}]}',
    ],
    "not": [b"[" * 100_000],
}


@pytest.mark.parametrize(("says", "bodies"), ODD.items(), ids=ODD)
def test_odd_responses_are_named_without_quoting_them(says, bodies):
    for body in bodies:
        with pytest.raises(EngineError, match=says) as caught:
            vectors_of(body, 2)
        assert "planted" not in str(caught.value)
        assert caught.value.__suppress_context__ or not caught.value.__context__
