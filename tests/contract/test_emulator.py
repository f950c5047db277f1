"""The emulator against openapi.yaml: its path, its responses and its providers are the spec's."""

import base64
import json

import pytest
from openapi_core.testing import MockRequest, MockResponse

from inworld_embeddings import ServiceProvider
from inworld_embeddings_emulator import TEST_KEY, Emulator, Request
from inworld_embeddings_emulator.handle import EMBED_PATH, PROVIDERS, parse
from tools.spec.document import operations_of

KEY = base64.b64encode(TEST_KEY.encode()).decode()
BODY = {"inputs": [{"text": "a"}], "model": {"model": "m", "serviceProvider": "SERVICE_PROVIDER_INWORLD"}}


def ask(body, key):
    headers = {"authorization": f"Basic {key}", "content-type": "application/json"}
    return Emulator().handle(Request("POST", EMBED_PATH, headers, json.dumps(body).encode()))


def test_the_emulators_path_is_one_of_the_specs(spec):
    assert ("post", EMBED_PATH) in operations_of(spec)


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


def test_the_emulator_reads_what_the_spec_requires_and_its_providers_by_name_and_number(spec):
    names = spec["components"]["schemas"]["v1alphaServiceProvider"]["enum"]
    assert list(PROVIDERS) == names == [str(provider) for provider in ServiceProvider]
    for number, name in enumerate(names):
        for value in (name, number):
            message = parse(json.dumps(BODY | {"model": {"model": "m", "serviceProvider": value}}).encode())
            assert (message.texts, message.model, message.provider) == (("a",), "m", number)
