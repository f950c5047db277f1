"""An emulator in a layer of faults, and ways to ask it."""

from dataclasses import replace

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

    def ask(text, layer=None, **parts):
        request = request_of(INPUTS, **parts)
        asked = replace(request, headers={**request.headers, HEADER: text})
        return (layer or FaultLayer(emulator)).handle(asked)

    return ask
