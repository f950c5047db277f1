"""What a status, a body and the headers of an error response come to."""

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inworld_embeddings import _error_mapping as error_mapping
from inworld_embeddings import details, errors
from inworld_embeddings._redaction import Redactor
from inworld_embeddings.details import InworldStatus, RequestInfo, RetryInfo
from support.broken import broken, fuzzed

KEY = "wZ9xT4rLq7Vb2NcsDf"
REDACTOR = Redactor([KEY])


def response(*headers, status=200, body=b""):
    raw = [(name.encode(), value.encode("latin-1", "replace")) for name, value in headers]
    return error_mapping.Response(status, raw, body)


def mapped(status, body=b"", *headers):
    given = response(*headers, status=status, body=body)
    return error_mapping.status_error(given, now=0.0, redactor=REDACTOR)


@pytest.mark.parametrize(
    ("body", "code", "says"),
    [
        (b'{"code":16,"message":"authentication is required"}', 16, "authentication is required"),
        (b'{"error":{"code":5,"message":"Not Found","details":[]}}', 5, "Not Found"),
        (b'{"code":"13","message":"m","details":null}', None, "m"),
        (b'{"code":5,"message":"Not Found"}' + b" " * 1_000_000, 5, "Not Found"),
        (b" " * 65_536 + b'{"code":5,"message":"Not Found"}', None, "no message"),
        (b'{"code":3,"message":"m","details":[' + b'{"a":' * 200_000, None, '{"code":3,"message":"m",'),
        (b'{"code":' + b"9" * 60_000 + b"}", None, '{"code":999'),
    ],
    ids=range(7),
)
def test_C13_a_body_gives_code_and_message_or_an_excerpt(body, code, says):
    error = mapped(502, body)
    assert (type(error), error.code, len(str(error)) <= 510) == (errors.InternalServerError, code, True)
    assert str(error).startswith(f"HTTP 502: {says}")


def test_C10_message_too_large():
    expected = {
        "Received message larger than max (5242880 vs 4194304) from upstream": (5242880, 4194304),
        "grpc: received message after decompression larger than max 4194304": (4194305, 4194304),
        "received message larger than max (3 vs. 4)": (5, 4),  # a size is always over its limit
        "received message larger than max (\u0665 vs. \u0664)": None,
        "the price is larger than max (5 vs. 4)": None,
    }
    assert {message: error_mapping.received_too_large(message) for message in expected} == expected


REDIRECTS = {
    "https://login.example/a?token=t": "login.example",
    "//user:token@[::1]:8080#token": "[::1]",
    f"https://{KEY}.example/": "[redacted].example",
    **dict.fromkeys(("http://[::bad/token", "file:///token", "/token", ""), "no host"),
}


def test_A16_a_redirect_names_the_host_only():
    for location, host in REDIRECTS.items():
        error = mapped(307, b"", ("Location", location))
        assert str(error).startswith(f"HTTP 307 redirect to {host}. ")
        assert "token" not in str(error)


# How long the server asks to wait

SERVER_NOW = datetime(2026, 9, 1, 12, 0, 0, tzinfo=UTC)
DATE = ("Date", "Tue, 01 Sep 2026 12:00:00 GMT")
OUR_NOW = SERVER_NOW.timestamp() + 3600.0  # our clock is an hour fast


def wait(*values, name="Retry-After", date=DATE, details=()):
    asked = response(date, *((name, value) for value in values))
    return error_mapping.retry_after(asked, details, OUR_NOW)


NO_NUMBERS = [
    *("", " ", "-5", "+5", "nan", "inf", "1e9", "10^20", "0x10", "1_000", "1.", ".5", "5s", "5 6", "1.2.3"),
    *("9" * 400, "soon", ",", "5\x00", "\u00b2", "\u0663".encode().decode("latin-1")),
]
# Of "1,5." one member is valid: it is a list, as far as HTTP goes.
NUMBERS = {"0": 0.0, " 7 ": 7.0, "1.5": 1.5, "1" + 20 * "0": 1e20, "5, 10": 10.0, "-5, 3": 3.0, "1,5.": 1.0}


def test_C16_retry_after_as_a_number():
    expected = NUMBERS | dict.fromkeys(NO_NUMBERS)
    assert {value: wait(value) for value in expected} == expected
    assert wait("5", "bad", "10") == 10.0, "two headers"
    assert [wait(value, name="retry-after-ms") for value in ("1500", "nan")] == [1.5, None]
    assert "(the server asks to wait 12 s) (Lower rate" in str(mapped(429, b"", ("Retry-After", "12")))


DATES = {
    "Tue, 01 Sep 2026 12:00:30 GMT": 30.0,
    "Tuesday, 01-Sep-26 12:00:30 GMT": 30.0,
    "Tue Sep  1 12:00:30 2026": 30.0,
    "Tue, 01 Sep 2026 11:59:00 GMT": 0.0,
    "Sun, 01 Sep 2058 12:00:00 GMT": (datetime(2058, 9, 1, 12, tzinfo=UTC) - SERVER_NOW).total_seconds(),
    "Tue, 01 Sep 2026 12:00:30 GMT, 40": 40.0,
    "Tue, 32 Sep 2026 12:00:30 GMT": None,
    "Tue, 01 Sep 2026 12:00:30 +9999999999": None,
}


def test_C17_retry_after_as_a_date():
    assert {value: wait(value) for value in DATES} == DATES
    assert wait("Tue, 01 Sep 2026 13:00:30 GMT", date=("Date", "bad")) == 30.0, "by our clock"


def test_C09_the_longest_of_all_hints():
    soon, past = SERVER_NOW + timedelta(seconds=30), SERVER_NOW - timedelta(seconds=30)
    for expected, header, detail in (
        (2.0, "2", RetryInfo(1.5)),
        (1.5, "bad", RetryInfo(1.5)),
        (3.0, "3", RetryInfo(None)),
        (30.0, "", InworldStatus("", "TIMEOUT", soon)),
        (0.0, "", InworldStatus("", "TIMEOUT", past)),
        (None, "", InworldStatus("", "IMMEDIATE", soon)),
        (None, "", InworldStatus("", "TIMEOUT", None)),
    ):
        assert wait(header, details=[detail]) == expected


# The request's id


def test_request_id_of_an_error_and_of_a_success():
    for headers, of_error, of_success in (
        ([("x-request-id", "b"), ("X-Inworld-Request-Id", "a")], "a", "a"),
        ([("x-inworld-request-id", "  ")], "of a detail", None),
        ([("x-request-id", "\x00" * 100_000)], r"\x00" * 31 + "\\x0…", None),
        ([("x-request-id", f"id-{KEY[4:12]}")], "id-[redacted]", None),
    ):
        headed = response(*headers)
        assert error_mapping.request_id(headed, ({}, RequestInfo("of a detail")), REDACTOR) == of_error
        assert error_mapping.request_id_of_success(headed, REDACTOR) == of_success


# The details: google.rpc's types and Inworld's

GOOGLE = "type.googleapis.com/google.rpc."
INWORLD = "type.googleapis.com/ai.inworld.common.InworldStatus"


def one(type_url, **members):
    (detail,) = details.parse_details([{"@type": type_url, **members}])
    return detail


def test_C09_a_delay_is_in_seconds_and_a_malformed_one_none():
    delays = {"58s": 58.0, "1.5s": 1.5, "0.000000001s": 1e-9, "315576000000s": 315576000000.0}
    wrong = "s", "1", "1.s", ".5s", "-1s", "1e3s", "nans", "1_0s", "\u0663s", "1 s", "1s\n", "9" * 1000 + "s"
    expected = delays | dict.fromkeys([*wrong, "", None, 5, True])
    assert {delay: one(GOOGLE + "RetryInfo", retryDelay=delay).retry_delay for delay in expected} == expected


def test_known_types():
    info = one(GOOGLE + "ErrorInfo", reason="R", domain="D", metadata={"a": "b"})
    assert info == details.ErrorInfo("R", "D", {"a": "b"})
    assert one(GOOGLE + "RequestInfo", request_id="abc", servingData="x") == details.RequestInfo("abc")
    quota = one(GOOGLE + "QuotaFailure", violations=[{"subject": "project:1", "description": "50/s"}, "bad"])
    assert quota == details.QuotaFailure((details.QuotaViolation("project:1", "50/s"),))
    as_seen = {"reconnectType": "NO_RETRY", "reconnectTime": None, "maxRetries": 0}
    status = one(INWORLD, errorType="SESSION_TOKEN_INVALID", **as_seen)
    assert status == details.InworldStatus("SESSION_TOKEN_INVALID", "NO_RETRY", None, 0)


POINTING = {
    3: ["inputs[3].text", "inputs.3", "/inputs/3/text", "EmbedRequest.Inputs[3].Text", "input[3]"],
    None: ["inputs", "inputs[-1]", "inputs[\u0663]", "my_inputs[3]", "outputs[3]", f"inputs[{'9' * 40}]", 3],
}


@pytest.mark.parametrize("index", POINTING)
def test_the_input_that_a_violation_points_to(index):
    raw = [{"field": field, "description": "bad"} for field in POINTING[index]]
    named = [field if isinstance(field, str) else "" for field in POINTING[index]]
    violations = [details.FieldViolation(field, "bad", index) for field in named]
    assert one(GOOGLE + "BadRequest", fieldViolations=raw) == details.BadRequest(tuple(violations))


def test_inworlds_enums_are_names_or_numbers_and_its_count_an_integer():
    errors = dict(enumerate(details.ERROR_TYPES)) | {99: "99", None: "", "NEW_ONE": "NEW_ONE"}
    assert {value: one(INWORLD, errorType=value).error_type for value in errors} == errors
    reconnects = {1: "NO_RETRY", 4: "4", "NEW_ONE": "NEW_ONE", None: "UNDEFINED"}
    assert {value: one(INWORLD, reconnectType=value).reconnect_type for value in reconnects} == reconnects
    counts = [(2, 2), (True, 0), ("3", 0), (1.5, 0), (2**40, 0)]
    assert [(given, one(INWORLD, maxRetries=given).max_retries) for given, _ in counts] == counts


def test_inworlds_reconnect_time_is_in_utc():
    moment = datetime(2025, 5, 16, 2, 50, 26, tzinfo=UTC)
    times = {"2025-05-16T02:50:26.123456789Z": moment.replace(microsecond=123456)}
    times |= dict.fromkeys(("2025-05-16T04:50:26+02:00", "2025-05-16T02:50:26"), moment)
    wrong = None, 5, "2025", "9999-12-31T23:59:59-10:00", "2025-05-16T02:50:26Z" + " " * 1000
    times |= dict.fromkeys(wrong)
    told = {text: one(INWORLD, reconnectTime=text).reconnect_time for text in times}
    assert told == times
    assert {time.tzinfo for time in told.values() if time} == {UTC}


# Anything at all

BODIES = [
    b'{"error":{"message":"no","details":[{"@type":"x.y/google.rpc.RetryInfo","retryDelay":"1.5s"}]}}',
    b"<html><title>502 Bad Gateway</title></html>",
    b"""{"code":8,"message":"grpc: received message larger than max (5 vs. 4)","details":[
      {"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"inputs[1].text"}]},
      {"@type":"type.googleapis.com/ai.inworld.common.InworldStatus","reconnectTime":"2025-05-16T02:50:26Z"}]}""",
]
NAMES = st.sampled_from(["retry-after", "retry-after-ms", "date", "x-request-id", "location"])
VALUES = st.text(max_size=40) | st.sampled_from([*NUMBERS, *DATES, *REDIRECTS])


@fuzzed
def test_every_response_becomes_an_error_with_a_short_printable_message_and_a_finite_wait(examples):
    @settings(max_examples=examples)
    @given(broken(BODIES), st.integers(100, 599), st.lists(st.tuples(NAMES, VALUES), max_size=4))
    def check(body, status, headers):
        error = mapped(status, body, *headers)
        assert str(error).isprintable()
        assert len(str(error)) < 1000
        assert 0 <= (getattr(error, "retry_after", None) or 0) < math.inf

    check()
