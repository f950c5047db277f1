"""An emulator in a layer of faults, and ways to ask it."""

import pytest

from inworld_embeddings_emulator import Request
from inworld_embeddings_emulator.faults import ADMIN_PATH, HEADER, FaultLayer

GOOD_KEY = "Basic bG9jYWw6bG9jYWw="
INPUTS = {"inputs": [{"text": "a"}, {"text": "bb"}, {"text": "ccc"}]}
WALL = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT


@pytest.fixture
def through(emulator, request_of):
    """The reply to a request for three texts, or another, through a script of faults."""

    def ask(script, content=INPUTS, **parts):
        return FaultLayer(emulator, script, wall=lambda: WALL).handle(request_of(content, **parts))

    return ask


@pytest.fixture
def with_header(emulator, request_of):
    """The reply to a request that names its own fault."""

    def ask(text, layer=None, content=INPUTS, **parts):
        request = request_of(content, **parts)
        headers = {**request.headers, HEADER: text}
        return (layer or FaultLayer(emulator)).handle(
            Request(request.method, request.path, headers, request.body)
        )

    return ask


@pytest.fixture
def administer():
    """The reply of the admin call."""

    def ask(layer, method="GET", body=b"", kind="text/plain", **headers):
        given = {"authorization": GOOD_KEY, "host": "localhost:8080", "content-type": kind}
        given |= {name.replace("_", "-"): text for name, text in headers.items()}
        return layer.handle(
            Request(method, ADMIN_PATH, {k: v for k, v in given.items() if v is not None}, body)
        )

    return ask
