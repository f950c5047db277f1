"""The engine over sockets: in front of the emulator's own OpenAI-compatible face, and of backends that fail."""

import json
import logging
import pickle
import socket
import threading
from contextlib import closing
from dataclasses import dataclass, field

import httpx
import pytest

from inworld_embeddings import EmbeddingClient
from inworld_embeddings.errors import ConfigurationError
from inworld_embeddings_emulator import Emulator, EmulatorServer, LocalTransport, Reply
from inworld_embeddings_emulator.engines import EngineError, HashEngine, OpenAICompatibleEngine
from inworld_embeddings_emulator.openai_face import OpenAIFace

KEY = "planted-key:planted-secret"
TEXTS = [f"text {number}" for number in range(70)]


@dataclass
class Backend:
    """Answers with the given status and body, and remembers what it was asked."""

    status: int = 200
    body: bytes = b""
    headers: tuple = (("content-type", "application/json"),)
    uses_test_key = True
    seen: list = field(default_factory=list)

    def handle(self, request):
        self.seen.append(request)
        return Reply(self.status, self.headers, self.body)


@pytest.fixture(scope="module")
def server():
    with EmulatorServer(OpenAIFace.local(HashEngine(5), KEY)) as running:
        yield running


@pytest.fixture(scope="module")
def engine(server):
    made = OpenAICompatibleEngine(f"{server.url}/v1", "org/model:1", KEY)
    yield made
    made.close()


def test_it_learns_the_dimension_and_is_named_by_the_model(engine):
    assert (engine.name, engine.dimension) == ("openai-compatible:org/model:1", 5)


@pytest.mark.parametrize("count", [0, 1, 32, 33, 70])
def test_its_vectors_are_the_backends_in_the_order_of_the_texts(engine, count):
    assert engine.embed(TEXTS[:count]) == HashEngine(5).embed(TEXTS[:count])


def test_threads_share_it(engine):
    results = []
    threads = [threading.Thread(target=lambda: results.append(engine.embed(TEXTS))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [HashEngine(5).embed(TEXTS)] * 8


def test_the_result_names_it_in_process_and_over_a_socket(engine):
    with EmbeddingClient.local(engine=engine) as client:
        inside = client.embed(TEXTS)
    with EmulatorServer(Emulator(engine)) as server:
        client = EmbeddingClient(base_url=server.url, api_key="bG9jYWw6bG9jYWw=")
        with client:
            outside = client.embed(TEXTS)
    assert inside.engine == outside.engine == engine.name
    assert inside.tolist() == outside.tolist()


def test_connections_are_kept_alive(monkeypatch, server):
    made, connect = [], socket.create_connection
    monkeypatch.setattr(socket, "create_connection", lambda *a, **k: made.append(a) or connect(*a, **k))
    with closing(OpenAICompatibleEngine(server.url, "m", KEY)) as engine:
        engine.embed(TEXTS)
    assert len(made) == 1


@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/", "/v1/embeddings"])
def test_ways_to_write_the_url(server, path):
    with closing(OpenAICompatibleEngine(server.url + path, "m", KEY)) as engine:
        assert engine.dimension == 5


def test_a_known_dimension_asks_nothing_until_it_is_used():
    backend = Backend(503)
    OpenAICompatibleEngine("http://localhost:1", "m", dimension=3, transport=LocalTransport(backend))
    assert backend.seen == []


def test_what_is_sent():
    backend = Backend(body=b'{"data":[{"embedding":[1,2,3]}]}')
    OpenAICompatibleEngine("http://localhost:1/api", "m", KEY, transport=LocalTransport(backend))
    (request,) = backend.seen
    assert (request.method, request.path) == ("POST", "/api/embeddings")
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert json.loads(request.body) == {"model": "m", "input": ["dimension"], "encoding_format": "float"}


@pytest.mark.parametrize(
    ("backend", "says"),
    [
        (Backend(500, b"planted-text"), "status 500"),
        (Backend(401), "status 401"),
        (Backend(302, headers=(("location", "http://localhost:1/planted-text"),)), "status 302"),
        (Backend(200, b"<html>planted-text</html>"), "not JSON"),
        (Backend(200, b'{"data":[]}'), "1 texts with 0"),
        (Backend(200, b'{"data":[{"embedding":[1,2]}]}'), "2 dimensions, not 3"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_failures_are_named_by_status_or_kind_and_go_to_who_asked(backend, says, caplog):
    caplog.set_level(logging.DEBUG)
    made = OpenAICompatibleEngine("http://localhost:1", "m", KEY, 3, transport=LocalTransport(backend))
    with pytest.raises(EngineError, match=says) as caught:
        made.embed(["planted-text"])
    assert "planted" not in str(caught.value)
    asked = httpx.Client(transport=LocalTransport(Emulator(made)), auth=("local", "local")).post(
        "http://localhost/ml/v1alpha/embedding:embed", json={"inputs": [{"text": "planted-text"}]}
    )
    assert asked.status_code == 500
    assert asked.json()["message"] == f"the engine openai-compatible:m failed: {caught.value}"
    assert len(backend.seen) == 2  # nothing was retried


def test_nobody_there_is_named_by_its_type():
    made = OpenAICompatibleEngine("http://127.0.0.1:9", "m", dimension=3)
    with pytest.raises(EngineError, match="did not answer: ConnectError"):
        made.embed(["planted-text"])
    made.close()
    with pytest.raises(EngineError, match="did not answer: RuntimeError"):
        made.embed(["planted-text"])


def test_a_backend_that_says_nothing_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(ConfigurationError, match="ReadTimeout"):
            OpenAICompatibleEngine(url, "m", timeout=0.05)


@pytest.mark.parametrize(
    "arguments",
    [
        ("http://127.0.0.1:9", " "),
        ("http://127.0.0.1:9", "m", ""),
        ("http://127.0.0.1:9", "m", "planted-secret\n"),
        ("http://example.com/v1", "m", KEY),
        ("http://user:planted-secret@127.0.0.1:9", "m"),
        ("ftp://127.0.0.1", "m"),
        ("http://127.0.0.1:9", "m"),
    ],
)
def test_unusable_settings(arguments):
    with pytest.raises(ConfigurationError) as caught:
        OpenAICompatibleEngine(*arguments)
    assert "planted" not in str(caught.value)
    with pytest.raises(ConfigurationError, match="batch_size"):
        OpenAICompatibleEngine("http://127.0.0.1:9", "m", batch_size=0)


def test_without_a_key_plain_http_may_leave_the_machine():
    made = OpenAICompatibleEngine(
        "http://gpu.example/v1", "m", dimension=3, transport=LocalTransport(Backend())
    )
    assert made.dimension == 3


@pytest.mark.parametrize(
    ("url", "asked"), [("http://127.0.0.1:9/v1", []), ("http://gpu.example/v1", ["CONNECT"])]
)
def test_on_loopback_no_proxy_of_the_environment_counts(monkeypatch, url, asked):
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    made = OpenAICompatibleEngine(url, "m", dimension=3)
    assert bool(made._client._mounts) is bool(asked)


def test_it_neither_shows_nor_pickles_its_key(engine):
    assert "planted" not in repr(engine) + repr(vars(engine))
    with pytest.raises(TypeError, match="does not pickle"):
        pickle.dumps(engine)
