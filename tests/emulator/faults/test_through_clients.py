"""Faults as the clients of this package meet them: retried, told apart, and the same in process and served."""

import asyncio

import pytest

from inworld_embeddings import (
    APIConnectionError,
    APIResponseValidationError,
    AsyncEmbeddingClient,
    BadRequestError,
    ConfigurationError,
    EmbeddingClient,
    InternalServerError,
    PartialFailureError,
    RateLimitError,
    RequestTooLargeError,
)
from inworld_embeddings_emulator import Emulator, EmulatorServer
from inworld_embeddings_emulator.engines.hashed import HashEngine
from inworld_embeddings_emulator.faults import Faults

KEY = "bG9jYWw6bG9jYWw="
ENGINE = HashEngine(4)
TEXTS = ["a", "b", "c"]


def locally(faults, ask):
    with EmbeddingClient.local(ENGINE, faults=faults) as client:
        return ask(client)


def served(faults, ask):
    with (
        EmulatorServer(Emulator(ENGINE), faults=faults) as server,
        EmbeddingClient(base_url=server.url, api_key=KEY) as client,
    ):
        return ask(client)


MODES = pytest.mark.parametrize("mode", [locally, served])


@MODES
def test_two_503s_then_good_is_three_requests(mode):
    faults = Faults("status=503 x2, ok")
    result = mode(faults, lambda client: client.embed(TEXTS))
    assert abs(result.vectors - ENGINE.embed(TEXTS)).max() < 1e-6
    assert (faults.requests, faults.injected) == (3, {"status=503": 2})


def test_two_503s_then_good_async():
    faults = Faults("status=503 x2, ok")

    async def scenario():
        async with AsyncEmbeddingClient.local(ENGINE, faults=faults) as client:
            return await client.embed("a")

    assert asyncio.run(scenario()).shape == (4,)
    assert faults.requests == 3


ERRORS = [
    ("status=503", InternalServerError),
    ("html=502", InternalServerError),
    ("html=504", InternalServerError),
    ("rate-limit", RateLimitError),
    ("rate-limit;retry-after=100", RateLimitError),
    ("rate-limit;retry-info=100", RateLimitError),
    ("status=400", BadRequestError),
    ("drop", APIConnectionError),
    ("drop;reset", APIConnectionError),
    ("drop=head", APIConnectionError),
    ("truncate", APIConnectionError),
    ("truncate=7;reset", APIConnectionError),
    ("short", APIResponseValidationError),
    ("long", APIResponseValidationError),
    ("null", APIResponseValidationError),
    ("nan", APIResponseValidationError),
    ("dimension=0", APIResponseValidationError),
    ("max-message=5", RequestTooLargeError),
    ("poison=a", BadRequestError),
    ("poison=a;silent", BadRequestError),
]


@pytest.mark.parametrize(("script", "expected"), ERRORS, ids=[script for script, _ in ERRORS])
def test_each_fault_is_the_same_error_in_both_modes(script, expected):
    def ask(client):
        with pytest.raises(expected) as caught:
            client.embed("a", max_retries=0)
        return type(caught.value), getattr(caught.value, "retry_after", None)

    inside, outside = Faults(script), Faults(script)
    assert locally(inside, ask) == served(outside, ask)
    assert (
        inside.injected == outside.injected == {inside.script.steps[0].parts[0].fault.label: inside.requests}
    )


@MODES
def test_ragged_answers_are_refused(mode):
    with pytest.raises(APIResponseValidationError):
        mode("ragged", lambda client: client.embed(TEXTS, max_retries=0))


@MODES
def test_a_change_of_dimension_between_answers_is_noticed(mode):
    with pytest.raises(PartialFailureError, match="APIResponseValidationError"):
        mode("ok x1, dimension=3", lambda client: client.embed(TEXTS, batch_size=1, max_concurrency=1))


@MODES
def test_poison_costs_only_the_poisoned_text(mode):
    result = mode("poison=^b$", lambda client: client.embed(TEXTS, on_error="return"))
    assert [failure.index for failure in result.failures] == [1]


@MODES
def test_messages_over_a_size_are_split(mode):
    faults = Faults("max-message=40")
    result = mode(
        faults, lambda client: client.embed(TEXTS, model="m", service_provider="SERVICE_PROVIDER_OPENAI")
    )
    assert len(result) == 3
    assert faults.injected["max-message"] >= 1


@MODES
def test_the_same_seed_is_the_same_run(mode):
    def run(seed):
        faults = Faults("30% status=500 + 10% short", seed=seed)
        mode(
            faults,
            lambda client: [
                client.embed("a", on_error="return", max_retries=20, timeout=60) for _ in range(3)
            ],
        )
        return faults.requests, faults.injected

    assert run(3) == run(3)


def test_a_wrong_script_is_told_at_once():
    with pytest.raises(ConfigurationError, match="did you mean status"):
        EmbeddingClient.local(faults="sttus=503")
    with pytest.raises(ConfigurationError, match="did you mean status"):
        EmulatorServer(faults="sttus=503")


def test_a_local_client_with_faults_travels():
    import pickle

    client = pickle.loads(pickle.dumps(EmbeddingClient.local(faults="status=400")))
    with pytest.raises(BadRequestError):
        client.embed("a")
