import math
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inworld_embeddings._core.hints import request_id, retry_after
from inworld_embeddings._core.rpc_details import InworldStatus, RequestInfo, RetryInfo, parse_details

SERVER_NOW = datetime(2026, 9, 1, 12, 0, 0, tzinfo=UTC)
DATE = ("date", "Tue, 01 Sep 2026 12:00:00 GMT")
OUR_NOW = SERVER_NOW.timestamp() + 3600.0  # our clock is an hour fast


def hint(*values, name="retry-after"):
    return retry_after([DATE, *((name, value) for value in values)], (), OUR_NOW)


@pytest.mark.parametrize(
    ("text", "seconds"), [("0", 0.0), ("1", 1.0), ("58", 58.0), (" 7 ", 7.0), ("007", 7.0)]
)
def test_c08_retry_after_seconds(text, seconds):
    assert hint(text) == seconds


def test_c08_no_hint_is_none():
    assert retry_after([], (), OUR_NOW) is None
    assert retry_after([DATE, ("x-retry-after", "5")], ({"@type": "x"},), OUR_NOW) is None


@pytest.mark.parametrize(
    ("delay", "header", "expected"),
    [
        ("1.5s", None, 1.5),
        ("0.000000001s", None, 1e-9),
        ("bad", None, None),
        ("bad", "3", 3.0),
        ("1.5s", "1", 1.5),
        ("1.5s", "2", 2.0),
        ("1.5s", "bad", 1.5),
        ("-4s", None, None),
    ],
)
def test_c09_the_longest_of_all_hints(delay, header, expected):
    details = parse_details([{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}])
    headers = [] if header is None else [("retry-after", header)]
    assert retry_after(headers, details, OUR_NOW) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["0"], 0.0),
        (["1.5"], 1.5),
        (["1000000000"], 1e9),
        (["100000000000000000000"], 1e20),
        (["5, 10"], 10.0),
        (["10,5"], 10.0),
        (["5", "10"], 10.0),
        (["bad", "5"], 5.0),
        (["-5, 3"], 3.0),
        *[
            ([bad], None)
            for bad in (
                "",
                " ",
                "-5",
                "+5",
                "nan",
                "inf",
                "Infinity",
                "1e9",
                "10^20",
                "\u0663",
                "\uff10",
                "\u00b2",
            )
        ],
        *[
            ([bad], None)
            for bad in (
                "0x10",
                "1_000",
                "1.",
                ".5",
                "1,5.",
                "5s",
                "5 6",
                "1.2.3",
                "9" * 400,
                "soon",
                ",",
                "5\x00",
            )
        ],
    ],
)
def test_c16_retry_after_table(values, expected):
    if values == ["1,5."]:
        expected = 1.0  # a list, as far as HTTP goes, of which one member is valid
    assert hint(*values) == expected


@pytest.mark.parametrize(("value", "seconds"), [("1500", 1.5), ("0", 0.0), ("nan", None), ("", None)])
def test_c16_retry_after_milliseconds(value, seconds):
    assert hint(value, name="retry-after-ms") == seconds


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("Tue, 01 Sep 2026 12:00:30 GMT", 30.0),
        ("Tuesday, 01-Sep-26 12:00:30 GMT", 30.0),
        ("Tue Sep  1 12:00:30 2026", 30.0),
        ("Tue Sep 01 12:00:30 2026", 30.0),
        ("Tue, 01 Sep 2026 11:59:00 GMT", 0.0),
        ("Fri, 01 Jan 1999 00:00:00 GMT", 0.0),
        ("Sun Nov  6 08:49:37 1994", 0.0),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 0.0),
        (
            "Sun, 01 Sep 2058 12:00:00 GMT",
            (datetime(2058, 9, 1, 12, tzinfo=UTC) - SERVER_NOW).total_seconds(),
        ),
        (
            "Sunday, 01-Sep-58 12:00:00 GMT",
            (datetime(2058, 9, 1, 12, tzinfo=UTC) - SERVER_NOW).total_seconds(),
        ),
        ("Tue, 01 Sep 2026 14:00:30 +0200", 30.0),
        ("Tue, 01 Sep 2026 12:00:30 GMT, 40", 40.0),
        ("Tue, 01 Sep 2026 12:00:30 GMT, Tue, 01 Sep 2026 12:00:50 GMT", 50.0),
        ("Tue, 32 Sep 2026 12:00:30 GMT", None),
        ("Tue, 01 Foo 2026 12:00:30 GMT", None),
        ("Tue, 01 Sep 2026 25:00:30 GMT", None),
        ("Tue, 01 Sep 99999999 12:00:30 GMT", None),
        ("Tue, 01 Sep 99999999999 12:00:30 GMT", None),
        ("Tue, 01 Sep 2026 12:00:30 +9999999999", None),
        ("Tue, 0\u0661 Sep 2026 12:00:30 GMT", None),
        ("2026-09-01T12:00:30Z", None),
        ("Tue", None),
        ("tomorrow", None),
    ],
)
def test_c17_retry_after_dates(value, seconds):
    assert hint(value) == seconds


@pytest.mark.parametrize("date", [[], [("date", "bad")], [("date", "")]])
def test_c17_without_a_server_date_our_clock_is_used(date):
    assert retry_after([*date, ("retry-after", "Tue, 01 Sep 2026 13:00:30 GMT")], (), OUR_NOW) == 30.0


@pytest.mark.parametrize(
    ("kind", "after", "expected"),
    [
        ("TIMEOUT", 30, 30.0),
        ("TIMEOUT", -30, 0.0),
        ("IMMEDIATE", 30, None),
        ("NO_RETRY", 30, None),
        ("TIMEOUT", None, None),
    ],
)
def test_reconnect_time_is_a_hint_for_timeout_only(kind, after, expected):
    moment = None if after is None else SERVER_NOW + timedelta(seconds=after)
    assert (
        retry_after([DATE], (InworldStatus("SESSION_RESOURCES_EXHAUSTED", kind, moment),), OUR_NOW)
        == expected
    )


@pytest.mark.parametrize(
    ("headers", "details", "expected"),
    [
        (
            [("x-inworld-request-id", "0af7651916cd43dd8448eb211c80319c")],
            (),
            "0af7651916cd43dd8448eb211c80319c",
        ),
        ([("x-request-id", "b"), ("x-inworld-request-id", "a")], (RequestInfo("c"),), "a"),
        ([("x-request-id", "b")], (RequestInfo("c"),), "b"),
        ([("x-inworld-request-id", "  ")], ({}, RetryInfo(1.0), RequestInfo("c")), "c"),
        ([("x-request-id", "a\x1b[2J")], (), r"a\x1b[2J"),
        ([], (RequestInfo(""),), None),
        ([], (), None),
    ],
)
def test_request_id(headers, details, expected):
    assert request_id(headers, details) == expected


def test_request_id_is_bounded():
    found = request_id([("x-request-id", "\x00" * 100_000)], ())
    assert len(found) == 128
    assert found.isprintable()


dates = st.from_regex(r"(Tue|Sunday),? [0-9A-Za-z: +-]{16,40}", fullmatch=True)
values = st.text(max_size=40) | dates | st.from_regex(r"[0-9]{0,20}(\.[0-9]{0,5})?", fullmatch=True)
names = st.sampled_from(["retry-after", "retry-after-ms", "date", "x-request-id"])


@settings(derandomize=True, max_examples=500, deadline=None)
@given(st.lists(st.tuples(names, values), max_size=4))
def test_any_headers_give_a_finite_wait_or_none(headers):
    seconds = retry_after(headers, (), OUR_NOW)
    assert seconds is None or (seconds >= 0 and math.isfinite(seconds))
    request_id(headers, ())


@settings(derandomize=True, max_examples=200, deadline=None)
@given(st.integers(0, 10**18), st.integers(0, 10**9))
def test_numbers_are_read_exactly(seconds, fraction):
    text = f"{seconds}.{fraction:09d}"
    assert hint(text) == float(text)


@settings(derandomize=True, max_examples=200, deadline=None)
@given(st.integers(-(10**6), 10**9), st.integers(-(10**7), 10**7))
def test_dates_are_measured_by_the_servers_clock(delay, skew):
    moment = format_datetime(SERVER_NOW + timedelta(seconds=delay), usegmt=True)
    assert retry_after([DATE, ("retry-after", moment)], (), OUR_NOW + skew) == max(0, delay)
