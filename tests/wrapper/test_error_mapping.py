"""What a status, a body and the headers of an error response come to."""

import math
from datetime import UTC, datetime, timedelta
from string import ascii_letters, digits

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inworld_embeddings import _error_mapping as error_mapping
from inworld_embeddings import errors
from inworld_embeddings._redaction import Redactor
from inworld_embeddings.details import InworldStatus, RequestInfo, RetryInfo, parse_details
from support.broken import broken, fuzzed

KEY = "wZ9xT4rLq7Vb2NcsDf"
NO_KEY = b"""{"code":16, "message":"authentication is required", "details":[
 {"@type":"type.googleapis.com/ai.inworld.common.InworldStatus","errorType":"SESSION_TOKEN_INVALID",
  "reconnectType":"NO_RETRY","reconnectTime":null,"maxRetries":0}]}"""


def response(*headers, status=200, body=b""):
    raw = [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers]
    return error_mapping.Response(status, raw, body)


def mapped(status, body=b"", *headers):
    return error_mapping.status_error(
        response(*headers, status=status, body=body), now=0.0, redactor=Redactor([KEY])
    )


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"code":5,"message":"Not Found","details":[]}', (5, "Not Found", ())),
        (b'{"error":{"code":5,"message":"Not Found","details":[]}}', (5, "Not Found", ())),
        (b'{"code":"13","message":"m","details":null}', (None, "m", ())),
        (b'{"code":5,"message":"Not Found"}' + b" " * 1_000_000, (5, "Not Found", ())),
        (NO_KEY, (16, "authentication is required", (InworldStatus("SESSION_TOKEN_INVALID", "NO_RETRY"),))),
    ],
)
def test_statuses(body, expected):
    assert error_mapping.parse_status(body) == expected


NO_STATUS = {
    "status_after_64_kb": b" " * 65_536 + b'{"code":5,"message":"Not Found"}',
    "deep_details": b'{"code":3,"message":"m","details":[' + b'{"a":' * 200_000,
    "long_integer": b'{"code":' + b"9" * 60_000 + b"}",
    "top_level_list": b'[{"code":5}]',
}


@pytest.mark.parametrize("body", NO_STATUS.values(), ids=NO_STATUS)
def test_C13_of_any_other_body_there_is_an_excerpt(body):
    code, message, details = error_mapping.parse_status(body)
    assert (code, details) == (None, ())
    assert len(message) <= 500
    assert message.isprintable()
    assert isinstance(mapped(502, body), errors.InternalServerError)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Received message larger than max (5242880 vs 4194304) from upstream", (5242880, 4194304)),
        ("grpc: trying to send message larger than max (5 vs. 4)", (5, 4)),
        ("grpc: received message after decompression larger than max 4194304", (4194305, 4194304)),
        ("received message larger than max (3 vs. 4)", (5, 4)),  # a size is always over its limit
        ("received message larger than max (\u0665 vs. \u0664)", None),
        ("the price is larger than max (5 vs. 4)", None),
    ],
)
def test_C10_message_too_large(message, expected):
    assert error_mapping.received_too_large(message) == expected


@pytest.mark.parametrize(
    ("status", "headers", "says"),
    [
        (
            429,
            [("Retry-After", "12")],
            "HTTP 429: slow down (the server asks to wait 12 s) (Lower rate_limit= or",
        ),
        (503, [("Retry-After", "0")], "HTTP 503: slow down"),
        (401, [], "HTTP 401: slow down (Check INWORLD_API_KEY, or api_key=.)"),
        (204, [], "HTTP 204 where 200 with vectors was expected."),
    ],
)
def test_what_a_message_says(status, headers, says):
    assert str(mapped(status, b"slow down", *headers)).startswith(says)


@pytest.mark.parametrize(
    ("location", "host"),
    [
        ("https://login.example/a?token=t", "login.example"),
        ("//user:token@[::1]:8080#token", "[::1]"),
        (f"https://{KEY}.example/", "[redacted].example"),
        *((bad, "no host") for bad in ("http://[::bad/token", "file:///token", "/token", "")),
    ],
)
def test_A16_a_redirect_names_the_host_only(location, host):
    error = mapped(307, b"", ("Location", location))
    assert str(error).startswith(f"HTTP 307 redirect to {host}. ")
    assert "token" not in str(error)


# How long the server asks to wait

SERVER_NOW = datetime(2026, 9, 1, 12, 0, 0, tzinfo=UTC)
DATE = ("Date", "Tue, 01 Sep 2026 12:00:00 GMT")
OUR_NOW = SERVER_NOW.timestamp() + 3600.0  # our clock is an hour fast
IN_2058 = (datetime(2058, 9, 1, 12, tzinfo=UTC) - SERVER_NOW).total_seconds()


def wait(*values, name="Retry-After"):
    return error_mapping.retry_after(response(DATE, *((name, value) for value in values)), (), OUR_NOW)


@pytest.mark.parametrize(
    ("delay", "header", "expected"),
    [("1.5s", None, 1.5), ("bad", "3", 3.0), ("1.5s", "2", 2.0), ("1.5s", "bad", 1.5)],
)
def test_C09_the_longest_of_all_hints(delay, header, expected):
    details = parse_details([{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}])
    headers = [] if header is None else [("retry-after", header)]
    assert error_mapping.retry_after(response(*headers), details, OUR_NOW) == expected


NO_NUMBERS = [
    *("", " ", "-5", "+5", "nan", "inf", "Infinity", "1e9", "10^20", "\u00b2", "0x10", "1_000", "1.", ".5"),
    *("5s", "5 6", "1.2.3", "9" * 400, "soon", ",", "5\x00"),
]


@pytest.mark.parametrize(
    ("expected", "header"),
    [
        (0.0, ["0"]),
        (58.0, ["58"]),
        (7.0, [" 7 "]),
        (1.5, ["1.5"]),
        (1e20, ["100000000000000000000"]),
        (10.0, ["5, 10"]),
        (10.0, ["5", "10"]),
        (5.0, ["bad", "5"]),
        (3.0, ["-5, 3"]),
        (1.0, ["1,5."]),  # a list, as far as HTTP goes, of which one member is valid
        *((None, [bad]) for bad in NO_NUMBERS),
    ],
)
def test_C16_retry_after_as_a_number(expected, header):
    assert wait(*header) == expected


def test_C16_other_digits_are_no_number_and_milliseconds_are_read():
    arabic = error_mapping.Response(429, [(b"retry-after", "\u0663".encode())], b"")
    assert error_mapping.retry_after(arabic, (), OUR_NOW) is None
    assert [wait(value, name="retry-after-ms") for value in ("1500", "nan")] == [1.5, None]


@pytest.mark.parametrize(
    ("seconds", "value"),
    [
        (30.0, "Tue, 01 Sep 2026 12:00:30 GMT"),
        (30.0, "Tuesday, 01-Sep-26 12:00:30 GMT"),
        (30.0, "Tue Sep  1 12:00:30 2026"),
        (30.0, "Tue, 01 Sep 2026 14:00:30 +0200"),
        (0.0, "Tue, 01 Sep 2026 11:59:00 GMT"),
        (0.0, "Sunday, 06-Nov-94 08:49:37 GMT"),
        (IN_2058, "Sun, 01 Sep 2058 12:00:00 GMT"),
        (40.0, "Tue, 01 Sep 2026 12:00:30 GMT, 40"),
        (None, "Tue, 32 Sep 2026 12:00:30 GMT"),
        (None, "Tue, 01 Sep 99999999999 12:00:30 GMT"),
        (None, "Tue, 01 Sep 2026 12:00:30 +9999999999"),
    ],
)
def test_C17_retry_after_as_a_date(seconds, value):
    assert wait(value) == seconds


@pytest.mark.parametrize("date", [[], [("date", "bad")], [("date", "")]])
def test_C17_without_a_server_date_our_clock_is_used(date):
    asked = response(*date, ("retry-after", "Tue, 01 Sep 2026 13:00:30 GMT"))
    assert error_mapping.retry_after(asked, (), OUR_NOW) == 30.0


@pytest.mark.parametrize(
    ("kind", "after", "expected"),
    [("TIMEOUT", 30, 30.0), ("TIMEOUT", -30, 0.0), ("IMMEDIATE", 30, None), ("TIMEOUT", None, None)],
)
def test_a_reconnect_time_is_a_hint_for_timeout_only(kind, after, expected):
    moment = None if after is None else SERVER_NOW + timedelta(seconds=after)
    status = InworldStatus("SESSION_RESOURCES_EXHAUSTED", kind, moment)
    assert error_mapping.retry_after(response(DATE), (status,), OUR_NOW) == expected


# The request's id


@pytest.mark.parametrize(
    ("headers", "details", "expected"),
    [
        ([("x-request-id", "b"), ("X-Inworld-Request-Id", "a")], (RequestInfo("c"),), "a"),
        ([("x-request-id", "b")], (RequestInfo("c"),), "b"),
        ([("x-inworld-request-id", "  ")], ({}, RetryInfo(1.0), RequestInfo("c")), "c"),
        ([("x-request-id", "\x00" * 100_000)], (), r"\x00" * 31 + "\\x0…"),
        ([], (RequestInfo(""),), None),
    ],
)
def test_request_id(headers, details, expected):
    assert error_mapping.request_id(response(*headers), details, Redactor([KEY])) == expected


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([("x-request-id", "b.1_2:3-4"), ("x-inworld-request-id", "a")], "a"),
        ([("x-request-id", "b.1_2:3-4")], "b.1_2:3-4"),
        *(([("x-request-id", bad)], None) for bad in ("", "é", "a b", "a" * 129, f"id-{KEY[4:12]}")),
    ],
)
def test_request_id_of_a_success(headers, expected):
    assert error_mapping.request_id_of_success(response(*headers), Redactor([KEY])) == expected


# Anything at all

REFUSALS = [
    b'{"code":8,"message":"grpc: received message larger than max (5 vs. 4)","details":[]}',
    b'{"error":{"message":"no","details":[{"@type":"x.y/google.rpc.RetryInfo","retryDelay":"1.5s"}]}}',
    b"<html><title>502 Bad Gateway</title></html>",
    b"""{"code":3,"message":"m","details":[
      {"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"inputs[1].text"}]},
      {"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"subject":"s"}]},
      {"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"R","metadata":{"a":"b"}},
      {"@type":"type.googleapis.com/google.rpc.RequestInfo","requestId":"abc"},
      {"@type":"type.googleapis.com/ai.inworld.common.InworldStatus","errorType":4,"reconnectType":"TIMEOUT",
       "reconnectTime":"2025-05-16T02:50:26Z","maxRetries":2}]}""",
]
NAMES = ["retry-after", "retry-after-ms", "date", "x-inworld-request-id", "x-request-id", "location"]
VALUES = (
    st.text(max_size=40)
    | st.sampled_from(["1", "nan", "9" * 20 + ".5", "Wed, 21 Oct 2015 07:28:00 GMT", "https://[bad"])
    | st.text(f"{ascii_letters}{digits}: +-", max_size=40).map("Tue, {}".format)
)


@fuzzed
def test_every_response_becomes_an_error_with_a_short_printable_message_and_a_finite_wait(examples):
    @settings(max_examples=examples)
    @given(
        broken(REFUSALS),
        st.integers(100, 599),
        st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=4),
    )
    def check(body, status, headers):
        error = mapped(status, body, *headers)
        assert isinstance(error, errors.APIError)
        assert str(error).isprintable()
        assert len(str(error)) < 1000
        wait = getattr(error, "retry_after", None)
        assert wait is None or (wait >= 0 and math.isfinite(wait))

    check()
