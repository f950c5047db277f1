"""An emulator in a layer of faults, and ways to ask it."""

import pytest

from inworld_embeddings_emulator.faults import HEADER, FaultLayer

INPUTS = {"inputs": [{"text": "a"}, {"text": "bb"}, {"text": "ccc"}]}


@pytest.fixture
def through(emulator, request_of):
    """The reply to a request for three texts, or another, through a script of faults."""

    def ask(script, content=INPUTS, **parts):
        return FaultLayer(emulator, script).handle(request_of(content, **parts))

    return ask


@pytest.fixture
def with_header(emulator, request_of):
    """The reply to a request that names its own fault."""

    def ask(text, layer=None, content=INPUTS, **parts):
        request = request_of(content, **parts)
        return (layer or FaultLayer(emulator)).handle(
            type(request)(request.method, request.path, {**request.headers, HEADER: text}, request.body)
        )

    return ask
