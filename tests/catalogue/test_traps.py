"""Traps that other embedding clients were seen in: each of these shows that this one is not."""

import asyncio
import json
import logging
import pickle
import time
from pathlib import Path

import pytest

import inworld_embeddings
from inworld_embeddings import AsyncEmbeddingClient, ConfigurationError, EmbeddingClient, errors
from inworld_embeddings._decoding import Decoder
from inworld_embeddings._retry import RetryPolicy
from support.clients import BOTH, BOTH_OPEN, KEY, within
from support.fault_server import OK, FaultServer
from support.faults import (
    double_gzip_bomb,
    extra_response_same_packet,
    key_echo,
    number,
    one_vector_short,
    poison,
    retry_after,
    slow_body,
    status,
)
from support.vectors import good_json

TEXTS = [f"planted-text {number}" for number in range(5000)]
PACKAGE = Path(inworld_embeddings.__file__).parent


@BOTH
def test_5000_texts_are_not_one_request_nor_hundreds_at_once(embed):
    with FaultServer(latency=0.005) as server:
        result = embed(server.url, TEXTS)
        server.oracle.check(TEXTS, result.vectors)
        sizes = sorted(len(record.text_ids) for record in server.requests)
        assert sizes == [8, *[128] * 39]
        assert len(server.connections) <= 64


@BOTH
def test_a_503_is_retried_by_default(embed):
    with FaultServer([status(503), OK]) as server:
        embed(server.url, TEXTS[:3])
        server.oracle.assert_requests(2)


@BOTH
def test_retry_after_is_obeyed_up_to_a_cap(embed):
    with FaultServer([retry_after("0.1"), OK]) as server:
        embed(server.url, TEXTS[:3])
        assert server.requests[1].started - server.requests[0].started >= 0.1
    with FaultServer(retry_after("3600")) as server, within(1), pytest.raises(errors.RateLimitError):
        embed(server.url, TEXTS[:3])


def test_waits_are_spread_also_by_a_hint_and_beyond_the_cap():
    draws = [0.0, 0.25, 0.5, 0.99]
    for hint in (10.0, None):
        waits = {RetryPolicy().wait(0.05, 40, lambda value=value: value, hint) for value in draws}
        assert len(waits) == len(draws)


@BOTH
def test_seven_vectors_for_eight_texts_are_an_error(embed):
    with FaultServer(one_vector_short) as server, pytest.raises(errors.APIResponseValidationError):
        embed(server.url, TEXTS[:8], max_retries=0)


@BOTH
def test_one_bad_text_does_not_lose_499_good_ones(embed):
    with FaultServer(poison([TEXTS[321]])) as server:
        with pytest.raises(errors.PartialFailureError) as caught:
            embed(server.url, TEXTS[:500])
        assert [failure.index for failure in caught.value.failures] == [321]
        server.oracle.check(TEXTS[:321], caught.value.result.vectors[:321])
        server.oracle.check(TEXTS[322:500], caught.value.result.vectors[322:])


@BOTH
@pytest.mark.parametrize("literal", ["null", "NaN", '"NaN"'])
def test_null_and_nan_in_a_vector_are_errors(embed, literal):
    with FaultServer(number(literal)) as server, pytest.raises(errors.APIResponseValidationError):
        embed(server.url, TEXTS[:3], max_retries=0)


def cpu(work):
    """The least of five: whatever else the machine does only adds."""
    times = []
    for _ in range(5):
        begun = time.thread_time()
        work()
        times.append(time.thread_time() - begun)
    return min(times)


def test_floats_are_not_walked_in_python():
    body, decoder = good_json(TEXTS[:128], 768), Decoder()

    def walked():
        rows = json.loads(body)["embeddings"]
        return [[float(value) for value in row["values"]] for row in rows]

    assert cpu(lambda: decoder.decode(body, 128)) < cpu(walked) / 1.5


@pytest.mark.parametrize("end", ["\n", "\r\n", "\x00", " "])
def test_a_key_that_ends_in_a_newline_is_refused_without_being_shown(end):
    with pytest.raises(ConfigurationError) as caught:
        EmbeddingClient(api_key=KEY + end, base_url="http://127.0.0.1:1").embed("x")
    assert KEY[:8] not in repr(caught.value) + str(caught.value.__cause__) + str(caught.value.__context__)


@BOTH
def test_an_error_pickles_whole_and_without_the_key(embed):
    with (
        FaultServer(key_echo(f"unknown key {KEY}", http=403)) as server,
        pytest.raises(errors.APIError) as caught,
    ):
        embed(server.url, TEXTS[0])
    data = pickle.dumps(caught.value)
    back = pickle.loads(data)
    assert KEY[:8].encode() not in data
    assert (type(back), str(back), vars(back)) == (type(caught.value), str(caught.value), vars(caught.value))


def test_an_async_client_outlives_asyncio_run():
    with FaultServer() as server:
        client = AsyncEmbeddingClient(base_url=server.url, api_key=KEY)
        for text in TEXTS[:3]:
            server.oracle.check_one(text, asyncio.run(client.embed(text)))


@BOTH_OPEN
def test_a_stray_second_response_is_not_the_next_answer(opened):
    with FaultServer([extra_response_same_packet, OK]) as server, opened(server.url) as embed:
        for text in TEXTS[:3]:
            server.oracle.check_one(text, embed(text))


def test_cancelled_calls_leave_no_slot_behind():
    async def run(url):
        async with AsyncEmbeddingClient(base_url=url, api_key=KEY, max_concurrency=2) as client:
            for number in range(100):
                call = asyncio.ensure_future(client.embed(TEXTS[:4], batch_size=1))
                await asyncio.sleep(0.0005 * (number % 7))
                call.cancel()
                await asyncio.gather(call, return_exceptions=True)
            return await asyncio.wait_for(client.embed(TEXTS[:50], batch_size=1), 10)

    with FaultServer(latency=0.002) as server:
        server.oracle.check(TEXTS[:50], asyncio.run(run(server.url)).vectors)


@BOTH
def test_double_gzip_does_not_grow_in_memory(embed):
    refused = pytest.raises(errors.APIResponseValidationError, match="not read")
    with FaultServer(double_gzip_bomb(10**8)) as server, within(3), refused:
        embed(server.url, TEXTS[:8])


@BOTH
def test_a_slow_drip_ends_at_the_deadline(embed):
    with FaultServer(slow_body(0.05)) as server, within(0.3), pytest.raises(errors.APITimeoutError):
        embed(server.url, TEXTS[:8], timeout=0.3)


@BOTH
def test_texts_and_key_are_in_no_log_of_any_level(embed, caplog):
    caplog.set_level(logging.DEBUG)
    with FaultServer([status(503, message=TEXTS[0]), OK]) as server:
        embed(server.url, TEXTS[:8])
    assert "attempt 1 with 8 texts failed" in caplog.text
    assert "planted" not in caplog.text
    assert KEY[:8] not in caplog.text


@BOTH
def test_progress_is_told_and_comes_to_its_end(embed):
    seen = []
    with FaultServer() as server:
        embed(server.url, TEXTS[:300], call={"on_progress": lambda done, total: seen.append((done, total))})
    assert len(seen) == 3
    assert seen == sorted(seen)
    assert seen[-1] == (300, 300)
