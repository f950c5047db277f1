"""What both layers send is what openapi.yaml describes."""

import asyncio
import inspect
import json
from pathlib import Path

import httpx
import pytest
from openapi_core.exceptions import OpenAPIError
from openapi_core.testing import MockRequest

from inworld_embeddings import MODELS, AsyncEmbeddingClient, EmbeddingClient, Plan
from inworld_embeddings._settings import emulator_credential
from inworld_embeddings.options import CALL, defaults, merged
from inworld_embeddings_client import AuthenticatedClient, EmbedRequest
from inworld_embeddings_client.api.embedding_service import embedding_service_embed as endpoint

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "spec" / "requests"
BODIES = {path.stem: json.loads(path.read_text("utf-8"))["body"] for path in sorted(FIXTURES.glob("*.json"))}
EXAMPLES = pytest.mark.parametrize("name", BODIES)
KEY = emulator_credential().reveal()


class Recorder(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Keeps what was sent, and answers with a vector for each text."""

    def __init__(self):
        self.requests = []

    def handle_request(self, request):
        return self._answer(request)

    async def handle_async_request(self, request):
        return self._answer(request)

    def _answer(self, request):
        self.requests.append(request)
        count = len(json.loads(request.content)["inputs"])
        return httpx.Response(200, json={"embeddings": [{"values": [0.5, 0.25]}] * count})


def validate(contract, request):
    assert str(request.url) == "https://api.inworld.ai/ml/v1alpha/embedding:embed"
    assert request.headers["authorization"] == f"Basic {KEY}"
    mock = MockRequest(
        "https://api.inworld.ai",
        request.method.lower(),
        request.url.path,
        headers=dict(request.headers),
        data=request.content,
        content_type=request.headers["content-type"],
    )
    contract.validate_request(mock)


def by_generated(transport, body):
    with AuthenticatedClient(token=KEY, httpx_args={"transport": transport}) as client:
        endpoint.sync(client=client, body=EmbedRequest.from_dict(body))


async def by_generated_async(transport, body):
    async with AuthenticatedClient(token=KEY, httpx_args={"transport": transport}) as client:
        await endpoint.asyncio(client=client, body=EmbedRequest.from_dict(body))


def by_wrapper(transport, body):
    with EmbeddingClient(api_key=KEY, transport=transport, model=body["model"]["model"]) as client:
        client.embed(
            [item["text"] for item in body["inputs"]], service_provider=body["model"]["serviceProvider"]
        )


async def by_wrapper_async(transport, body):
    async with AsyncEmbeddingClient(api_key=KEY, transport=transport, model=body["model"]["model"]) as client:
        await client.embed(
            [item["text"] for item in body["inputs"]], service_provider=body["model"]["serviceProvider"]
        )


@EXAMPLES
@pytest.mark.parametrize("send", [by_generated, by_generated_async, by_wrapper, by_wrapper_async])
def test_every_example_is_sent_as_the_spec_says(send, name, contract):
    transport = Recorder()
    if inspect.iscoroutinefunction(send):
        asyncio.run(send(transport, BODIES[name]))
    else:
        send(transport, BODIES[name])
    (request,) = transport.requests
    assert json.loads(request.content) == BODIES[name]
    validate(contract, request)


def test_the_validator_can_say_no(contract):
    request = httpx.Request(
        "POST", "https://api.inworld.ai/ml/v1alpha/embedding:embed", json={"inputs": [{"txt": 1}]},
        headers={"authorization": f"Basic {KEY}"},
    )  # fmt: skip
    with pytest.raises(OpenAPIError):
        validate(contract, request)


@EXAMPLES
def test_a_plan_counts_the_bytes_that_are_sent(name):
    transport, texts = Recorder(), [item["text"] for item in BODIES[name]["inputs"]]
    with EmbeddingClient(api_key=KEY, transport=transport, batch_size=2) as client:
        plan = client.plan(texts)
        stats = client.embed(texts).stats
    sizes = [len(request.content) for request in transport.requests]
    assert plan == Plan(requests=len(sizes), texts=len(texts), bytes=sum(sizes))
    assert (stats.requests, stats.attempts, stats.bytes_sent) == (len(sizes), len(sizes), sum(sizes))


def test_the_default_model_is_the_one_of_all_examples():
    options = merged(defaults(CALL), {}, CALL)
    assert {body["model"]["model"] for body in BODIES.values()} == {options["model"]}
    assert {body["model"]["serviceProvider"] for body in BODIES.values()} == {options["service_provider"]}
    assert options["model"] in MODELS
