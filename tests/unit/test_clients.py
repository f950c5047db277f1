"""Both clients, over a transport that records what it is sent."""

import asyncio
import base64
import copy
import json
import pickle

import httpx
import numpy as np
import pytest

from inworld_embeddings import (
    AsyncEmbeddingClient,
    AuthenticationError,
    BasicAuth,
    ClientClosedError,
    ConfigurationError,
    EmbeddingClient,
    EmbeddingResult,
    InvalidInputError,
    PartialFailureError,
    ProviderAuth,
    RateLimitError,
    errors,
)
from inworld_embeddings.options import CALL, defaults, merged

KEY = base64.b64encode(b"planted-key:planted-secret").decode()


class Service(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Answers each text with (its length, its position in the batch); fails as told by its first texts."""

    def __init__(self, **failures):
        self.requests = []
        self.failures = failures

    async def handle_async_request(self, request):
        self.requests.append(request)
        texts = [item["text"] for item in json.loads(request.content)["inputs"]]
        for text in texts:
            if text in self.failures:
                status, body = self.failures[text]
                return httpx.Response(status, json=body)
        vectors = [{"values": [float(len(text)), float(index)]} for index, text in enumerate(texts)]
        return httpx.Response(200, json={"embeddings": vectors}, headers={"x-inworld-request-id": "ab" * 16})

    @property
    def texts(self):
        return [[item["text"] for item in json.loads(request.content)["inputs"]] for request in self.requests]


def sync_embed(service, texts, *, embed=None, **settings):
    with EmbeddingClient(**({"api_key": KEY} | settings), transport=service) as client:
        return client.embed(texts, **(embed or {}))


def async_embed(service, texts, *, embed=None, **settings):
    async def run():
        async with AsyncEmbeddingClient(**({"api_key": KEY} | settings), transport=service) as client:
            return await client.embed(texts, **(embed or {}))

    return asyncio.run(run())


BOTH = pytest.mark.parametrize("embed", [sync_embed, async_embed])


@BOTH
def test_a_str_gives_a_vector(embed):
    vector = embed(Service(), "four")
    assert (vector.tolist(), vector.dtype, vector.shape) == ([4.0, 0.0], np.float32, (2,))


@BOTH
def test_a_sequence_gives_a_result_in_input_order(embed):
    service, texts = Service(), ["x" * n for n in range(1, 100)]
    result = embed(service, texts, batch_size=7)
    assert isinstance(result, EmbeddingResult)
    assert result.vectors[:, 0].tolist() == [float(n) for n in range(1, 100)]
    assert result.vectors.flags.c_contiguous
    assert sorted(text for batch in service.texts for text in batch) == sorted(texts)
    assert (result.stats.requests, result.stats.attempts, result.stats.retries) == (15, 15, 0)
    assert set(result.stats.request_ids) == {"ab" * 16}
    assert (result.engine, result.failures, result.dimension) == (None, (), 2)


@BOTH
def test_E01_no_texts_no_request(embed):
    service = Service()
    result = embed(service, [])
    assert (result.vectors.shape, len(result), service.requests) == ((0, 768), 0, [])


@BOTH
@pytest.mark.parametrize("bad", [b"bytes", None, ["ok", b"no"], ["ok", "\ud800"], ["ok", "x" * 2_000_000]])
def test_bad_input_is_refused_before_anything_is_sent(embed, bad):
    service = Service()
    with pytest.raises(InvalidInputError) as caught:
        embed(service, bad, batch_size=1)
    assert service.requests == []
    assert caught.value.index == (1 if isinstance(bad, list) else None)


@BOTH
def test_the_key_goes_into_the_header_and_redirects_are_not_followed(embed):
    service = Service(away=(307, {}))
    service.failures["away"] = (307, {})
    with pytest.raises(errors.RedirectError):
        embed(service, "away")
    (request,) = service.requests
    assert request.headers["authorization"] == f"Basic {KEY}"
    assert request.headers["user-agent"].startswith("inworld-embeddings/")
    assert str(request.url) == "https://api.inworld.ai/ml/v1alpha/embedding:embed"


@BOTH
def test_credentials_of_every_kind_reach_the_wire(embed):
    async def asynchronous():
        return KEY

    pair = {"api_key": None, "key": "planted-key", "secret": "planted-secret"}
    ways = [pair, {"api_key": lambda: KEY}, {"api_key": asynchronous}]
    ways += [{"api_key": None, "auth": auth} for auth in (BasicAuth(KEY), ProviderAuth(lambda: KEY))]
    for way in ways:
        service = Service()
        embed(service, "x", **way)
        assert service.requests[0].headers["authorization"] == f"Basic {KEY}"


@BOTH
def test_a_provider_is_asked_on_every_attempt(embed):
    keys = iter(base64.b64encode(f"key:number-{n}".encode()).decode() for n in range(9))
    sent = []

    class Flaky(Service):
        async def handle_async_request(self, request):
            sent.append(request.headers["authorization"])
            return httpx.Response(503) if len(sent) < 3 else await super().handle_async_request(request)

    embed(Flaky(), "x", api_key=lambda: next(keys))
    assert len(set(sent)) == 3


@BOTH
def test_a_bad_key_from_a_provider_is_a_configuration_error_that_does_not_echo_it(embed):
    service = Service()
    with pytest.raises(ConfigurationError, match="newline") as caught:
        embed(service, "x", api_key=lambda: KEY + "\n")
    assert service.requests == []
    assert KEY not in str(caught.value)


@BOTH
def test_what_succeeded_is_kept_when_some_fail(embed):
    service = Service(bad=(429, {"code": 8, "message": "slow down"}))
    texts = ["a", "bb", "bad", "dddd"]
    with pytest.raises(PartialFailureError, match=r"1 of 4 .* inputs\[2\]") as caught:
        embed(service, texts, batch_size=1, max_retries=0)
    result = caught.value.result
    assert result.vectors[:2, 0].tolist() == [1.0, 2.0]
    assert np.isnan(result.vectors[2]).all()
    assert result[3].tolist() == [4.0, 0.0]
    assert [failure.index for failure in caught.value.failures] == [2]


@BOTH
def test_on_error_return_lists_failures_and_their_rows_raise(embed):
    service = Service(bad=(429, {"code": 8, "message": "slow down"}))
    texts = ["a", "bad", "ccc"]
    result = embed(service, texts, batch_size=1, max_retries=0, embed={"on_error": "return"})
    (failure,) = result.failures
    assert (failure.index, type(failure.error), failure.retryable) == (1, RateLimitError, True)
    assert result[0].tolist() == [1.0, 0.0]
    assert result[2].tolist() == [3.0, 0.0]
    with pytest.raises(RateLimitError):
        result[1]
    with pytest.raises(RateLimitError):
        list(result)


@BOTH
def test_when_all_fail_their_error_is_raised_and_the_rest_is_not_sent(embed):
    service = Service(a=(401, {"code": 16, "message": "authentication is required"}))
    with pytest.raises(AuthenticationError, match="authentication is required") as caught:
        embed(service, ["a"] * 20, batch_size=1, max_concurrency=2)
    assert caught.value.attempts == 1
    assert len(service.requests) <= 2


@BOTH
def test_a_call_after_close_says_so(embed):
    client = EmbeddingClient(api_key=KEY, transport=Service())
    client.embed("x")
    client.close()
    client.close()
    with pytest.raises(ClientClosedError):
        client.embed("x")


@BOTH
def test_a_typo_in_an_option_names_the_right_one(embed):
    with pytest.raises(TypeError, match="Did you mean 'batch_size'"):
        embed(Service(), "x", embed={"batchsize": 3})


@BOTH
@pytest.mark.parametrize(
    "wrong",
    [
        {"batch_size": 0},
        {"batch_size": 1.5},
        {"batch_size": True},
        {"max_retries": -1},
        {"timeout": 0},
        {"timeout": float("nan")},
        {"max_batch_bytes": 0},
        {"max_concurrency": 0},
        {"model": ""},
        {"service_provider": "OPENAI"},
        {"on_error": "ignore"},
    ],
)
def test_options_out_of_range_are_refused_before_anything_is_sent(embed, wrong):
    service = Service()
    with pytest.raises(ConfigurationError):
        embed(service, "x", embed=wrong)
    assert service.requests == []


def test_a_known_model_brings_its_provider_and_another_keeps_the_clients():
    client = merged(defaults(CALL), {"model": "text-embedding-ada-002"}, CALL)
    assert client["service_provider"] == "SERVICE_PROVIDER_OPENAI"
    for model, provider in {"text-embedding-3-small": "OPENAI", "BAAI/bge-large-en-v1.5": "INWORLD"}.items():
        assert merged(client, {"model": model}, CALL)["service_provider"] == f"SERVICE_PROVIDER_{provider}"


def test_a_plan_sends_nothing():
    service = Service()
    client = EmbeddingClient(api_key=KEY, transport=service, batch_size=2)
    plan = client.plan(["a", "b", "c"])
    assert (plan.requests, plan.texts) == (2, 3)
    assert service.requests == []


def test_one_async_client_serves_one_event_loop_after_another():
    service = Service()
    client = AsyncEmbeddingClient(api_key=KEY, transport=service)
    for _ in range(3):
        assert asyncio.run(client.embed("x")).tolist() == [1.0, 0.0]


def test_the_sync_client_works_inside_a_running_loop():
    async def run():
        with EmbeddingClient(api_key=KEY, transport=Service()) as client:
            return client.embed("xy")

    assert asyncio.run(run()).tolist() == [2.0, 0.0]


def test_a_user_httpx_client_carries_the_requests_and_stays_open():
    service = Service()
    http_client = httpx.AsyncClient(transport=service, headers={"x-team": "search"}, follow_redirects=True)
    with EmbeddingClient(api_key=KEY, http_client=http_client) as client:
        client.embed("x")
    assert not http_client.is_closed
    assert service.requests[0].headers["authorization"] == f"Basic {KEY}"


def test_the_key_is_in_no_repr_and_no_pickle():
    client = EmbeddingClient(api_key=KEY, transport=Service())
    client.embed("x")
    assert KEY not in repr(client)
    assert KEY not in repr(vars(client))
    for copier in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError):
            copier(client)


def test_every_error_survives_a_pickle():
    for name, cls in vars(errors).items():
        if isinstance(cls, type) and issubclass(cls, errors.InworldEmbeddingsError):
            error = cls("said", attempts=2, index=3)
            back = pickle.loads(pickle.dumps(error))
            assert (type(back), str(back), vars(back)) == (cls, "said", vars(error)), name


def test_a_partial_failure_survives_a_pickle_with_its_result():
    service = Service(bad=(400, {"code": 3, "message": "no"}))
    with pytest.raises(PartialFailureError) as caught:
        sync_embed(service, ["a", "bad"], batch_size=1)
    back = pickle.loads(pickle.dumps(caught.value))
    assert back.result.vectors[0].tolist() == [1.0, 0.0]
    assert back.failures[0].index == 1
    with pytest.raises(errors.BadRequestError):
        back.result[1]
