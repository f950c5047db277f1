"""Faults as the clients of this package meet them: each is the error it stands for."""

import pickle

import pytest

from inworld_embeddings import (
    APIConnectionError,
    APIResponseValidationError,
    BadRequestError,
    ConfigurationError,
    EmbeddingClient,
    InternalServerError,
    RateLimitError,
    RequestTooLargeError,
)
from inworld_embeddings_emulator import Emulator, EmulatorServer
from inworld_embeddings_emulator.engines.hashed import HashEngine
from inworld_embeddings_emulator.faults import Faults

ENGINE = HashEngine(4)
ERRORS = [
    ("status=503", InternalServerError),
    ("html=502", InternalServerError),
    ("rate-limit;retry-after=100", RateLimitError),
    ("rate-limit;retry-info=100", RateLimitError),
    ("drop", APIConnectionError),
    ("truncate=7;reset", APIConnectionError),
    ("short", APIResponseValidationError),
    ("nan", APIResponseValidationError),
    ("max-message=5", RequestTooLargeError),
    ("poison=a", BadRequestError),
]


@pytest.mark.parametrize(("script", "expected"), ERRORS, ids=[script for script, _ in ERRORS])
def test_each_fault_is_the_error_it_stands_for(script, expected):
    faults = Faults(script)
    with EmbeddingClient.local(ENGINE, faults=faults) as client, pytest.raises(expected):
        client.embed("a", max_retries=0)
    assert sum(faults.injected.values()) == faults.requests


def test_two_503s_then_good_is_three_requests():
    faults = Faults("status=503 x2, ok")
    with (
        EmulatorServer(Emulator(ENGINE), faults=faults) as server,
        EmbeddingClient(base_url=server.url, api_key="bG9jYWw6bG9jYWw=") as client,
    ):
        result = client.embed(["a", "b", "c"])
    assert abs(result.vectors - ENGINE.embed(["a", "b", "c"])).max() < 1e-6
    assert (faults.requests, faults.injected) == (3, {"status=503": 2})


def test_messages_over_a_size_are_split():
    with EmbeddingClient.local(ENGINE, faults="max-message=40") as client:
        assert len(client.embed(["a", "b", "c"], model="m")) == 3


def test_a_wrong_script_is_told_at_once():
    for make in (EmbeddingClient.local, EmulatorServer):
        with pytest.raises(ConfigurationError, match="did you mean status"):
            make(faults="sttus=503")


def test_a_local_client_with_faults_travels():
    client = pickle.loads(pickle.dumps(EmbeddingClient.local(faults="status=400")))
    with pytest.raises(BadRequestError):
        client.embed("a")
