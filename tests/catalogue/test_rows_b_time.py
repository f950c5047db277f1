"""Section B: responses without an end, silences, stalls. None outlives its deadline, or takes much memory."""

import tracemalloc

import pytest

from inworld_embeddings import APIConnectionError, APITimeoutError, RequestTooLargeError
from inworld_embeddings._retry import Timeouts
from support.clients import BOTH, BOTH_OPEN, within, words
from support.fault import Stage, at, fault
from support.fault_server import OK, FaultServer
from support.faults import (
    black_hole,
    black_hole_mid_body,
    black_hole_on_connect,
    chunked,
    endless_1xx,
    endless_header,
    endless_headers,
    endless_status_line,
    header_bomb,
    never_read_body,
    slow_body,
    slow_error,
    slow_headers,
    some_1xx,
)
from support.script import ByConnection
from support.wire import CHUNKED, JSON, chunk, head

MEGABYTE = 2**20
LONG_TEXT = "x" * (9 * MEGABYTE)  # over what both kernels keep for a server that does not read
ROOM = {"max_batch_bytes": 16 * MEGABYTE}


@fault
def endless_trailers(ex):
    """The right response, and header after header behind its last chunk."""
    ex.send(head(200, [JSON, CHUNKED]) + chunk(ex.good_body()) + b"0\r\n")
    ex.conn.sleep(0.02)  # the trailers come on their own
    while True:
        ex.send(b"X-Trailer: b\r\n" * 4096)


@fault
def endless_trailer(ex):
    """The same with one that has no end."""
    ex.send(head(200, [JSON, CHUNKED]) + chunk(ex.good_body()) + b"0\r\nX-Trailer: ")
    ex.conn.sleep(0.02)
    while True:
        ex.send(b"b" * 65536)


@fault
def bomb_of_1xx(ex):
    """One interim response with headers without an end."""
    ex.send(b"HTTP/1.1 103 Early Hints\r\n")
    while True:
        ex.send(b"Link: </style.css>; rel=preload\r\n" * 2048)


HEADER_BOMBS = [
    *(header_bomb(), endless_headers, endless_header, endless_status_line),
    *(bomb_of_1xx, endless_trailers, endless_trailer),
]


@BOTH_OPEN
@pytest.mark.parametrize("bomb", HEADER_BOMBS, ids=str)
def test_B12_headers_without_end_are_not_kept_and_not_asked_for_again(opened, bomb):
    with FaultServer([OK, bomb]) as server, opened(server.url) as embed:
        embed("warm")
        tracemalloc.start()
        try:
            with pytest.raises(APIConnectionError, match=words("over 65536 bytes of headers")) as caught:
                embed("text")
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert (caught.value.attempts, caught.value.retryable) == (1, False)
        server.oracle.assert_requests(2)
        server.oracle.wait_until_closed()
        assert peak < 2 * MEGABYTE, f"{peak / MEGABYTE:.1f} MB"  # the server's own buffers are in it


@BOTH
def test_B12_many_headers_are_no_bomb(embed):
    with FaultServer(header_bomb(100, 500)) as server:
        server.oracle.check_one("text", embed(server.url, "text"))


@BOTH
@pytest.mark.parametrize("good", [OK, chunked], ids=str)
def test_B12_a_large_answer_is_no_bomb(embed, good):
    with FaultServer(good, dim=10_000) as server:
        server.oracle.check_one("text", embed(server.url, "text"))
        server.oracle.assert_requests(1)


ENDLESS = [
    pytest.param(endless_1xx(102, 0.01), id="B13_102"),
    pytest.param(endless_1xx(100, 0.001), id="B13_100_quickly"),
    pytest.param(endless_1xx(103, 0.0), id="B13_103_as_a_flood"),
    pytest.param(slow_headers(0.1), id="B14"),
    pytest.param(slow_body(0.1), id="B15"),
    pytest.param(slow_error(503, 0.1), id="B15_error"),
    pytest.param(black_hole, id="B16"),
    pytest.param(black_hole_mid_body, id="B16_mid_body"),
    pytest.param(black_hole_on_connect, id="B16_on_connect"),
]


@BOTH_OPEN
@pytest.mark.parametrize("endless", ENDLESS)
def test_B13_B14_B15_B16_no_call_outlives_its_deadline(opened, endless):
    with FaultServer(endless) as server, opened(server.url, timeout=0.2) as embed:
        with within(0.2), pytest.raises(APITimeoutError) as caught:
            embed("text")
        assert (caught.value.attempts, caught.value.retryable) == (1, True)
        if endless is not black_hole_on_connect:  # which would not notice
            server.oracle.wait_until_closed()  # the connection is dropped, not left to drip


@BOTH_OPEN
def test_B15_the_deadline_is_the_whole_calls(opened):
    """Six batches behind each other, each of them slow: one timeout for all, not one for each."""
    with FaultServer(latency=0.1) as server, opened(server.url, timeout=0.3, max_concurrency=1) as embed:
        with within(0.3):
            result = embed(list("abcdef"), batch_size=1, on_error="return")
        assert 1 <= 6 - len(result.failures) <= 3
        assert {type(failure.error) for failure in result.failures} == {APITimeoutError}


@BOTH
def test_B13_a_few_interim_answers_are_harmless(embed):
    with FaultServer([some_1xx(103), some_1xx(100, 40)]) as server:
        for text in ("a", "b"):
            server.oracle.check_one(text, embed(server.url, text))
        server.oracle.assert_requests(2)


@BOTH
def test_B16_silence_after_the_request_ends_with_the_attempt_and_is_transient(embed, short_attempt):
    with FaultServer(ByConnection({0: [black_hole], 1: [black_hole_mid_body]})) as server:
        server.oracle.check_one("text", embed(server.url, "text"))
        server.oracle.assert_requests(3)
        server.oracle.wait_until_closed()


@BOTH
def test_B16_silence_for_ever_is_tried_three_times(embed, short_attempt, monkeypatch):
    monkeypatch.setattr(
        "inworld_embeddings.client.BaseClient._timeouts", Timeouts(first_attempt=0.3, longest_attempt=0.3)
    )
    with FaultServer(black_hole) as server:
        with pytest.raises(APITimeoutError) as caught:
            embed(server.url, "text")
        assert (caught.value.attempts, caught.value.retryable) == (3, True)
        server.oracle.assert_requests(3)


@BOTH
def test_B17_a_server_that_does_not_read_falls_under_the_attempt_timeout(embed, short_attempt):
    with FaultServer(ByConnection({0: [never_read_body]}), receive_buffer=4096) as server:
        text = "y" * (8 * MEGABYTE)
        server.oracle.check_one(text, embed(server.url, text, **ROOM))
        assert [record.connection for record in server.requests] == [0, 1]


@BOTH_OPEN
def test_B17_a_server_that_does_not_read_falls_under_the_deadline(opened):
    server = FaultServer(never_read_body, receive_buffer=4096)
    with (
        server,
        opened(server.url, timeout=0.5, **ROOM) as embed,
        within(0.5),
        pytest.raises(APITimeoutError),
    ):
        embed(LONG_TEXT)


@at(Stage.HEAD)
def refusal_of_an_unread_body(ex):
    """Respond after the head, read no more, keep the connection."""
    ex.reply(413, b'{"code":8,"message":"too large","details":[]}')
    ex.conn.hold()


@BOTH_OPEN
def test_B17_a_refusal_that_comes_before_the_body_was_read_is_heard(opened):
    with FaultServer(ByConnection({0: [refusal_of_an_unread_body]}), receive_buffer=4096) as server:
        with opened(server.url, timeout=5, **ROOM) as embed:
            with pytest.raises(RequestTooLargeError) as caught:
                embed(LONG_TEXT)
            assert caught.value.attempts == 1
            server.oracle.check_one("small", embed("small"))  # not over the connection that is still full
        assert [record.connection for record in server.requests] == [0, 1]
