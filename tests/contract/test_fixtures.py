"""Every response fixture goes cassette → generated client → wrapper, and both read the same."""

import json
from pathlib import Path

import httpx
import numpy as np
import pytest

from inworld_embeddings import APIResponseValidationError, APIStatusError, EmbeddingClient, EmbeddingResult
from inworld_embeddings import InworldEmbeddingsError as AnyError
from inworld_embeddings._settings import emulator_credential
from inworld_embeddings_client import AuthenticatedClient, EmbedRequest, EmbedResponse, Status, embed

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
KEY = emulator_credential().reveal()
CASSETTES = sorted(
    path
    for folder in ("spec/responses", "recorded", "synthetic")
    for path in (FIXTURES / folder).glob("*.json")
)


def by_generated(request):
    with AuthenticatedClient(token=KEY, raise_on_unexpected_status=False) as client:
        return embed.sync_detailed(client=client, body=EmbedRequest.from_dict(request))


def by_wrapper(request):
    """The result, or the error. vcrpy plays cassettes to httpx's own transport."""
    with EmbeddingClient(api_key=KEY, max_retries=0, transport=httpx.AsyncHTTPTransport()) as client:
        try:
            return client.embed([item["text"] for item in request["inputs"]])
        except AnyError as error:
            return error


@pytest.mark.parametrize("path", CASSETTES, ids=lambda path: path.stem)
def test_both_layers_read_the_same(path, play):
    (exchange,) = json.loads(path.read_text("utf-8"))["interactions"]
    request, response = json.loads(exchange["request"]["body"]), exchange["response"]
    with play(path):
        low, outcome = by_generated(request), by_wrapper(request)
    status = response["status"]["code"]
    assert (low.status_code, low.content.decode()) == (status, response["body"]["string"])
    good = path.parent.name == "responses" or path.stem == "integers_and_extras_200"
    assert isinstance(outcome, EmbeddingResult) or not good
    if isinstance(outcome, EmbeddingResult):
        assert isinstance(low.parsed, EmbedResponse)
        rows = np.array([row.values for row in low.parsed.embeddings], dtype=np.float64).astype(np.float32)
        assert outcome.vectors.tobytes() == rows.tobytes()
        assert len(outcome) == len(request["inputs"])
    elif status == 200:
        assert isinstance(outcome, APIResponseValidationError)
    else:
        assert isinstance(outcome, APIStatusError)
        assert outcome.status_code == status
        assert not isinstance(low.parsed, Status) or outcome.code == low.parsed.code
