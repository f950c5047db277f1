"""A served face for the tests with other people's clients."""

import pytest

from inworld_embeddings_emulator import EmulatorServer
from inworld_embeddings_emulator.engines import HashEngine
from inworld_embeddings_emulator.openai_face import OpenAIFace


@pytest.fixture
def served():
    """The base URL of a face over `hash-8`, as OpenAI clients take it."""
    with EmulatorServer(OpenAIFace.local(HashEngine(8))) as server:
        yield f"{server.url}/v1"


@pytest.fixture
def expected():
    """The vectors that must come out, to float32 precision."""
    return lambda texts: [pytest.approx(vector, abs=1e-7) for vector in HashEngine(8).embed(texts)]
