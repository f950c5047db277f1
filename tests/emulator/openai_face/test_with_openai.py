"""The real `openai` package, unchanged, over a socket and in process."""

import asyncio
import base64

import httpx
import pytest

from inworld_embeddings import EmbeddingClient
from inworld_embeddings.gateway import NothingElse, Upstream
from inworld_embeddings_emulator import EmulatorServer, LocalTransport, Reply
from inworld_embeddings_emulator.engines import HashEngine
from inworld_embeddings_emulator.openai_face import OpenAIFace

openai = pytest.importorskip("openai")

TEXTS = ["Hello Inworld!", "naïve 🦊", "x" * 5000]


@pytest.fixture
def client(served):
    with openai.OpenAI(base_url=served, api_key="local:local", max_retries=0) as made:
        yield made


def vectors(answer):
    return [item.embedding for item in answer.data]


@pytest.mark.parametrize("key", ["local:local", "bG9jYWw6bG9jYWw="])
def test_with_its_default_encoding(served, expected, key):
    with openai.OpenAI(base_url=served, api_key=key) as client:
        answer = client.embeddings.create(model="any/model", input=TEXTS)
    assert vectors(answer) == expected(TEXTS)
    assert [item.index for item in answer.data] == [0, 1, 2]
    assert (answer.object, answer.model, answer.data[0].object) == ("list", "any/model", "embedding")
    assert answer.usage.total_tokens == answer.usage.prompt_tokens > 0
    assert len(answer._request_id) == 32


def test_one_string(client, expected):
    assert vectors(client.embeddings.create(model="m", input="a")) == expected(["a"])


def test_floats(client):
    answer = client.embeddings.create(model="m", input=TEXTS, encoding_format="float")
    assert vectors(answer) == HashEngine(8).embed(TEXTS)


def test_base64_on_request(client):
    answer = client.embeddings.create(model="m", input="a", encoding_format="base64")
    assert len(base64.b64decode(answer.data[0].embedding)) == 8 * 4


def test_dimensions(client):
    assert client.embeddings.create(model="m", input="a", dimensions=8).data
    with pytest.raises(openai.BadRequestError, match="8 dimensions"):
        client.embeddings.create(model="m", input="a", dimensions=2)


def test_the_environment_is_enough(served, expected, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", served)
    monkeypatch.setenv("OPENAI_API_KEY", "local:local")
    with openai.OpenAI() as client:
        assert vectors(client.embeddings.create(model="m", input="a")) == expected(["a"])


def test_models(client):
    assert [model.id for model in client.models.list()] == ["hash-8"]
    assert client.models.retrieve("hash-8").id == "hash-8"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("org/model")


def test_async(served, expected):
    async def ask():
        async with openai.AsyncOpenAI(base_url=served, api_key="local:local") as client:
            answers = [client.embeddings.create(model="m", input=[text]) for text in TEXTS]
            return [vectors(answer)[0] for answer in await asyncio.gather(*answers)]

    assert asyncio.run(ask()) == expected(TEXTS)


def test_in_process_without_a_socket(expected):
    inside = httpx.Client(transport=LocalTransport(OpenAIFace.local(HashEngine(8))))
    with openai.OpenAI(base_url="http://localhost/v1", api_key="local:local", http_client=inside) as client:
        assert vectors(client.embeddings.create(model="m", input=TEXTS)) == expected(TEXTS)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        ({"input": [1, 2, 3]}, "BadRequestError", "check_embedding_ctx_length=False"),
        ({"input": [[1, 2], [3]]}, "BadRequestError", "check_embedding_ctx_length=False"),
        ({"input": ""}, "BadRequestError", "not empty"),
        ({"input": []}, "BadRequestError", "not empty"),
        ({"input": ["a", ""]}, "BadRequestError", "input"),
        ({"model": ""}, "BadRequestError", "model"),
        ({"encoding_format": "float16"}, "BadRequestError", "encoding_format"),
    ],
)
def test_what_is_refused(client, call, error, says):
    with pytest.raises(getattr(openai, error), match=says) as caught:
        client.embeddings.create(**({"model": "m", "input": "a"} | call))
    assert caught.value.type == "invalid_request_error"


def test_a_wrong_key(served):
    with (
        openai.OpenAI(base_url=served, api_key="planted-secret") as client,
        pytest.raises(openai.AuthenticationError) as caught,
    ):
        client.embeddings.create(model="m", input="a")
    assert caught.value.code == "invalid_api_key"
    assert "planted" not in str(caught.value)


def test_another_endpoint(client):
    with pytest.raises(openai.NotFoundError):
        client.completions.create(model="m", prompt="a")


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, "BadRequestError"),
        (401, "AuthenticationError"),
        (403, "PermissionDeniedError"),
        (404, "NotFoundError"),
        (429, "RateLimitError"),
        (500, "InternalServerError"),
        (503, "InternalServerError"),
    ],
)
def test_errors_of_the_real_api_have_openais_classes_and_are_not_retried_twice(status, error):
    class Api:
        uses_test_key = True
        seen = 0

        def handle(self, request):
            self.seen += 1
            return Reply(status, (("retry-after", "0"),) if status == 429 else (), b"")

    api, key = Api(), "bG9jYWw6bG9jYWw="
    with (
        EmulatorServer(api) as behind,
        EmbeddingClient(base_url=behind.url, api_key=key, max_retries=0) as own,
        EmulatorServer(OpenAIFace(NothingElse(), Upstream(own))) as front,
        openai.OpenAI(base_url=f"{front.url}/v1", api_key="local:local") as client,
        pytest.raises(getattr(openai, error)) as caught,
    ):
        client.embeddings.create(model="m", input="a")
    assert (caught.value.status_code, api.seen) == (status, 1)
