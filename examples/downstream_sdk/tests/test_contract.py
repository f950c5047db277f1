"""Every fixture of the contract, through both layers of the copy."""

import importlib
import json

import numpy as np
from acme_sdk._vendor.inworld_embeddings import (
    APIResponseValidationError,
    APIStatusError,
    EmbeddingClient,
    _api,
)

from acme_sdk import AcmeError

# `vendor` puts the generated client inside the copy, pip's `vendoring` beside it.
generated = importlib.import_module(_api.Client.__module__.rpartition(".")[0])
KEY = "bG9jYWw6bG9jYWw="  # local:local


def low_level(cassette):
    body = generated.EmbedRequest.from_dict(
        json.loads(cassette.exchange["request"]["body"])
    )
    settings = {
        "httpx_args": {"transport": cassette},
        "raise_on_unexpected_status": False,
    }
    with generated.AuthenticatedClient(
        base_url="https://api.inworld.ai", token=KEY, **settings
    ) as client:
        return generated.embed.sync_detailed(client=client, body=body).parsed


def high_level(cassette):
    with EmbeddingClient(
        api_key=KEY, max_retries=0, transport=cassette, user_agent="acme-sdk/1.2"
    ) as client:
        try:
            return client.embed(cassette.texts)
        except AcmeError as error:
            return error


def test_both_layers_agree(cassette):
    parsed, outcome = low_level(cassette), high_level(cassette)
    if cassette.status != 200:
        assert isinstance(outcome, APIStatusError)
        assert outcome.status_code == cassette.status
    elif isinstance(outcome, AcmeError):
        assert isinstance(outcome, APIResponseValidationError)
    else:
        assert isinstance(parsed, generated.EmbedResponse)
        rows = np.array(
            [embedding.values for embedding in parsed.embeddings], dtype=np.float64
        )
        assert outcome.vectors.tobytes() == rows.astype(np.float32).tobytes()


def test_what_is_sent_is_the_contract(cassette):
    high_level(cassette)
    for request in cassette.requests:
        assert str(request.url) == "https://api.inworld.ai/ml/v1alpha/embedding:embed"
        assert request.headers["authorization"] == f"Basic {KEY}"
        name, own, comment = request.headers["user-agent"].split()
        assert (name, own.partition("/")[0], comment) == (
            "acme-sdk/1.2",
            "inworld-embeddings",
            "(vendored)",
        )
