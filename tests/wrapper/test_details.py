"""The details of an error body: google.rpc's types and Inworld's, and times as servers write them."""

from datetime import UTC, datetime

import pytest

from inworld_embeddings import details

GOOGLE = "type.googleapis.com/google.rpc."
INWORLD = "type.googleapis.com/ai.inworld.common.InworldStatus"
MOMENT = datetime(2025, 5, 16, 2, 50, 26, tzinfo=UTC)


def one(type_url, **members):
    (detail,) = details.parse_details([{"@type": type_url, **members}])
    return detail


GOOD_DELAYS = {"58s": 58.0, "1.5s": 1.5, "0s": 0.0, "0.000000001s": 1e-9, "315576000000s": 315576000000.0}
BAD_DELAYS = [
    *("", "s", "1", "1.s", ".5s", "-1s", "1e3s", "nans", "infs", "1_0s", "\u0663s", "1 s", "1s\n"),
    *(None, 5, 1.5, True, [], {"seconds": 1}, "9" * 1000 + "s"),
]


@pytest.mark.parametrize(("delay", "seconds"), [*GOOD_DELAYS.items(), *((bad, None) for bad in BAD_DELAYS)])
def test_C09_a_delay_is_in_seconds_and_a_malformed_one_none(delay, seconds):
    assert one(GOOGLE + "RetryInfo", retryDelay=delay) == details.RetryInfo(seconds)


def test_known_types():
    info = one(GOOGLE + "ErrorInfo", reason="R", domain="D", metadata={"a": "b"})
    assert info == details.ErrorInfo("R", "D", {"a": "b"})
    assert one(GOOGLE + "RequestInfo", requestId="abc", servingData="x") == details.RequestInfo("abc")
    violations = [{"subject": "project:1", "description": "50/s"}, "bad", {"subject": 3}]
    expected = details.QuotaFailure((details.QuotaViolation("project:1", "50/s"), details.QuotaViolation()))
    assert one(GOOGLE + "QuotaFailure", violations=violations) == expected
    raw = [{"field": "inputs[3].text", "description": "too long"}, {"field": "model"}, None, {"field": 1}]
    violations = (
        details.FieldViolation("inputs[3].text", "too long", 3),
        details.FieldViolation("model"),
        details.FieldViolation(),
    )
    assert one(GOOGLE + "BadRequest", fieldViolations=raw) == details.BadRequest(violations)
    as_seen = {"reconnectType": "NO_RETRY", "reconnectTime": None, "maxRetries": 0}
    status = details.InworldStatus("SESSION_TOKEN_INVALID", "NO_RETRY", None, 0)
    assert one(INWORLD, errorType="SESSION_TOKEN_INVALID", **as_seen) == status


POINTING = {
    3: ["inputs[3].text", "inputs.3", "/inputs/3/text", "EmbedRequest.Inputs[3].Text", "input[3]"],
    None: ["inputs", "inputs[-1]", "inputs[\u0663]", "my_inputs[3]", "outputs[3]", f"inputs[{'9' * 40}]"],
}


@pytest.mark.parametrize("index", POINTING)
def test_the_input_that_a_violation_points_to(index):
    detail = one(GOOGLE + "BadRequest", fieldViolations=[{"field": field} for field in POINTING[index]])
    assert {violation.input_index for violation in detail.field_violations} == {index}


def test_inworlds_enums_are_names_or_numbers_and_its_count_an_integer():
    numbers = [*range(8), 99, True]
    assert [one(INWORLD, errorType=number).error_type for number in numbers] == [
        *details.ERROR_TYPES,
        "99",
        "",
    ]
    values = {1: "NO_RETRY", 4: "4", "NEW_ONE": "NEW_ONE", None: "UNDEFINED"}
    assert {value: one(INWORLD, reconnectType=value).reconnect_type for value in values} == values
    assert [one(INWORLD, maxRetries=bad).max_retries for bad in (None, "3", 1.5, 2**40)] == [0] * 4


BAD_TIMES = [
    *(None, 5, "", "soon", "2025", "2025-13-40T00:00:00Z", "\u0662\u0660\u0662\u0665-05-16T02:50:26Z"),
    *("9999-12-31T23:59:59-10:00", "2025-05-16T02:50:26Z" + " " * 1000),
]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2025-05-16T02:50:26Z", MOMENT),
        ("2025-05-16T02:50:26.123456789Z", MOMENT.replace(microsecond=123456)),
        ("2025-05-16T04:50:26+02:00", MOMENT),
        ("2025-05-16T02:50:26", MOMENT),
        *((bad, None) for bad in BAD_TIMES),
    ],
)
def test_inworlds_reconnect_time(text, moment):
    parsed = one(INWORLD, reconnectTime=text).reconnect_time
    assert parsed == moment
    assert parsed is None or parsed.tzinfo is UTC
