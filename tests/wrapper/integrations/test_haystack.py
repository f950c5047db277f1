"""Haystack: pipelines, stored and loaded; retrieval."""

import asyncio

import pytest

from inworld_embeddings import RateLimitError

from .conftest import ANIMALS, KEY, PETS, assert_no_key, framework

framework("haystack")

from haystack import Document, Pipeline
from haystack.components.retrievers.in_memory import InMemoryEmbeddingRetriever
from haystack.core.errors import DeserializationError
from haystack.document_stores.in_memory import InMemoryDocumentStore
from haystack.utils import Secret

from inworld_embeddings.integrations.haystack import InworldDocumentEmbedder, InworldTextEmbedder

ALLOWED = ["inworld_embeddings.integrations.haystack"]


def pipeline(kind=Pipeline, **settings):
    store = InMemoryDocumentStore(embedding_similarity_function="cosine")
    documents = [Document(content=text) for text in ANIMALS]
    store.write_documents(InworldDocumentEmbedder(**settings).run(documents)["documents"])
    made = kind()
    made.add_component("embedder", InworldTextEmbedder(**settings))
    made.add_component("retriever", InMemoryEmbeddingRetriever(store, top_k=1))
    made.connect("embedder.embedding", "retriever.query_embedding")
    return made


def test_a_pipeline_retrieves_what_is_near():
    found = pipeline(local=True).run({"embedder": {"text": PETS}})
    assert found["retriever"]["documents"][0].content == ANIMALS[0]


@pytest.mark.parametrize("component", [InworldTextEmbedder, InworldDocumentEmbedder])
def test_a_stored_pipeline_has_all_but_the_key_and_wants_to_be_allowed(component, settings, key):
    made = Pipeline()
    secret = Secret.from_env_var("INWORLD_API_KEY")
    made.add_component("it", component("BAAI/bge-large-en-v1.5", secret, settings["base_url"], timeout=7.5))
    made.warm_up()
    stored = made.dumps()
    assert_no_key(stored, repr(made.get_component("it")))
    with pytest.raises(DeserializationError, match="allow"):
        Pipeline.loads(stored)
    opened = Pipeline.loads(stored, allowed_modules=ALLOWED).get_component("it")
    assert opened.warm_up().stored() == made.get_component("it").warm_up().stored()
    assert opened.to_dict() == made.get_component("it").to_dict()
    token = component(api_key=Secret.from_token(KEY))
    assert_no_key(repr(token), repr(vars(token)))
    with pytest.raises(ValueError, match="token"):
        token.to_dict()


def test_documents_keep_their_order_and_their_fields_stand_before_them(served, settings, right, key):
    documents = [
        Document(content=text, meta={"title": f"no {n}", "none": None}) for n, text in enumerate(ANIMALS)
    ]
    documents.append(Document(content=None))
    made = InworldDocumentEmbedder(
        base_url=settings["base_url"],
        meta_fields_to_embed=["title", "none", "missing"],
        embedding_separator=": ",
    )
    given = [f"no {n}: {text}" for n, text in enumerate(ANIMALS)] + [""]
    for found in (made.run(documents), asyncio.run(made.run_async(documents))):
        assert right([one.embedding for one in found["documents"]], given)
        assert [one.id for one in found["documents"]] == [one.id for one in documents]
    assert documents[0].embedding is None
    made.close()
    assert right(made.run(documents[3:])["documents"][0].embedding, [""])
    asyncio.run(made.close_async())
    assert right(asyncio.run(InworldTextEmbedder(base_url=served.url).run_async("a"))["embedding"], ["a"])
    served.faults.set("status=429;retry-after=99")
    with pytest.raises(RateLimitError) as caught:
        InworldTextEmbedder(base_url=served.url, max_retries=0).run("a")
    assert caught.value.status_code == 429
