"""The real LiteLLM, unchanged, in front of the face."""

import asyncio

import pytest

litellm = pytest.importorskip("litellm")
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydantic")  # while it loads its parts

TEXTS = ["Hello Inworld!", "naïve 🦊"]


@pytest.fixture
def options(served):
    return {"model": "openai/any/model", "api_base": served, "api_key": "local:local", "max_retries": 0}


def vectors(answer):
    return [item["embedding"] for item in answer.data]


def test_sync(options, expected):
    answer = litellm.embedding(input=TEXTS, **options)
    assert vectors(answer) == expected(TEXTS)
    assert answer.usage.prompt_tokens > 0


def test_async(options, expected):
    assert vectors(asyncio.run(litellm.aembedding(input=TEXTS, **options))) == expected(TEXTS)


def test_floats(options, expected):
    assert vectors(litellm.embedding(input=TEXTS, encoding_format="float", **options)) == expected(TEXTS)


def test_errors(options):
    with pytest.raises(litellm.BadRequestError):
        litellm.embedding(input=[""], **options)
    with pytest.raises(litellm.AuthenticationError):
        litellm.embedding(input=TEXTS, **{**options, "api_key": "wrong"})
