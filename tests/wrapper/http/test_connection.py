"""Connections that end, lie, bring too much, or never end. Section B of the fault catalogue, and D16."""

from functools import partial

import pytest

from inworld_embeddings import errors
from inworld_embeddings._retry import Timeouts
from support import faults
from support.clients import failure, sync_client, verdict, within, words
from support.fault import JSON, Fault, Stage, at, chunk, head, response
from support.fault_server import FaultServer
from support.faults import endless

TEXTS = ["a", "b", "c"]
OK_LINE = b"HTTP/1.1 200 OK\r\n"
MEGABYTE = 2**20


rst_before_body = Fault("rst_before_body", lambda ex: ex.conn.rst(), Stage.HEAD)


@pytest.mark.parametrize("end", ["drop", "drop;reset", rst_before_body], ids=str)
def test_B01_a_connection_that_ends_as_it_is_used_again_costs_no_retry(end):
    with FaultServer(["ok", end, "ok"]) as server, sync_client(server.url, max_retries=0) as embed:
        server.oracle.check_one("a", embed("a"))
        result = embed(TEXTS)
        server.oracle.check(TEXTS, result.vectors)
        server.oracle.assert_requests(3)
        assert (result.stats.attempts, result.failures) == (2, ())


@pytest.mark.parametrize(
    "fault",
    [pytest.param(fault, id=f"{row}_{fault}") for row, kinds in faults.NOT_WHOLE.items() for fault in kinds]
    + [pytest.param(faults.truncated_close_delimited, id="B08")],
)
def test_B02_B03_B04_B05_B06_B07_B08_B11_a_response_that_is_not_whole_is_transient(fault):
    """Without a length, only its JSON tells that it is not."""
    found_out_late = fault is faults.truncated_close_delimited
    error = errors.APIResponseValidationError if found_out_late else errors.APIConnectionError
    with FaultServer(fault) as server:
        assert verdict(failure(server.url)) == (error, 3, True)
        assert [record.connection for record in server.requests] == [0, 1, 2]
        server.oracle.wait_until_closed()


def test_B04_half_a_response_over_a_used_connection_is_no_free_retry():
    with FaultServer(["ok", "truncate"]) as server, sync_client(server.url, max_retries=0) as embed:
        embed("a")
        with pytest.raises(errors.APIConnectionError) as caught:
            embed("b")
        assert (caught.value.attempts, caught.value.stale) == (1, False)


def in_sevens(good):
    return b"".join(chunk(good[start : start + 7]) for start in range(0, len(good), 7)) + chunk(b"")


MANY_HEADERS = [JSON, *((f"X-Much-{number}", "b" * 500) for number in range(100))]
ANNOUNCED = [JSON, ("Connection", "close")]
kept_open = partial(faults.framed, ending=None)
WELL = {
    "B01_closed_after_it": faults.close_after_answer,
    "B01_closed_as_announced": faults.framed("announced", lambda good: response(200, good, ANNOUNCED)),
    "B08_close_delimited": faults.framed("without_length", lambda good: head() + good),
    "B08_B12_many_chunks": kept_open("chunked", lambda good: faults.CHUNKED_HEAD + in_sevens(good)),
    "B09_an_empty_line_too_many": kept_open("line", lambda good: response(200, good) + b"\r\n"),
    "B12_many_headers": kept_open("headers", lambda good: response(200, good, MANY_HEADERS)),
    "B13_early_hints": kept_open("hints", lambda good: head(103, []) * 3 + response(200, good)),
}


@pytest.mark.parametrize("good", WELL.values(), ids=WELL)
@pytest.mark.parametrize("dim", [8, 10_000])
def test_B01_B08_B09_B12_B13_what_is_odd_but_whole_is_a_response(good, dim):
    with FaultServer(good, dim=dim) as server, sync_client(server.url, max_retries=0) as embed:
        for text in TEXTS:
            server.oracle.check_one(text, embed(text))
        server.oracle.assert_requests(3)


@pytest.mark.parametrize(
    "stray",
    faults.STRAYS,
    ids=lambda stray: f"{'B10' if stray is faults.extra_response_when_idle else 'B09'}_{stray}",
)
def test_B09_B10_D16_a_response_too_many_is_never_the_next_calls(stray):
    with FaultServer([stray, "ok"]) as server, sync_client(server.url, max_retries=0) as embed:
        server.oracle.check(TEXTS, embed(TEXTS).vectors)
        server.oracle.wait_until_idle()
        others = ["d", "e", "f"]  # as many, so that only the vectors tell
        server.oracle.check(others, embed(others).vectors)
        assert [record.connection for record in server.requests] == [0, 1]


HEADERS_WITHOUT_END = [
    endless("headers", OK_LINE, b"X-Bomb: %s\r\n" % (b"b" * 1000)),
    endless("header", OK_LINE + b"X-Long: ", b"a" * 65536),
    endless("trailer", faults.CHUNKED_HEAD + chunk(b"{}") + b"0\r\nX-Trailer: ", b"b" * 65536),
]


@pytest.mark.parametrize("bomb", HEADERS_WITHOUT_END, ids=str)
def test_B12_headers_without_end_are_not_kept_and_not_asked_for_again(bomb, at_most):
    at_most(2 * MEGABYTE)  # the server's own buffers are in it
    with FaultServer(bomb) as server:
        error = failure(server.url)
        assert verdict(error) == (errors.APIConnectionError, 1, False)
        assert words("over 65536 bytes of headers") in str(error)
        server.oracle.assert_requests(1)
        server.oracle.wait_until_closed()


ENDLESS = {
    "B13": faults.endless_1xx,
    "B14": Fault("slowly", lambda ex: ex.conn.drip(response(200, ex.good_body()), 0.1)),
    "B15": faults.slow_body,
    "B16": faults.black_hole,
    "B16_mid_body": faults.black_hole_mid_body,
    "B16_on_connect": faults.black_hole_on_connect,
}
without_end = pytest.mark.parametrize("endless", ENDLESS.values(), ids=ENDLESS)


@without_end
def test_B13_B14_B15_B16_what_does_not_end_is_left_at_the_deadline(endless):
    """The connection is dropped, not left to drip: only so the server's side closes before the client does."""
    with FaultServer(endless) as server, sync_client(server.url, timeout=0.1) as embed:
        with pytest.raises(errors.APITimeoutError) as caught:
            embed("text")
        assert caught.value.retryable
        server.oracle.wait_until_closed()


@pytest.mark.realtime
@without_end
def test_B13_B14_B15_B16_no_call_outlives_its_deadline(endless):
    with FaultServer(endless) as server, within(0.2):
        assert isinstance(failure(server.url, timeout=0.2), errors.APITimeoutError)


LONG_TEXT = "x" * (9 * MEGABYTE)
"""Over what both kernels keep for a server that does not read."""
ROOM = {"max_batch_bytes": 16 * MEGABYTE}


def test_B17_a_server_that_does_not_read_falls_under_the_attempt_timeout_and_the_deadline(monkeypatch):
    short = Timeouts(first_attempt=0.1, longest_attempt=0.1)
    monkeypatch.setattr("inworld_embeddings.client.BaseClient._timeouts", short)
    never_read_body = Fault("never_read_body", lambda ex: ex.conn.hold(), Stage.HEAD)
    with FaultServer(never_read_body, receive_buffer=4096) as server:
        assert verdict(failure(server.url, LONG_TEXT, **ROOM)) == (errors.APITimeoutError, 3, True)
        assert isinstance(failure(server.url, LONG_TEXT, timeout=0.1, **ROOM), errors.APITimeoutError)


@at(Stage.HEAD)
async def refusal_of_an_unread_body(ex):
    """Respond after the head, read no more, keep the connection."""
    await ex.play("status=413")
    await ex.conn.hold()


def test_B17_a_refusal_that_comes_before_the_body_was_read_is_heard():
    with FaultServer([refusal_of_an_unread_body, "ok"], receive_buffer=4096) as server:
        with sync_client(server.url, timeout=20, **ROOM) as embed:
            with pytest.raises(errors.RequestTooLargeError) as caught:
                embed(LONG_TEXT)
            assert caught.value.attempts == 1
            server.oracle.check_one("small", embed("small"))  # not over the connection that is still full
        assert [record.connection for record in server.requests] == [0, 1]
