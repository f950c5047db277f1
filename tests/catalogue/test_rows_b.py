"""Section B: connections that end, lie, or bring a response nobody asked for."""

import asyncio
import time

import pytest

from inworld_embeddings import APIConnectionError, APIResponseValidationError, AsyncEmbeddingClient
from support.clients import BOTH, BOTH_OPEN, KEY, pool, vectors_in
from support.fault_server import OK, FaultServer
from support.faults import (
    BAD_CHUNK_SIZES,
    BAD_LENGTHS,
    CONNECTION_LOSSES,
    LENIENT_STATUS_LINES,
    NOT_HTTP,
    STRAYS,
    announced_close,
    chunked,
    close_after_answer,
    close_delimited,
    content_length_too_large,
    content_length_too_small,
    extra_line,
    extra_response_when_idle,
    fin_before_any_byte,
    fin_mid_chunk,
    fin_on_connect,
    length_and_chunked,
    missing_last_chunk,
    rst_after_answer,
    rst_before_any_byte,
    rst_before_body,
    rst_mid_body,
    rst_on_connect,
    tls_bytes,
    truncated_close_delimited,
)
from support.script import ByConnection, later_on_each_connection

TEXTS = ["a", "b", "c"]


def assert_transient(embed, fault, error=APIConnectionError, requests=3):
    """Twice the fault and the caller sees success; always the fault and it is the third attempt's error."""
    with FaultServer([fault, fault, OK]) as server:
        server.oracle.check(TEXTS, embed(server.url, TEXTS).vectors)
        server.oracle.assert_requests(requests)
        assert len({record.connection for record in server.requests}) == requests, (
            "a connection was used again"
        )
    with FaultServer(fault) as server:
        with pytest.raises(error) as caught:
            embed(server.url, "text")
        assert type(caught.value) is error
        assert (caught.value.attempts, caught.value.retryable) == (3, True)
        server.oracle.assert_requests(requests)
        server.oracle.wait_until_closed()


@BOTH_OPEN
@pytest.mark.parametrize("end", [close_after_answer, rst_after_answer, announced_close], ids=str)
def test_B01_a_connection_closed_while_idle_is_not_used_again(opened, end):
    with FaultServer([end, OK]) as server, opened(server.url, max_retries=0) as embed:
        server.oracle.check_one("a", embed("a"))
        server.oracle.wait_until_closed()
        time.sleep(0.02)  # for the end to arrive here
        server.oracle.check_one("b", embed("b"))
        server.oracle.assert_requests(2)


@BOTH_OPEN
@pytest.mark.parametrize("end", [fin_before_any_byte, rst_before_any_byte, rst_before_body], ids=str)
def test_B01_a_connection_that_ends_as_it_is_used_again_costs_no_retry(opened, end):
    with FaultServer(ByConnection({0: [OK, end]})) as server, opened(server.url, max_retries=0) as embed:
        server.oracle.check_one("a", embed("a"))
        result = embed(TEXTS)
        server.oracle.check(TEXTS, result.vectors)
        server.oracle.assert_requests(3)
        assert (result.stats.attempts, result.failures) == (2, ())


@BOTH_OPEN
def test_B01_only_the_first_repetition_is_free(opened):
    with FaultServer([OK, fin_before_any_byte]) as server, opened(server.url, max_retries=1) as embed:
        embed("a")
        with pytest.raises(APIConnectionError) as caught:
            embed("b")
        assert (caught.value.attempts, caught.value.retryable) == (3, True)
        server.oracle.assert_requests(4)


def test_B01_the_free_repetition_takes_a_new_connection_when_all_idle_ones_have_ended():
    """As after a restart of the server, with more idle connections than retries."""
    texts = [f"text {number}" for number in range(4)]

    async def run(url):
        async with AsyncEmbeddingClient(base_url=url, api_key=KEY, max_retries=0) as client:
            await asyncio.gather(*map(client.embed, texts))
            assert len(server.connections) == 4
            server.oracle.check_one("a", await client.embed("a"))

    with FaultServer(later_on_each_connection(rst_before_any_byte), latency=0.1) as server:
        asyncio.run(run(server.url))
        server.oracle.assert_requests(6)


@BOTH
@pytest.mark.parametrize("end", [fin_before_any_byte, rst_before_any_byte], ids=["B02", "B03"])
def test_B02_B03_an_end_before_any_byte_of_a_new_connection(embed, end):
    assert_transient(embed, end)


@BOTH
@pytest.mark.parametrize("end", [fin_on_connect, rst_on_connect], ids=["B02", "B03"])
def test_B02_B03_an_end_before_the_request_was_read(embed, end):
    with FaultServer(ByConnection({0: [end], 1: [end]})) as server:
        server.oracle.check(TEXTS, embed(server.url, TEXTS).vectors)
        server.oracle.assert_requests(1)
        server.oracle.assert_connections(3)


@BOTH
@pytest.mark.parametrize("loss", CONNECTION_LOSSES, ids=str)
def test_B04_a_loss_before_the_answer_is_whole(embed, loss):
    assert_transient(embed, loss)


@BOTH_OPEN
def test_B04_half_an_answer_over_a_used_connection_is_no_free_retry(opened):
    with (
        FaultServer(ByConnection({0: [OK, rst_mid_body]})) as server,
        opened(server.url, max_retries=0) as embed,
    ):
        embed("a")
        with pytest.raises(APIConnectionError) as caught:
            embed("b")
        assert (caught.value.attempts, caught.value.stale) == (1, False)


@BOTH
@pytest.mark.parametrize("fault", [fin_mid_chunk, missing_last_chunk], ids=str)
def test_B05_chunks_that_end_too_early(embed, fault):
    assert_transient(embed, fault)


@BOTH
@pytest.mark.parametrize("fault", BAD_CHUNK_SIZES, ids=str)
def test_B06_an_illegal_chunk_size(embed, fault):
    assert_transient(embed, fault)


@BOTH
@pytest.mark.parametrize("fault", [content_length_too_large, *BAD_LENGTHS, length_and_chunked], ids=str)
def test_B07_a_length_that_lies(embed, fault):
    assert_transient(embed, fault)


@BOTH_OPEN
def test_B07_what_is_beyond_the_length_is_not_the_next_answer(opened):
    """The cut response is no JSON; its rest must not come back with the next one."""
    with FaultServer([content_length_too_small, OK]) as server, opened(server.url) as embed:
        server.oracle.check(TEXTS, embed(TEXTS).vectors)
        assert [record.connection for record in server.requests] == [0, 1]


@BOTH
def test_B08_a_truncated_answer_without_a_length_is_found_out_by_its_json(embed):
    assert_transient(embed, truncated_close_delimited, APIResponseValidationError)


@BOTH
@pytest.mark.parametrize("good", [close_delimited, chunked], ids=str)
def test_B08_whole_answers_without_a_length_are_answers(embed, good):
    with FaultServer(good) as server:
        server.oracle.check(TEXTS, embed(server.url, TEXTS).vectors)
        server.oracle.assert_requests(1)


@BOTH_OPEN
@pytest.mark.parametrize(
    "stray", STRAYS, ids=lambda stray: f"{'B10' if stray.name.endswith('when_idle') else 'B09'}_{stray}"
)
def test_B09_B10_an_answer_too_many_is_never_the_next_calls(opened, stray):
    with FaultServer(ByConnection({0: [stray]})) as server, opened(server.url, max_retries=0) as embed:
        server.oracle.check(TEXTS, embed(TEXTS).vectors)
        server.oracle.wait_until_idle()
        others = ["d", "e", "f"]  # as many, so that only the vectors tell
        server.oracle.check(others, embed(others).vectors)
        assert [record.connection for record in server.requests] == [0, 1]


def test_B10_a_stray_answer_that_the_loop_has_not_read_yet_is_never_the_next_calls():
    """The loop stands still while the response comes, and the next request is its very next work."""

    async def run(url):
        async with pool(url) as (_, send):
            await send("a")
            server.oracle.wait_until_idle()
            time.sleep(0.02)  # noqa: ASYNC251 - standing still is the point
            server.oracle.check_one("b", vectors_in(await send("b"))[0])

    with FaultServer(ByConnection({0: [extra_response_when_idle()]})) as server:
        asyncio.run(run(server.url))
        assert [record.connection for record in server.requests] == [0, 1]


@BOTH_OPEN
def test_B09_an_empty_line_too_many_is_harmless(opened):
    with FaultServer(extra_line) as server, opened(server.url, max_retries=0) as embed:
        for text in TEXTS:
            server.oracle.check_one(text, embed(text))
        server.oracle.assert_requests(3)


@BOTH
@pytest.mark.parametrize("fault", [fault for fault in NOT_HTTP if fault is not tls_bytes], ids=str)
def test_B11_what_is_not_http(embed, fault):
    assert_transient(embed, fault)


@BOTH
@pytest.mark.parametrize("fault", LENIENT_STATUS_LINES, ids=str)
def test_B11_an_odd_first_line_is_refused_or_let_pass(embed, fault):
    with FaultServer(fault) as server:
        try:
            server.oracle.check(TEXTS, embed(server.url, TEXTS).vectors)
        except APIConnectionError:
            assert len(server.requests) == 3


@BOTH
def test_B11_tls_bytes_from_a_server_that_has_spoken_http_are_garbage_like_any_other(embed):
    texts = [f"text {number}" for number in range(3)]
    tls_alert = next(fault for fault in NOT_HTTP if fault.name == "raw_tls_alert")
    with FaultServer([OK, announced_close, tls_alert, OK]) as server:
        result = embed(server.url, texts, batch_size=1, max_concurrency=1)
        server.oracle.check(texts, result.vectors)
