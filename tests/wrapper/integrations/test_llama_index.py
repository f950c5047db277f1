"""LlamaIndex: stored forms, batches."""

import asyncio
import json
import pickle

from .conftest import assert_no_key, assert_right, framework

framework("llama_index.core")

from inworld_embeddings.integrations.llama_index import InworldEmbedding


def test_many_texts_are_one_call(served, settings):
    texts = [f"text {number}" for number in range(300)]
    made = InworldEmbedding(**settings, batch_size=100)
    assert_right(made.get_text_embedding_batch(texts), texts)
    assert sorted(map(len, served.log.requests)) == [100, 100, 100]
    assert_right(asyncio.run(made.aget_text_embedding_batch(texts)), texts)


def test_stored_forms_have_all_but_the_key(settings, key):
    made = InworldEmbedding("BAAI/bge-large-en-v1.5", **settings, timeout=7.5)
    as_json, pickled = json.dumps(made.to_dict()), pickle.dumps(made)
    for opened in (InworldEmbedding.from_dict(json.loads(as_json)), pickle.loads(pickled)):
        assert (opened.model_name, opened._clients) == ("BAAI/bge-large-en-v1.5", made._clients)
        assert_right([opened.get_query_embedding("a")], ["a"])
        assert_right([asyncio.run(opened.aget_query_embedding("a"))], ["a"])
    payload = getattr(made, "to_payload", made.to_dict)()  # new in 0.14.24
    assert_no_key(as_json, pickled, repr(made), payload)


def test_local_mode_is_stored():
    local = InworldEmbedding.from_dict(InworldEmbedding(local=True).to_dict())
    assert len(local.get_text_embedding("a")) == 768
