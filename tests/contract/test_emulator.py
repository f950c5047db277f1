"""The emulator's responses are what openapi.yaml describes."""

import base64

import httpx
import pytest

from inworld_embeddings_emulator import TEST_KEY, Emulator, Request
from inworld_embeddings_emulator.handle import EMBED_PATH

KEY = base64.b64encode(TEST_KEY.encode()).decode()
BODY = {"inputs": [{"text": "a"}], "model": {"model": "m", "serviceProvider": "SERVICE_PROVIDER_INWORLD"}}


@pytest.mark.parametrize(
    ("body", "key", "status"),
    [(BODY, KEY, 200), (BODY | {"inputs": "a"}, KEY, 400), (BODY, "b3RoZXI6b3RoZXI=", 403), (BODY, "", 401)],
)
def test_the_emulators_answers_are_the_specs(as_specified, body, key, status):
    headers = {"authorization": f"Basic {key}"}
    asked = httpx.Request("POST", f"https://api.inworld.ai{EMBED_PATH}", headers=headers, json=body)
    reply = Emulator().handle(Request("POST", EMBED_PATH, dict(asked.headers), asked.content))
    assert reply.status == status
    as_specified(asked, reply.status, reply.body, dict(reply.headers)["content-type"])
