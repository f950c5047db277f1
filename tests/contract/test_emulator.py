"""The emulator's responses are what openapi.yaml describes."""

import base64
import json

import pytest
from openapi_core.testing import MockRequest, MockResponse

from inworld_embeddings_emulator import TEST_KEY, Emulator, Request
from inworld_embeddings_emulator.handle import EMBED_PATH

KEY = base64.b64encode(TEST_KEY.encode()).decode()
BODY = {"inputs": [{"text": "a"}], "model": {"model": "m", "serviceProvider": "SERVICE_PROVIDER_INWORLD"}}


def ask(body, key):
    headers = {"authorization": f"Basic {key}", "content-type": "application/json"}
    return Emulator().handle(Request("POST", EMBED_PATH, headers, json.dumps(body).encode()))


@pytest.mark.parametrize(
    ("body", "key", "status"),
    [(BODY, KEY, 200), (BODY | {"inputs": "a"}, KEY, 400), (BODY, "b3RoZXI6b3RoZXI=", 403), (BODY, "", 401)],
)
def test_the_emulators_answers_are_the_specs(contract, body, key, status):
    reply = ask(body, key)
    assert reply.status == status
    headers, data = {"authorization": f"Basic {KEY}"}, json.dumps(body).encode()
    request = MockRequest(
        "https://api.inworld.ai",
        "post",
        EMBED_PATH,
        headers=headers,
        data=data,
        content_type="application/json",
    )
    kind = dict(reply.headers)["content-type"]
    contract.validate_response(request, MockResponse(reply.body, reply.status, content_type=kind))
