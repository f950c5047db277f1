"""Other people's clients, unchanged: openai over a socket and in process, langchain-openai, LiteLLM, and docs/use/openai.md."""

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from inworld_embeddings import EmbeddingClient
from inworld_embeddings.gateway import NothingElse, Upstream
from inworld_embeddings_emulator import EmulatorServer, LocalTransport
from inworld_embeddings_emulator.engines import HashEngine
from inworld_embeddings_emulator.openai_face import OpenAIFace

openai = pytest.importorskip("openai")
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydantic")  # while LiteLLM loads its parts

TEXTS = ["Hello Inworld!", "naïve 🦊", "x" * 5000]


@pytest.fixture
def served():
    """The base URL of a face over `hash-8`, as OpenAI clients take it."""
    with EmulatorServer(OpenAIFace.local(HashEngine(8))) as server:
        yield f"{server.url}/v1"


@pytest.fixture
def client(served):
    with openai.OpenAI(base_url=served, api_key="local:local", max_retries=0) as made:
        yield made


def expected(texts):
    """The vectors that must come out, to float32 precision."""
    return [pytest.approx(vector, abs=1e-7) for vector in HashEngine(8).embed(texts)]


def vectors(response):
    return [item.embedding for item in response.data]


@pytest.mark.parametrize("key", ["local:local", "bG9jYWw6bG9jYWw="])
def test_openai_by_the_environment_alone(served, monkeypatch, key):
    monkeypatch.setenv("OPENAI_BASE_URL", served)
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with openai.OpenAI() as client:
        response = client.embeddings.create(model="any/model", input=TEXTS)
    assert vectors(response) == expected(TEXTS)
    assert [item.index for item in response.data] == [0, 1, 2]
    assert (response.object, response.model, response.data[0].object) == ("list", "any/model", "embedding")
    assert response.usage.total_tokens == response.usage.prompt_tokens > 0
    assert len(response._request_id) == 32


def test_openai_reads_models_and_errors(client):
    assert [model.id for model in client.models.list()] == ["hash-8"]
    assert client.models.retrieve("hash-8").id == "hash-8"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("org/model")
    with pytest.raises(openai.BadRequestError, match="8 dimensions") as caught:
        client.embeddings.create(model="m", input="a", dimensions=2)
    assert (caught.value.type, caught.value.param) == ("invalid_request_error", "dimensions")


@pytest.mark.parametrize("library", ["httpx", "httpx2"])
def test_openai_in_process_without_a_socket(library):
    inside = pytest.importorskip(library).Client(transport=LocalTransport(OpenAIFace.local(HashEngine(8))))
    with openai.OpenAI(base_url="http://localhost/v1", api_key="local:local", http_client=inside) as client:
        assert vectors(client.embeddings.create(model="m", input=TEXTS)) == expected(TEXTS)


def test_openai_does_not_retry_what_the_gateway_has_retried(canned):
    api = canned(b"", 503)
    with (
        EmulatorServer(api) as behind,
        EmbeddingClient(base_url=behind.url, api_key="bG9jYWw6bG9jYWw=", max_retries=0) as own,
        EmulatorServer(OpenAIFace(NothingElse(), Upstream(own))) as front,
        openai.OpenAI(base_url=f"{front.url}/v1", api_key="local:local") as client,
        pytest.raises(openai.InternalServerError),
    ):
        client.embeddings.create(model="m", input="a")
    assert len(api.seen) == 1


# langchain-openai.


def test_langchain_documents_and_queries(served):
    made = pytest.importorskip("langchain_openai").OpenAIEmbeddings
    settings = {"base_url": served, "api_key": "local:local", "model": "any/model"}
    embeddings = made(**settings, check_embedding_ctx_length=False)
    texts = [str(number) for number in range(2500)]
    assert embeddings.embed_documents(texts) == expected(texts)
    assert [embeddings.embed_query(TEXTS[0])] == expected(TEXTS[:1])
    assert asyncio.run(embeddings.aembed_documents(TEXTS)) == expected(TEXTS)


# LiteLLM.


def test_litellm(served):
    litellm = pytest.importorskip("litellm")
    options = {"model": "openai/any/model", "api_base": served, "api_key": "local:local", "max_retries": 0}
    response = litellm.embedding(input=TEXTS, **options)
    assert response.usage.prompt_tokens > 0
    for found in (
        response,
        asyncio.run(litellm.aembedding(input=TEXTS, **options)),
        litellm.embedding(input=TEXTS, encoding_format="float", **options),
    ):
        assert [item["embedding"] for item in found.data] == expected(TEXTS)
    with pytest.raises(litellm.BadRequestError):
        litellm.embedding(input=[""], **options)
    with pytest.raises(litellm.AuthenticationError):
        litellm.embedding(input=TEXTS, **{**options, "api_key": "wrong"})


# The Python examples of docs/use/openai.md, as they stand there, with the two variables set.

PAGE = (Path(__file__).parents[3] / "docs" / "use" / "openai.md").read_text("utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("code", BLOCKS, ids=range(len(BLOCKS)))
def test_python_blocks_of_the_page_run(code, served):
    for package in ("litellm", "langchain_openai"):
        pytest.importorskip(package)
    env = os.environ | {"OPENAI_BASE_URL": served, "OPENAI_API_KEY": "local:local"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr
    assert done.stdout
