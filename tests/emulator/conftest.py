"""A tiny engine and a request builder for the tests of the emulator."""

import json

import pytest

from inworld_embeddings_emulator import Emulator, Request

GOOD_KEY = "Basic bG9jYWw6bG9jYWw="  # base64("local:local"), spelled out so that the tests do not compute it


class TinyEngine:
    """Three dimensions that depend on nothing but the text, whole numbers among them."""

    name = "tiny"
    dimension = 3

    def embed(self, texts):
        return [[float(len(text)), sum(map(ord, text)) % 97 / 1e7, -0.5] for text in texts]


@pytest.fixture
def engine():
    return TinyEngine()


@pytest.fixture
def emulator(engine):
    return Emulator(engine)


@pytest.fixture(scope="session")
def request_of():
    """Builds a good request; keywords replace parts of it or add headers, and ``None`` drops the key."""

    def build(content=None, *, method="POST", path="/ml/v1alpha/embedding:embed", key=GOOD_KEY, **headers):
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        return Request(method, path, headers | ({"authorization": key} if key is not None else {}), body)

    return build
