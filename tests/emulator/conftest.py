"""A tiny engine, a handler that always replies the same, and a request builder for the tests of the emulator."""

import json

import pytest

from inworld_embeddings_emulator import Emulator, Reply, Request

GOOD_KEY = "Basic bG9jYWw6bG9jYWw="  # base64("local:local"), spelled out so that the tests do not compute it


class TinyEngine:
    """Three dimensions that depend on nothing but the text, whole numbers among them."""

    name = "tiny"
    dimension = 3

    def embed(self, texts):
        return [[float(len(text)), sum(map(ord, text)) % 97 / 1e7, -0.5] for text in texts]


class Canned:
    uses_test_key = True

    def __init__(self, body=b"", status=200, *headers):
        self.body, self.status, self.headers, self.seen = body, status, headers, []

    def handle(self, request):
        self.seen.append(request)
        return Reply(self.status, self.headers, self.body)


@pytest.fixture(scope="session")
def canned():
    return Canned


@pytest.fixture
def engine():
    return TinyEngine()


@pytest.fixture
def emulator(engine):
    return Emulator(engine)


@pytest.fixture
def request_of():
    """Builds a good request; keywords replace parts of it, and ``None`` drops the key."""

    def build(content=None, *, method="POST", path="/ml/v1alpha/embedding:embed", key=GOOD_KEY):
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        return Request(method, path, {"authorization": key} if key is not None else {}, body)

    return build


@pytest.fixture
def ask(emulator, request_of):
    def send(content=None, **parts):
        reply = emulator.handle(request_of(content, **parts))
        return reply.status, json.loads(reply.body)

    return send
