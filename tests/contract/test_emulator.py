"""The emulator's responses are what openapi.yaml describes."""

import base64
import copy

import httpx
import pytest
from openapi_core.exceptions import OpenAPIError

from inworld_embeddings_emulator import TEST_KEY, Emulator, Request
from inworld_embeddings_emulator.handle import EMBED_PATH

KEY = base64.b64encode(TEST_KEY.encode()).decode()
BODY = {"inputs": [{"text": "a"}], "model": {"model": "m", "serviceProvider": "SERVICE_PROVIDER_INWORLD"}}


def exchange(body, key):
    headers = {"authorization": f"Basic {key}"}
    asked = httpx.Request("POST", f"https://api.inworld.ai{EMBED_PATH}", headers=headers, json=body)
    reply = Emulator().handle(Request("POST", EMBED_PATH, dict(asked.headers), asked.content))
    return asked, reply.status, reply.body, dict(reply.headers)["content-type"]


@pytest.mark.parametrize(
    ("body", "key", "status"),
    [(BODY, KEY, 200), (BODY | {"inputs": "a"}, KEY, 400), (BODY, "b3RoZXI6b3RoZXI=", 403), (BODY, "", 401)],
)
def test_the_emulators_answers_are_the_specs(as_specified, body, key, status):
    made = exchange(body, key)
    assert made[1] == status
    as_specified(*made)


@pytest.mark.parametrize(
    ("schema", "name"), [("v1alphaEmbedResponse", "embeddings"), ("v1alphaEmbedding", "values")]
)
def test_a_field_that_the_spec_calls_otherwise_is_noticed(spec, as_specified, schema, name):
    renamed = copy.deepcopy(spec)
    found = renamed["components"]["schemas"][schema]
    found["properties"]["renamed"] = found["properties"].pop(name)
    found.pop("required", None)
    with pytest.raises(OpenAPIError):
        as_specified(*exchange(BODY, KEY), spec=renamed)
