"""The hand-written layer against openapi.yaml: what it relies on is there. What may go, and how that is told: tests/evolution."""

import base64
import json
from unittest import mock

from inworld_embeddings import EmbeddingClient
from inworld_embeddings_emulator import TEST_KEY, Emulator, LocalTransport, Request
from tools.spec import reliance

KEY = base64.b64encode(TEST_KEY.encode()).decode()


def paths_in(value, prefix=""):
    """The dotted path of everything in a JSON value, `[]` for an item."""
    inside = value.items() if isinstance(value, dict) else ()
    inside = (("[]", item) for item in value) if isinstance(value, list) else inside
    for name, item in inside:
        yield f"{prefix}{name}"
        yield from paths_in(item, f"{prefix}{name}.")


def test_what_is_sent_and_read_is_what_the_wrapper_sends_and_the_emulator_answers():
    emulator = mock.Mock(Emulator, wraps=Emulator())
    with EmbeddingClient(api_key=KEY, transport=LocalTransport(emulator)) as client:
        client.embed(["a", "b"])
    (request,) = emulator.handle.call_args.args
    assert (request.method.lower(), request.path) == (reliance.ENDPOINT.method, reliance.ENDPOINT.path)
    assert set(paths_in(json.loads(request.body))) - {"inputs.[]"} == reliance.SENT.keys()
    reply = Emulator().handle(request)
    assert set(paths_in(json.loads(reply.body))) - {"embeddings.[]"} == reliance.READ.keys()
    refused = Emulator().handle(Request("POST", reliance.ENDPOINT.path, {}, b""))
    assert set(json.loads(refused.body)) == reliance.ERROR.keys()
