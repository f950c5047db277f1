"""The real langchain-openai, in front of the face."""

import asyncio

import pytest

langchain_openai = pytest.importorskip("langchain_openai")

TEXTS = ["Hello Inworld!", "naïve 🦊"]


@pytest.fixture
def embeddings(served):
    return langchain_openai.OpenAIEmbeddings(
        base_url=served, api_key="local:local", model="any/model", check_embedding_ctx_length=False
    )


def test_documents_and_queries(embeddings, expected):
    assert embeddings.embed_documents(TEXTS) == expected(TEXTS)
    assert [embeddings.embed_query(TEXTS[0])] == expected(TEXTS[:1])


def test_async(embeddings, expected):
    assert asyncio.run(embeddings.aembed_documents(TEXTS)) == expected(TEXTS)


def test_thousands_of_documents(embeddings, expected):
    texts = [str(number) for number in range(2500)]
    assert embeddings.embed_documents(texts) == expected(texts)


def test_left_to_send_tokens_it_is_told_the_way_out(served, monkeypatch):
    tiktoken, openai = pytest.importorskip("tiktoken"), pytest.importorskip("openai")
    bytewise = tiktoken.Encoding(
        "bytes", pat_str=".", mergeable_ranks={bytes([b]): b for b in range(256)}, special_tokens={}
    )
    monkeypatch.setattr(tiktoken, "encoding_for_model", lambda name: bytewise)  # the real ones are downloaded
    embeddings = langchain_openai.OpenAIEmbeddings(base_url=served, api_key="local:local", model="any/model")
    with pytest.raises(openai.BadRequestError, match="check_embedding_ctx_length=False"):
        embeddings.embed_query("Hello Inworld!")
