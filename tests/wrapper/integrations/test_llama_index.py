"""LlamaIndex: an index, stored forms, batches."""

import asyncio
import json
import pickle

import pytest

from inworld_embeddings import ConfigurationError, PermissionDeniedError

from .conftest import ANIMALS, KEY, PETS, WRONG, assert_no_key, framework

framework("llama_index.core")

from llama_index.core import Document, VectorStoreIndex

from inworld_embeddings.integrations.llama_index import InworldEmbedding


def test_an_index_finds_what_is_near():
    index = VectorStoreIndex.from_documents(
        [Document(text=text) for text in ANIMALS], embed_model=InworldEmbedding(local=True)
    )
    assert index.as_retriever(similarity_top_k=1).retrieve(PETS)[0].text == ANIMALS[0]
    found = asyncio.run(index.as_retriever(similarity_top_k=1).aretrieve(PETS))
    assert found[0].text == ANIMALS[0]


def test_many_texts_are_one_call(served, settings, right):
    texts = [f"text {number}" for number in range(300)]
    made = InworldEmbedding(**settings, batch_size=100)
    assert right(made.get_text_embedding_batch(texts), texts)
    assert sorted(map(len, served.log.requests)) == [100, 100, 100]
    assert right(asyncio.run(made.aget_text_embedding_batch(texts)), texts)
    assert right(asyncio.run(made.aget_query_embedding("a")), ["a"])


@pytest.mark.parametrize("again", [json.dumps, pickle.dumps])
def test_stored_forms_have_all_but_the_key(settings, right, again, key):
    made = InworldEmbedding("BAAI/bge-large-en-v1.5", **settings, timeout=7.5)
    stored = again(made.to_dict() if again is json.dumps else made)
    opened = InworldEmbedding.from_dict(json.loads(stored)) if again is json.dumps else pickle.loads(stored)
    assert (opened.model_name, opened.base_url) == ("BAAI/bge-large-en-v1.5", settings["base_url"])
    assert opened._clients.stored() == made._clients.stored()
    assert opened._clients.stored()["timeout"] == 7.5
    assert right(opened.get_text_embedding("a"), ["a"])
    payload = getattr(made, "to_payload", made.to_dict)()  # new in 0.14.24
    assert_no_key(stored, repr(made), payload, repr(made._clients))


def test_local_mode_survives_and_a_pickle_opens_only_with_the_same_key(settings, monkeypatch):
    local = InworldEmbedding.from_dict(InworldEmbedding(local=True).to_dict())
    assert len(local.get_text_embedding("a")) == 768
    sent = pickle.dumps(InworldEmbedding(**settings))
    monkeypatch.setenv("INWORLD_API_KEY", WRONG)
    with pytest.raises(ConfigurationError, match="another key"):
        pickle.loads(sent)


def test_errors_are_the_clients_own(served):
    with pytest.raises(PermissionDeniedError) as caught:
        InworldEmbedding(base_url=served.url, api_key=WRONG).get_text_embedding("a")
    assert caught.value.status_code == 403
    with pytest.raises(TypeError, match="Did you mean 'timeout'"):
        InworldEmbedding(api_key=KEY, timout=3).get_text_embedding("a")
