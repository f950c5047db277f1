"""Rows C06 and C10: requests that are too large are split, never repeated as they were."""

import math

import pytest

from inworld_embeddings import errors
from inworld_embeddings._batching import PATIENCE
from inworld_embeddings._retry import RetryPolicy
from support.clients import BOTH, BOTH_OPEN, sync_client, sync_embed
from support.fault_server import OK, FaultServer
from support.faults import (
    DECOMPRESSED_LARGER,
    RECEIVED_LARGER,
    SENDING_LARGER,
    message_larger_than_max,
    status,
    too_many_bytes,
    too_many_texts,
)

TEXTS = [f"planted-text {number}" for number in range(256)]
WORDINGS = pytest.mark.parametrize("wording", [RECEIVED_LARGER, DECOMPRESSED_LARGER, SENDING_LARGER])


class LongWaits(RetryPolicy):
    def wait(self, *_):
        return 1e9


@pytest.fixture(autouse=True)
def no_backoff(monkeypatch):
    """Waiting would be the mistake: whoever does it fails here."""
    monkeypatch.setattr("inworld_embeddings.client.BaseClient._policy", LongWaits())


def larger_than(texts, **options):
    """A message limit that so many texts fit into exactly."""
    return message_larger_than_max(texts * 3072, size=lambda request: 3072 * len(request.texts), **options)


def refused(server):
    server.oracle.wait_until_idle()
    return sum(not record.answered for record in server.requests)


def sizes(server, since=0):
    return [len(record.text_ids) for record in server.requests[since:]]


@BOTH
@pytest.mark.parametrize("limit", [100, 40, 5, 1])
def test_C06_a_413_is_split_until_it_fits(embed, limit):
    with FaultServer(too_many_texts(limit)) as server:
        result = embed(server.url, TEXTS)
        server.oracle.check(TEXTS, result.vectors)
        assert max(server.oracle.times_answered().values()) == 1
        halvings, trials = math.ceil(math.log2(128 / limit)), len(server.requests) / PATIENCE
        assert refused(server) <= 2 * (halvings + 1) + trials, "two batches, each halved"
    assert (result.failures, result.stats.retries) == ((), 0)


@BOTH_OPEN
def test_C06_later_batches_of_the_client_are_cut_before_they_are_sent(opened):
    with FaultServer(too_many_texts(40)) as server, opened(server.url) as embed:
        embed(TEXTS)
        before = refused(server)
        embed(TEXTS)
        assert refused(server) == before
        server.oracle.wait_until_idle()
        assert set(sizes(server, since=-8)) == {32}


@BOTH
def test_C06_the_size_in_bytes_counts_too(embed):
    texts = [text * 100 for text in TEXTS]
    with FaultServer(too_many_bytes(50_000)) as server:
        result = embed(server.url, texts)
        server.oracle.check(texts, result.vectors)


@BOTH
def test_C06_one_text_that_is_too_large_fails_alone(embed):
    with FaultServer(too_many_texts(0)) as server:
        with pytest.raises(errors.RequestTooLargeError) as caught:
            embed(server.url, "planted-text")
        server.oracle.assert_requests(1)
    assert (caught.value.status_code, caught.value.attempts, caught.value.retryable) == (413, 1, False)


@BOTH_OPEN
@pytest.mark.parametrize("place", [0, 100, 255])
def test_C06_one_large_text_costs_the_others_neither_their_vectors_nor_their_batches(opened, place):
    texts = [*TEXTS]
    texts[place] *= 1000
    with FaultServer(too_many_bytes(10_000)) as server, opened(server.url) as embed:
        result = embed(texts, on_error="return")
        good = [index for index in range(len(texts)) if index != place]
        server.oracle.check([texts[index] for index in good], result.vectors[good])
        assert [failure.index for failure in result.failures] == [place]
        assert isinstance(result.failures[0].error, errors.RequestTooLargeError)
        assert len(server.requests) <= 2 + 2 * math.log2(128)
        since = len(server.requests)
        embed(TEXTS)
        assert sizes(server, since) == [128, 128], "the number of texts was never too large"


@BOTH
@WORDINGS
@pytest.mark.parametrize("limit", [100, 37, 3])
def test_C10_a_429_for_its_size_is_split_by_the_sizes_it_names(embed, wording, limit):
    with FaultServer(larger_than(limit, wording=wording)) as server:
        result = embed(server.url, TEXTS)
        server.oracle.check(TEXTS, result.vectors)
        assert refused(server) <= 2, "one for each batch in flight"
        most = math.floor(128 * limit / 128 * 0.9)
        assert max(len(record.text_ids) for record in server.requests if record.answered) == most
    assert result.stats.retries == 0


@BOTH
def test_C10_sizes_that_name_only_the_limit_are_halved(embed):
    wording = "grpc: received message after decompression larger than max {limit}"
    with FaultServer(larger_than(20, wording=wording)) as server:
        result = embed(server.url, TEXTS[:128])
        server.oracle.check(TEXTS[:128], result.vectors)


@BOTH_OPEN
def test_C10_the_cap_is_learned(opened):
    with FaultServer(larger_than(50)) as server, opened(server.url) as embed:
        embed(TEXTS[:128])
        embed(TEXTS)
        assert refused(server) == 1
        assert set(sizes(server, since=1)) <= {45, 38}, "128 cut by 45"


@BOTH
@WORDINGS
def test_C10_a_single_text_over_the_limit_fails_at_once(embed, wording):
    with FaultServer(larger_than(0, wording=wording)) as server:
        with pytest.raises(errors.RequestTooLargeError) as caught:
            embed(server.url, "planted-text")
        server.oracle.assert_requests(1)
    assert caught.value.sizes == (3072, 0)
    assert (caught.value.code, caught.value.retryable) == (8, False)


def test_C06_a_cap_that_was_learned_by_mistake_is_forgotten_by_and_by():
    script = [too_many_texts(16)] * 3 + [OK]
    with FaultServer(script) as server:
        with sync_client(server.url, max_concurrency=1, batch_size=64) as embed:
            for _ in range(30):
                embed(TEXTS)
        assert sizes(server, since=-4) == [64] * 4


def test_C10_another_429_with_the_words_too_large_in_it_is_still_a_throttle(monkeypatch):
    monkeypatch.setattr("inworld_embeddings.client.BaseClient._policy", RetryPolicy(throttle_base=0.0))
    script = [status(429, message="your bill is larger than usual"), OK]
    with FaultServer(script) as server:
        sync_embed(server.url, TEXTS[:9])
        assert sizes(server) == [9, 9]
