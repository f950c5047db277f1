"""LangChain's own suites, pickles, mem0."""

import asyncio
import pickle

from .conftest import ANIMALS, KEY, PETS, assert_no_key, assert_right, framework

framework("langchain_tests")

from langchain_tests.integration_tests import EmbeddingsIntegrationTests
from langchain_tests.unit_tests import EmbeddingsUnitTests

from inworld_embeddings.integrations.langchain import InworldEmbeddings


class TestUnit(EmbeddingsUnitTests):
    embeddings_class = InworldEmbeddings
    embedding_model_params = {"local": True}  # noqa: RUF012 - a property of theirs
    init_from_env_params = (
        {"INWORLD_API_KEY": KEY, "INWORLD_API_BASE": "http://127.0.0.1:9"},
        {"model": "BAAI/bge-large-en-v1.5"},
        {"model": "BAAI/bge-large-en-v1.5", "base_url": "http://127.0.0.1:9"},
    )


class TestIntegration(EmbeddingsIntegrationTests):
    embeddings_class = InworldEmbeddings
    embedding_model_params = {"local": True}  # noqa: RUF012 - a property of theirs


def test_it_travels_without_its_key(settings, key):
    made = InworldEmbeddings(**settings)
    sent = pickle.dumps(made)
    assert_no_key(repr(made), vars(made), sent)
    assert_right(pickle.loads(sent).embed_documents(ANIMALS), ANIMALS)
    assert_right(asyncio.run(made.aembed_documents(ANIMALS)), ANIMALS)


def test_mem0_remembers_by_it(tmp_path, monkeypatch):
    monkeypatch.setenv("MEM0_TELEMETRY", "False")
    monkeypatch.setenv("MEM0_DIR", str(tmp_path / "mem0"))
    monkeypatch.setenv("OPENAI_API_KEY", "its language model is not asked here")
    store = {"path": str(tmp_path / "qdrant"), "embedding_model_dims": 768}
    config = {
        "embedder": {"provider": "langchain", "config": {"model": InworldEmbeddings(local=True)}},
        "vector_store": {"provider": "qdrant", "config": store},
        "history_db_path": str(tmp_path / "history.db"),
    }
    memory = framework("mem0").Memory.from_config(config)
    for text in ANIMALS:
        memory.add(text, user_id="me", infer=False)
    found = memory.search(PETS, filters={"user_id": "me"}, top_k=1)
    assert found["results"][0]["memory"] == ANIMALS[0]
