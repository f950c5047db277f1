"""The details of an error body: google.rpc's types and Inworld's, and times as servers write them."""

from datetime import UTC, datetime

import pytest

from inworld_embeddings import details

GOOGLE = "type.googleapis.com/google.rpc."
INWORLD = "type.googleapis.com/ai.inworld.common.InworldStatus"


def one(type_url, **members):
    (detail,) = details.parse_details([{"@type": type_url, **members}])
    return detail


NO_DELAYS = [
    *("", "s", "1", "1.s", ".5s", "-1s", "1e3s", "nans", "1_0s", "\u0663s", "1 s", "1s\n", "9" * 1000 + "s"),
    *(None, 5, True),
]


def test_C09_a_delay_is_in_seconds_and_a_malformed_one_none():
    delays = {"58s": 58.0, "1.5s": 1.5, "0.000000001s": 1e-9, "315576000000s": 315576000000.0}
    expected = delays | dict.fromkeys(NO_DELAYS)
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
    wrong = (None, 5, "", "2025", "2025-13-40T00:00:00Z", "9999-12-31T23:59:59-10:00")
    expected = times | dict.fromkeys((*wrong, "2025-05-16T02:50:26Z" + " " * 1000))
    times = {text: one(INWORLD, reconnectTime=text).reconnect_time for text in expected}
    assert times == expected
    assert {time.tzinfo for time in times.values() if time} == {UTC}
