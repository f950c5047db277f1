"""LangChain's own suites, a vector store, mem0."""

import asyncio
import pickle

import pytest

from inworld_embeddings import ConfigurationError, PermissionDeniedError

from .conftest import ANIMALS, KEY, PETS, WRONG, assert_no_key, framework

framework("langchain_tests")

from langchain_core.vectorstores import InMemoryVectorStore
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


def test_a_vector_store_finds_what_is_near():
    store = InMemoryVectorStore.from_texts(ANIMALS, InworldEmbeddings(local=True))
    assert store.similarity_search(PETS, k=1)[0].page_content == ANIMALS[0]
    assert asyncio.run(store.asimilarity_search(PETS, k=1))[0].page_content == ANIMALS[0]


def test_the_key_goes_to_the_service_and_nowhere_else(served, settings, right):
    made = InworldEmbeddings(**settings)
    assert right(made.embed_documents(ANIMALS), ANIMALS)
    assert right(asyncio.run(made.aembed_query("a")), ["a"])
    assert_no_key(repr(made), repr(vars(made)), pickle.dumps(made))


def test_a_pickle_opens_where_the_same_key_is(settings, right, monkeypatch):
    sent = pickle.dumps(InworldEmbeddings(**settings))
    monkeypatch.setenv("INWORLD_API_KEY", WRONG)
    with pytest.raises(ConfigurationError, match="another key"):
        pickle.loads(sent)
    monkeypatch.setenv("INWORLD_API_KEY", KEY)
    assert right(pickle.loads(sent).embed_query("a"), ["a"])


def test_errors_are_the_clients_own(served, settings):
    with pytest.raises(PermissionDeniedError) as caught:
        InworldEmbeddings(base_url=served.url, api_key=WRONG).embed_query("a")
    assert caught.value.status_code == 403
    with pytest.raises(ConfigurationError, match="local=True takes no api_key="):
        InworldEmbeddings(**settings, local=True)
    with pytest.raises(ConfigurationError, match="No API key"):
        InworldEmbeddings()


def test_mem0_remembers_by_it(tmp_path, monkeypatch):
    monkeypatch.setenv("MEM0_TELEMETRY", "False")
    monkeypatch.setenv("MEM0_DIR", str(tmp_path / "mem0"))
    monkeypatch.setenv("OPENAI_API_KEY", "its language model is not asked here")
    memory = framework("mem0").Memory.from_config(
        {
            "embedder": {"provider": "langchain", "config": {"model": InworldEmbeddings(local=True)}},
            "vector_store": {
                "provider": "qdrant",
                "config": {"path": str(tmp_path / "qdrant"), "embedding_model_dims": 768},
            },
            "history_db_path": str(tmp_path / "history.db"),
        }
    )
    for text in ANIMALS:
        memory.add(text, user_id="me", infer=False)
    found = memory.search(PETS, filters={"user_id": "me"}, top_k=1)
    assert found["results"][0]["memory"] == ANIMALS[0]
