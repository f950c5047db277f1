"""Canary mode over the fault server: mixed-up answers are noticed, and good ones are as without it."""

import asyncio
import itertools
import threading

import numpy as np
import pytest

from catalogue_support import BOTH, KEY, sync_embed
from inworld_embeddings import (
    APIResponseValidationError,
    APITimeoutError,
    AsyncEmbeddingClient,
    AuthenticationError,
    ConfigurationError,
    EmbeddingClient,
)
from inworld_embeddings._core import backoff
from inworld_embeddings._core.canary import WORDS
from support import faults_body, faults_status
from support.fault import OK, Fault
from support.fault_server import FaultServer
from support.vectors import good_json, text_id, vectors_for

TEXTS = [f"text {number}" for number in range(10)]
IDS = {text_id(word) for word in WORDS}


@pytest.fixture(autouse=True)
def short_waits(monkeypatch):
    monkeypatch.setattr(backoff, "TRANSIENT_BASE", 0.001)


def canaries_in(record):
    return [known for known in record.text_ids if known in IDS]


@BOTH
def test_every_request_carries_one_and_the_result_is_as_without(embed):
    with FaultServer() as server:
        result = embed(server.url, TEXTS, batch_size=4, canary=True)
        server.oracle.check(TEXTS, result.vectors)
        server.oracle.assert_well_formed()
        learning, batches = server.requests[:16], server.requests[16:]
        assert [text for request in learning for text in request.text_ids] == [text_id(w) for w in WORDS]
        assert sorted(len(request.text_ids) for request in batches) == [2, 4, 4, 4]
        carried = [canaries_in(request) for request in batches]
        assert {len(one) for one in carried} == {1}
        assert len({one[0] for one in carried}) == 4
        assert (result.stats.requests, result.stats.attempts, result.stats.retries) == (4, 20, 0)
        assert (result.vectors.shape, result.vectors.flags.c_contiguous) == ((10, 8), True)


@BOTH
def test_they_are_learned_by_one_request_of_their_own(embed):
    with FaultServer() as server:
        embed(server.url, "one text", canary=True)
        assert [len(request.text_ids) for request in server.requests] == [64, 2]


@pytest.mark.parametrize("fault", [faults_body.swapped, faults_body.somebody_elses_vectors], ids=str)
@pytest.mark.parametrize("count", [1, 2, 3])
@BOTH
def test_D15_D16_a_mix_up_is_repeated_over_a_fresh_connection(embed, fault, count):
    with FaultServer([OK, fault, OK]) as server:
        result = embed(server.url, TEXTS[:count], canary=True)
        server.oracle.check(TEXTS[:count], result.vectors)
        assert (len(server.requests), result.stats.retries) == (3, 1)
        assert server.requests[1].connection != server.requests[2].connection


@pytest.mark.parametrize("fault", [faults_body.swapped, faults_body.somebody_elses_vectors], ids=str)
@BOTH
def test_D15_D16_a_lasting_mix_up_is_an_error(embed, fault):
    with FaultServer([OK, fault]) as server:
        with pytest.raises(APIResponseValidationError, match="known text") as caught:
            embed(server.url, TEXTS, canary=True)
        assert (caught.value.retryable, caught.value.attempts) == (True, 3)


def test_D15_a_service_that_always_mixes_up_is_noticed_though_the_canaries_were_learned_from_it():
    with FaultServer(faults_body.swapped) as server, pytest.raises(APIResponseValidationError):
        sync_embed(server.url, TEXTS, canary=True)


def test_D16_answers_exchanged_between_two_requests_in_flight_are_noticed():
    """Two requests of one size wait for each other, and each gets the other's answer."""
    both, asked = threading.Barrier(2), {}

    def exchange(ex):
        mine = both.wait(5)
        asked[mine] = ex.request.texts
        both.wait(5)
        ex.reply(200, good_json(asked[1 - mine], ex.dim))

    exchanged = Fault("exchanged", exchange)
    with FaultServer(lambda request: exchanged if request.number in (2, 3) else OK) as server:
        with EmbeddingClient(base_url=server.url, api_key=KEY, canary=True) as client:
            client.embed("so that the canaries are known")
            result = client.embed(["one", "two"], batch_size=2)
        server.oracle.check(["one", "two"], result.vectors)
        assert (result.stats.attempts, result.stats.retries) == (4, 2)


@BOTH
def test_the_dimension_and_the_count_are_checked_as_ever(embed):
    with FaultServer([OK, faults_body.one_vector_short, OK]) as server:
        result = embed(server.url, TEXTS, canary=True)
        server.oracle.check(TEXTS, result.vectors)


@BOTH
def test_a_batch_that_is_split_has_a_canary_in_each_part(embed):
    too_large = faults_status.status(413)

    def script(request):
        return too_large if 6 < len(request.texts) < 64 else OK

    with FaultServer(script) as server:
        result = embed(server.url, TEXTS, canary=True)
        server.oracle.check(TEXTS, result.vectors)
        assert all(len(canaries_in(request)) == 1 for request in server.requests[1:])


@pytest.mark.parametrize("batch_size", [2, 3, 5, 128])
@pytest.mark.parametrize("max_batch_bytes", [190, 300, 1_000_000])
def test_the_plan_is_what_is_sent_and_the_limits_hold(batch_size, max_batch_bytes):
    with FaultServer() as server, EmbeddingClient(base_url=server.url, api_key=KEY, canary=True) as client:
        client.embed("learn")
        before = len(server.requests)
        limits = {"batch_size": batch_size, "max_batch_bytes": max_batch_bytes}
        plan, result = client.plan(TEXTS, **limits), client.embed(TEXTS, **limits)
        server.oracle.check(TEXTS, result.vectors)
        sent = server.requests[before:]
        assert (plan.requests, plan.bytes) == (len(sent), result.stats.bytes_sent)
        assert max(len(request.text_ids) for request in sent) <= batch_size
        lengths = [int(request.header("content-length")) for request in sent]
        assert (max(lengths) <= max_batch_bytes, sum(lengths)) == (True, plan.bytes)


@BOTH
def test_an_error_while_learning_ends_the_call_at_once(embed):
    with FaultServer(faults_status.status(401)) as server:
        with pytest.raises(AuthenticationError):
            embed(server.url, TEXTS, canary=True, batch_size=2)
        assert len(server.requests) == 1


@BOTH
def test_a_fault_while_learning_is_repeated(embed):
    with FaultServer([faults_status.status(503), OK]) as server:
        result = embed(server.url, TEXTS, canary=True)
        server.oracle.check(TEXTS, result.vectors)
        assert (result.stats.attempts, result.stats.retries) == (3, 1)


@BOTH
def test_the_timeout_holds_while_learning(embed):
    with FaultServer(latency=5.0) as server, pytest.raises(APITimeoutError):
        embed(server.url, TEXTS, canary=True, timeout=0.2)


def test_many_calls_at_once_learn_once():
    async def run(url):
        async with AsyncEmbeddingClient(base_url=url, api_key=KEY, canary=True) as client:
            await asyncio.gather(*(client.embed(text) for text in TEXTS))

    with FaultServer() as server:
        asyncio.run(run(server.url))
        assert sum(len(request.text_ids) == 64 for request in server.requests) == 1
        assert len(server.requests) == 11


def test_a_caller_that_is_cancelled_while_it_learns_leaves_that_to_the_next():
    async def run(server):
        async with AsyncEmbeddingClient(base_url=server.url, api_key=KEY, canary=True) as client:
            first = asyncio.create_task(client.embed("first"))
            await asyncio.to_thread(server.oracle.wait_for_requests, 1)
            second = asyncio.create_task(client.embed("second"))
            await asyncio.sleep(0.01)
            first.cancel()
            server.oracle.check_one("second", await second)

    slow = itertools.chain([0.3], itertools.repeat(0.0))
    with FaultServer(latency=lambda request: next(slow)) as server:
        asyncio.run(run(server))


def test_a_model_that_changes_during_a_call_is_noticed_and_a_new_call_learns_it():
    def other(texts, dim):
        return good_json([f"other {text}" for text in texts], dim)

    changed = Fault("other model", lambda ex: ex.reply(200, other(ex.request.texts, ex.dim)))
    with FaultServer([OK, OK, changed]) as server:
        with EmbeddingClient(base_url=server.url, api_key=KEY, canary=True) as client:
            client.embed("before")
            with pytest.raises(APIResponseValidationError, match="known text"):
                client.embed("during")
            vector = client.embed("after")
        assert np.array_equal(vector, vectors_for(["other after"], 8)[0])


def test_a_call_keeps_the_canaries_it_began_with():
    """It must not mix the vectors of two models, even when the new one's could be learned in between."""
    changed = Fault(
        "other", lambda ex: ex.reply(200, good_json([f"other {t}" for t in ex.request.texts], ex.dim))
    )
    with FaultServer([OK, OK, changed]) as server:
        options = {"canary": True, "batch_size": 65, "max_concurrency": 1, "on_error": "return"}
        result = sync_embed(server.url, [str(number) for number in range(192)], call=options)
    assert [failure.index for failure in result.failures] == list(range(64, 192))


def test_they_take_turns():
    with FaultServer() as server, EmbeddingClient(base_url=server.url, api_key=KEY, canary=True) as client:
        for _ in range(130):
            client.embed("a")
        carried = [canaries_in(request)[0] for request in server.requests[1:]]
        assert carried == [text_id(WORDS[number % 64]) for number in range(130)]
        (session,) = client._engine._sessions.values()
        assert not any(flock._out for flock in session.flocks.values())


def test_each_model_has_its_own():
    with FaultServer() as server, EmbeddingClient(base_url=server.url, api_key=KEY, canary=True) as client:
        client.embed("a")
        client.embed("b", model="BAAI/bge-large-en-v1.5")
        client.embed("c")
        assert [len(request.text_ids) for request in server.requests] == [64, 2, 64, 2, 2]


@BOTH
def test_a_service_that_gives_all_texts_one_vector_cannot_be_checked(embed):
    same = Fault("same", lambda ex: ex.reply(200, good_json(["x"] * len(ex.request.texts), ex.dim)))
    with FaultServer(same) as server:
        with pytest.raises(APIResponseValidationError, match="all but equal"):
            embed(server.url, TEXTS, canary=True)
        assert len(server.requests) == 1


def test_streams_carry_them_too():
    with FaultServer([OK, faults_body.swapped, OK]) as server:
        with EmbeddingClient(base_url=server.url, api_key=KEY) as client:
            rows = list(client.embed_iter(TEXTS, canary=True, batch_size=4, max_concurrency=1))
        server.oracle.check(TEXTS, [vector for _, vector in rows])


def test_no_texts_no_request():
    with FaultServer() as server, EmbeddingClient(base_url=server.url, api_key=KEY, canary=True) as client:
        client.embed([])
        assert server.requests == []


def test_local_mode_with_and_without_gives_the_same():
    client = EmbeddingClient.local()
    assert np.array_equal(client.embed(TEXTS).vectors, client.embed(TEXTS, canary=True).vectors)


@pytest.mark.parametrize("options", [{"canary": 1}, {"canary": True, "batch_size": 1}])
def test_options_that_cannot_work(options):
    with pytest.raises(ConfigurationError, match="canary"):
        EmbeddingClient(api_key=KEY, **options)
