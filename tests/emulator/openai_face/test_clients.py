"""Other people's clients, unchanged: openai, langchain-openai, LiteLLM, and the programs of docs/use/openai.md."""

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from inworld_embeddings_emulator import EmulatorServer
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


def expected(texts):
    """The vectors that must come out, to float32 precision."""
    return [pytest.approx(vector, abs=1e-7) for vector in HashEngine(8).embed(texts)]


@pytest.mark.parametrize("key", ["local:local", "bG9jYWw6bG9jYWw="])
def test_openai_by_the_environment_alone(served, monkeypatch, key):
    monkeypatch.setenv("OPENAI_BASE_URL", served)
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with openai.OpenAI() as client:
        response = client.embeddings.create(model="any/model", input=TEXTS)
        assert [item.embedding for item in response.data] == expected(TEXTS)
        assert (response.model, len(response._request_id)) == ("any/model", 32)
        assert response.usage.total_tokens == response.usage.prompt_tokens > 0
        assert [model.id for model in client.models.list()] == ["hash-8"]
        assert client.models.retrieve("hash-8").id == "hash-8"
        with pytest.raises(openai.NotFoundError):
            client.models.retrieve("org/model")
        with pytest.raises(openai.BadRequestError, match="8 dimensions") as caught:
            client.embeddings.create(model="m", input="a", dimensions=2)
    assert (caught.value.type, caught.value.param) == ("invalid_request_error", "dimensions")


def test_langchain_documents_and_queries(served):
    made = pytest.importorskip("langchain_openai").OpenAIEmbeddings
    settings = {"base_url": served, "api_key": "local:local", "model": "any/model"}
    embeddings = made(**settings, check_embedding_ctx_length=False)
    texts = [str(number) for number in range(2500)]
    assert embeddings.embed_documents(texts) == expected(texts)
    assert asyncio.run(embeddings.aembed_documents(TEXTS)) == expected(TEXTS)


def test_litellm(served):
    litellm = pytest.importorskip("litellm")
    options = {"model": "openai/any/model", "api_base": served, "api_key": "local:local", "max_retries": 0}
    for encoding in ("float", None):
        found = litellm.embedding(input=TEXTS, encoding_format=encoding, **options)
        assert [item["embedding"] for item in found.data] == expected(TEXTS)
    with pytest.raises(litellm.BadRequestError):
        litellm.embedding(input=[""], **options)
    with pytest.raises(litellm.AuthenticationError):
        litellm.embedding(input=TEXTS, **options | {"api_key": "wrong"})


PAGE = (Path(__file__).parents[3] / "docs" / "use" / "openai.md").read_text("utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("code", BLOCKS, ids=range(len(BLOCKS)))
def test_python_blocks_of_the_page_run_with_the_two_variables_set(code, served):
    for package in ("litellm", "langchain_openai"):
        pytest.importorskip(package)
    env = os.environ | {"OPENAI_BASE_URL": served, "OPENAI_API_KEY": "local:local"}
    assert subprocess.check_output([sys.executable, "-c", code], env=env)
