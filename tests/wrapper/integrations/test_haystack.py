"""Haystack: pipelines, stored and loaded; documents and their fields."""

import asyncio

import pytest

from .conftest import KEY, assert_no_key, assert_right, framework

framework("haystack")

from haystack import Document, Pipeline
from haystack.core.errors import DeserializationError
from haystack.utils import Secret

from inworld_embeddings.integrations.haystack import InworldDocumentEmbedder, InworldTextEmbedder

ALLOWED = ["inworld_embeddings.integrations.haystack"]


@pytest.mark.parametrize("component", [InworldTextEmbedder, InworldDocumentEmbedder])
def test_a_stored_pipeline_has_all_but_the_key_and_wants_to_be_allowed(component, settings, key):
    made = Pipeline()
    made.add_component("it", component(base_url=settings["base_url"], timeout=7.5))
    made.warm_up()
    stored = made.dumps()
    assert_no_key(stored, repr(made.get_component("it")))
    with pytest.raises(DeserializationError, match="allow"):
        Pipeline.loads(stored)
    opened = Pipeline.loads(stored, allowed_modules=ALLOWED).get_component("it")
    assert opened.warm_up() == made.get_component("it").warm_up()
    assert opened.to_dict() == made.get_component("it").to_dict()
    assert component(local=True).warm_up().local
    token = component(api_key=Secret.from_token(KEY))
    assert_no_key(repr(token), vars(token))


def test_documents_keep_their_order_and_their_fields_stand_before_them(settings, key):
    address = {"base_url": settings["base_url"]}
    documents = [Document(content="a", meta={"title": "no 1", "none": None}), Document(content=None)]
    fields = {"meta_fields_to_embed": ["title", "none", "missing"], "embedding_separator": ": "}
    made = InworldDocumentEmbedder(**address, **fields)
    for found in (made.run(documents), asyncio.run(made.run_async(documents))):
        assert_right([one.embedding for one in found["documents"]], ["no 1: a", ""])
        assert [one.id for one in found["documents"]] == [one.id for one in documents]
    assert documents[0].embedding is None
    made.close()
    assert_right([made.run(documents[1:])["documents"][0].embedding], [""])
    asyncio.run(made.close_async())
    assert_right([asyncio.run(InworldTextEmbedder(**address).run_async("a"))["embedding"]], ["a"])
