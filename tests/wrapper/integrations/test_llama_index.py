"""LlamaIndex: an index, stored forms, batches."""

import asyncio
import json
import pickle

import pytest

from inworld_embeddings import ConfigurationError
from support.clients import KEY as WRONG

from .conftest import ANIMALS, PETS, assert_no_key, assert_right, framework

framework("llama_index.core")

from llama_index.core import Document, VectorStoreIndex

from inworld_embeddings.integrations.llama_index import InworldEmbedding


def test_an_index_finds_what_is_near():
    local = InworldEmbedding.from_dict(InworldEmbedding(local=True).to_dict())
    index = VectorStoreIndex.from_documents([Document(text=text) for text in ANIMALS], embed_model=local)
    nearest = index.as_retriever(similarity_top_k=1)
    for found in (nearest.retrieve(PETS), asyncio.run(nearest.aretrieve(PETS))):
        assert found[0].text == ANIMALS[0]


def test_many_texts_are_one_call(served, settings):
    texts = [f"text {number}" for number in range(300)]
    made = InworldEmbedding(**settings, batch_size=100)
    assert_right(made.get_text_embedding_batch(texts), texts)
    assert sorted(map(len, served.log.requests)) == [100, 100, 100]
    assert_right(asyncio.run(made.aget_text_embedding_batch(texts)), texts)


@pytest.mark.parametrize(
    ("store", "load"),
    [
        (
            lambda made: json.dumps(made.to_dict()),
            lambda stored: InworldEmbedding.from_dict(json.loads(stored)),
        ),
        (pickle.dumps, pickle.loads),
    ],
    ids=["json", "pickle"],
)
def test_stored_forms_have_all_but_the_key(settings, key, store, load):
    made = InworldEmbedding("BAAI/bge-large-en-v1.5", **settings, timeout=7.5)
    stored = store(made)
    opened = load(stored)
    assert (opened.model_name, opened._clients) == ("BAAI/bge-large-en-v1.5", made._clients)
    assert_right([opened.get_text_embedding("a")], ["a"])
    payload = getattr(made, "to_payload", made.to_dict)()  # new in 0.14.24
    assert_no_key(stored, repr(made), payload)


def test_a_pickle_opens_only_with_the_same_key(settings, monkeypatch):
    sent = pickle.dumps(InworldEmbedding(**settings))
    monkeypatch.setenv("INWORLD_API_KEY", WRONG)
    with pytest.raises(ConfigurationError, match="another key"):
        pickle.loads(sent)
