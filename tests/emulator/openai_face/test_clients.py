"""Other people's clients, unchanged: openai, and with it langchain-openai and LiteLLM in the programs of docs/use/openai.md."""

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


@pytest.mark.parametrize("key", ["local:local", "bG9jYWw6bG9jYWw="])
def test_openai_by_the_environment_alone(served, monkeypatch, key):
    monkeypatch.setenv("OPENAI_BASE_URL", served)
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with openai.OpenAI() as client:
        response = client.embeddings.create(model="any/model", input=TEXTS)
        vectors = [pytest.approx(vector, abs=1e-7) for vector in HashEngine(8).embed(TEXTS)]  # float32
        assert [item.embedding for item in response.data] == vectors
        assert (response.model, len(response._request_id)) == ("any/model", 32)
        assert response.usage.total_tokens == response.usage.prompt_tokens > 0
        assert [model.id for model in client.models.list()] == ["hash-8"]
        assert client.models.retrieve("hash-8").id == "hash-8"
        with pytest.raises(openai.NotFoundError):
            client.models.retrieve("org/model")
        with pytest.raises(openai.BadRequestError, match="8 dimensions") as caught:
            client.embeddings.create(model="m", input="a", dimensions=2)
    assert (caught.value.type, caught.value.param) == ("invalid_request_error", "dimensions")


PAGE = (Path(__file__).parents[3] / "docs" / "use" / "openai.md").read_text("utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("code", BLOCKS, ids=range(len(BLOCKS)))
def test_python_blocks_of_the_page_run_with_the_two_variables_set(code, served):
    for package in ("litellm", "langchain_openai"):
        pytest.importorskip(package)
    env = os.environ | {"OPENAI_BASE_URL": served, "OPENAI_API_KEY": "local:local"}
    assert subprocess.check_output([sys.executable, "-c", code], env=env)
