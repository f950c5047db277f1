"""Rows C05, C07 to C09, C11, C12, C16 and C17: what is tried again, and when. Times are the fault server's."""

import random
from contextlib import ExitStack
from email.utils import formatdate

import pytest

from inworld_embeddings import errors
from inworld_embeddings._retry import RetryPolicy
from support.clients import BOTH, BOTH_OPEN, within
from support.fault_server import OK, FaultServer
from support.faults import (
    FINAL_STATUSES,
    ODD_RETRY_AFTER,
    TRANSIENT_STATUSES,
    grpc_status,
    retry_after,
    retry_after_date,
    retry_info,
    status,
    text_error,
)

TEXTS = [f"planted-text {number}" for number in range(20)]
ENOUGH = 3
"""Attempts in one call by default."""

CONFLICTS = (408, 409, 425, 499)
HINT = 0.2


def between(server, first=0, second=1):
    """Seconds from the end of one request to the start of another."""
    server.oracle.wait_until_idle()
    return server.requests[second].started - server.requests[first].finished


def check_is_repeated(embed, fault, error):
    """Twice in a row it costs nothing; for good it fails after three attempts."""
    with FaultServer([fault, fault, OK]) as server:
        result = embed(server.url, TEXTS)
        server.oracle.check(TEXTS, result.vectors)
        server.oracle.assert_requests(3)
        assert (result.stats.attempts, result.stats.retries) == (3, 2)
    with FaultServer(fault) as server:
        with pytest.raises(error) as caught:
            embed(server.url, TEXTS)
        server.oracle.assert_requests(ENOUGH)
    assert (caught.value.attempts, caught.value.retryable) == (ENOUGH, True)
    return caught.value


@BOTH
@pytest.mark.parametrize("http", CONFLICTS)
def test_C05_collisions_are_repeated(embed, http):
    error = check_is_repeated(embed, status(http), errors.ConflictError)
    assert error.status_code == http


@BOTH
def test_C07_a_throttle_without_a_hint_is_repeated(embed):
    error = check_is_repeated(embed, status(429), errors.RateLimitError)
    assert (error.status_code, error.code, error.retry_after) == (429, 8, None)


@BOTH
@pytest.mark.parametrize("fault", [status(429), retry_after(str(HINT))], ids=str)
def test_C07_a_throttle_closes_the_gate_and_lets_single_requests_in_first(embed, fault, monkeypatch):
    """Four are in flight at first; no other starts before the gate opens, and then one until one succeeds."""
    monkeypatch.setattr("inworld_embeddings.client.BaseClient._policy", RetryPolicy(throttle_base=HINT))
    monkeypatch.setattr(random, "random", lambda: 0.999)
    latency = 0.02
    with FaultServer([*[fault] * 4, OK], latency=latency) as server:
        result = embed(server.url, TEXTS, batch_size=1)
        server.oracle.check(TEXTS, result.vectors)
        server.oracle.assert_requests(len(TEXTS) + 4)
        starts = [record.started for record in server.requests]
        assert starts[4] >= starts[0] + latency + 0.99 * HINT
        assert starts[5] >= starts[4] + latency


@BOTH
@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(retry_after(str(HINT)), id="C08"),
        pytest.param(retry_after(str(HINT), http=503), id="C12"),
        pytest.param(retry_info(f"{HINT}s"), id="C09"),
        pytest.param(retry_info("0.1s", header=str(HINT)), id="C09-header-longer"),
        pytest.param(retry_info(f"{HINT}s", header="0.1"), id="C09-detail-longer"),
    ],
)
def test_C08_C09_C12_a_hint_is_waited_out(embed, fault):
    with FaultServer([fault, OK]) as server:
        embed(server.url, TEXTS)
        assert HINT <= between(server) <= HINT * 1.25 + 0.25


@BOTH
@pytest.mark.parametrize("delay", ["0.000000001s", "-3s", "3", "3 s", "9" * 30 + "s", 3, None, {}])
def test_C09_a_tiny_or_bad_delay_does_not_hold_up_anything(embed, delay):
    with FaultServer([retry_info(delay), OK]) as server, within(1):
        embed(server.url, TEXTS)
        server.oracle.assert_requests(2)


@BOTH
def test_C09_a_bad_delay_leaves_the_header_alone(embed):
    with FaultServer([retry_info("-9s", header=str(HINT)), OK]) as server:
        embed(server.url, TEXTS)
        assert between(server) >= HINT


@BOTH
@pytest.mark.parametrize("http", [s for s in TRANSIENT_STATUSES if s not in CONFLICTS])
def test_C11_server_errors_are_repeated(embed, http):
    error = check_is_repeated(embed, status(http), errors.InternalServerError)
    assert error.status_code == http


@BOTH
@pytest.mark.parametrize("code", [2, 4, 13, 14, 15])
def test_C11_every_grpc_code_for_it_is_repeated(embed, code):
    assert check_is_repeated(embed, grpc_status(code), errors.InternalServerError).code == code


@BOTH
def test_C11_a_proxys_own_words_are_shown(embed):
    error = check_is_repeated(embed, text_error(503, "no healthy upstream"), errors.InternalServerError)
    assert "no healthy upstream" in str(error)
    assert error.code is None


@BOTH
@pytest.mark.parametrize("http", [s for s in FINAL_STATUSES if s not in (400, 401, 403, 404, 405, 501)])
def test_C11_unknown_4xx_are_final(embed, http):
    with FaultServer(status(http)) as server:
        with pytest.raises(errors.BadRequestError) as caught:
            embed(server.url, TEXTS)
        server.oracle.assert_requests(1)
    assert (caught.value.status_code, caught.value.retryable) == (http, False)


@BOTH_OPEN
def test_C12_a_hint_holds_up_the_clients_next_call_too(opened):
    with (
        FaultServer([retry_after(str(HINT), http=503), OK]) as server,
        opened(server.url, max_retries=0) as embed,
    ):
        with pytest.raises(errors.InternalServerError) as caught:
            embed(TEXTS)
        assert caught.value.retry_after == HINT
        embed(TEXTS)
        assert between(server) >= HINT


def hint_of(embed, fault):
    with FaultServer(fault) as server, pytest.raises(errors.RateLimitError) as caught:
        embed(server.url, "planted-text", max_retries=0)
    return caught.value.retry_after


EXPECTED = {"5, 10": 10.0, " 1 s": None, "1" + "0" * 20: 1e20}
"""What is not named here is no hint."""


@BOTH
@pytest.mark.parametrize("value", ODD_RETRY_AFTER)
def test_C16_odd_values(embed, value):
    assert hint_of(embed, retry_after(value)) == EXPECTED.get(value)


@BOTH
@pytest.mark.parametrize(
    ("values", "expected"), [(("0",), 0), (("1.5",), 1.5), (("5", "7"), 7), (("nan", "3"), 3)]
)
def test_C16_good_values(embed, values, expected):
    assert hint_of(embed, retry_after(*values)) == expected


@BOTH
def test_C16_zero_means_now(embed):
    with FaultServer([retry_after("0"), OK]) as server, within(0.5):
        embed(server.url, TEXTS)
        server.oracle.assert_requests(2)


@BOTH
@pytest.mark.parametrize("hint", ["61", "3600", "1" + "0" * 20])
@pytest.mark.parametrize("http", [429, 503])
def test_C16_over_a_minute_is_raised_at_once_with_the_hint(embed, hint, http):
    """Also with more batches waiting at the gate that the hint has closed."""
    with FaultServer(retry_after(hint, http=http), latency=0.01) as server, within(1):
        with pytest.raises(errors.APIStatusError) as caught:
            embed(server.url, TEXTS, batch_size=1)
        assert len(server.requests) <= 4
    assert caught.value.retry_after == float(hint)
    assert caught.value.retryable


@BOTH
def test_C16_past_the_deadline_is_raised_at_once(embed):
    with FaultServer(retry_after("30")) as server, within(1):
        with pytest.raises(errors.RateLimitError) as caught:
            embed(server.url, TEXTS, timeout=20)
        server.oracle.assert_requests(1)
    assert caught.value.retry_after == 30


@BOTH
def test_C16_a_call_that_is_over_does_not_wait_out_the_hint_of_another_batch(embed):
    script = [retry_after("50", http=503), status(401)]
    with ExitStack() as stack:
        stack.enter_context(within(2))
        server = stack.enter_context(FaultServer(script, latency=lambda request: 0.1 * request.number))
        with pytest.raises((errors.AuthenticationError, errors.InternalServerError)):
            embed(server.url, TEXTS[:2], batch_size=1)


NOW = 1_784_000_000


@BOTH
@pytest.mark.parametrize(
    ("date", "expected"),
    [
        (formatdate(NOW + 40, usegmt=True), 40),
        (formatdate(NOW - 40, usegmt=True), 0),
        (formatdate(NOW + 10**9, usegmt=True), 10**9),
        ("Tue, 99 Xxx 2026 00:00:00 GMT", None),
        ("Tue Jul 14 03:34:20 2026", 60),
        ("Tuesday, 14-Jul-26 03:34:20 GMT", 60),
    ],
    ids=["future", "past", "2058", "bad", "asctime", "RFC 850"],
)
def test_C17_dates_count_from_the_servers_own_clock(embed, date, expected):
    assert hint_of(embed, retry_after_date(date, formatdate(NOW, usegmt=True))) == expected


@BOTH
def test_C17_without_a_date_of_the_server_ours_counts(embed):
    assert hint_of(embed, retry_after(formatdate(0, usegmt=True))) == 0
