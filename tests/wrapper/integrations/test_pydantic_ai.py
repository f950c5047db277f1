"""Pydantic AI: its `Embedder`, and errors as it has them."""

import asyncio

import pytest

from inworld_embeddings import PartialFailureError, RateLimitError

from .conftest import ANIMALS, assert_no_key, assert_right, framework

framework("pydantic_ai")

from pydantic_ai import Embedder
from pydantic_ai.exceptions import ModelAPIError, ModelHTTPError, UserError
from pydantic_ai.models import override_allow_model_requests

from inworld_embeddings.integrations.pydantic_ai import InworldEmbeddingModel


def test_local_mode_names_its_engine_and_the_models_limit():
    embedder = Embedder(InworldEmbeddingModel(local=True))
    assert embedder.embed_query_sync("a").provider_details["engine"]
    assert asyncio.run(embedder.max_input_tokens()) == 128


def test_what_a_result_says(served, settings):
    made = InworldEmbeddingModel(**settings)
    result = asyncio.run(Embedder(made).embed_documents(ANIMALS, settings={"extra_body": {"new": 1}}))
    assert_right(result.embeddings, ANIMALS)
    assert (result.model_name, result.provider_name) == (made.model_name, "inworld")
    assert result.provider_response_id
    assert made.base_url == served.url
    assert_no_key(repr(made), vars(made), repr(result))


@pytest.mark.parametrize(
    ("script", "kind", "status", "cause"),
    [
        ("status=429;retry-after=99", ModelHTTPError, 429, RateLimitError),
        ("poison=stock", ModelHTTPError, 400, PartialFailureError),
        ("short", ModelAPIError, None, None),
    ],
)
def test_errors_are_the_frameworks_with_ours_behind(served, settings, script, kind, status, cause):
    served.faults.set(script)
    with pytest.raises(kind) as caught:
        Embedder(InworldEmbeddingModel(**settings, max_retries=0)).embed_documents_sync(ANIMALS)
    assert getattr(caught.value, "status_code", None) == status
    assert cause is None or isinstance(caught.value.__cause__, cause)


def test_what_the_api_does_not_have_is_refused_and_requests_can_be_forbidden(settings):
    embedder = Embedder(InworldEmbeddingModel(**settings))
    for setting in ({"dimensions": 64}, {"extra_headers": {"a": "b"}}):
        with pytest.raises(UserError, match="no setting"):
            embedder.embed_query_sync("a", settings=setting)
    with override_allow_model_requests(allow_model_requests=False):
        with pytest.raises(RuntimeError, match="not allowed"):
            embedder.embed_query_sync("a")
        assert Embedder(InworldEmbeddingModel(local=True)).embed_query_sync("a").embeddings
