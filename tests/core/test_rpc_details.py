from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inworld_embeddings._core.rpc_details import (
    ERROR_TYPES,
    BadRequest,
    ErrorInfo,
    FieldViolation,
    InworldStatus,
    QuotaFailure,
    QuotaViolation,
    RequestInfo,
    RetryInfo,
    input_index,
    parse_details,
)

GOOGLE = "type.googleapis.com/google.rpc."
INWORLD = "type.googleapis.com/ai.inworld.common.InworldStatus"


def one(type_url, **members):
    (detail,) = parse_details([{"@type": type_url, **members}])
    return detail


@pytest.mark.parametrize(
    ("delay", "seconds"),
    [
        ("58s", 58.0),
        ("1.5s", 1.5),
        ("0s", 0.0),
        ("0.000000001s", 1e-9),
        ("315576000000s", 315576000000.0),
        *[
            (bad, None)
            for bad in (
                "",
                "s",
                "1",
                "1.s",
                ".5s",
                "-1s",
                "1e3s",
                "nans",
                "infs",
                "1_0s",
                "\u0663s",
                "1 s",
                "1s\n",
            )
        ],
        *[(bad, None) for bad in (None, 5, 1.5, True, [], {"seconds": 1}, "9" * 1000 + "s")],
    ],
)
def test_c09_retry_info(delay, seconds):
    assert one(GOOGLE + "RetryInfo", retryDelay=delay) == RetryInfo(seconds)


def test_known_types():
    assert one(GOOGLE + "ErrorInfo", reason="R", domain="D", metadata={"a": "b"}) == ErrorInfo(
        "R", "D", {"a": "b"}
    )
    assert one(GOOGLE + "RequestInfo", requestId="abc", servingData="x") == RequestInfo("abc")
    violations = [{"subject": "project:1", "description": "50/s"}, "bad", {"subject": 3}]
    expected = QuotaFailure((QuotaViolation("project:1", "50/s"), QuotaViolation()))
    assert one(GOOGLE + "QuotaFailure", violations=violations) == expected


def test_snake_case_members_are_read_too():
    assert one(GOOGLE + "RetryInfo", retry_delay="2s") == RetryInfo(2.0)
    assert one(INWORLD, error_type=4, max_retries=2) == InworldStatus("ACCOUNT_DISABLED", max_retries=2)


def test_field_violations():
    detail = one(
        GOOGLE + "BadRequest",
        fieldViolations=[
            {"field": "inputs[3].text", "description": "too long"},
            {"field": "model"},
            None,
            {"field": 1},
        ],
    )
    expected = FieldViolation("inputs[3].text", "too long", 3), FieldViolation("model"), FieldViolation()
    assert detail == BadRequest(expected)


@pytest.mark.parametrize(
    ("field", "index"),
    [
        ("inputs[3].text", 3),
        ("inputs[3]", 3),
        ("inputs.3", 3),
        ("inputs.3.text", 3),
        ("inputs/3/text", 3),
        ("/inputs/3/text", 3),
        ("$.inputs[12].text", 12),
        ("body.inputs[0].text", 0),
        ("EmbedRequest.Inputs[7].Text", 7),
        ("input[2]", 2),
        ("inputs", None),
        ("inputs[]", None),
        ("inputs[-1]", None),
        ("inputs[\u0663]", None),
        ("inputs[x]", None),
        ("my_inputs[3]", None),
        ("inputs3", None),
        ("outputs[3]", None),
        ("inputs[" + "9" * 40 + "]", None),
        ("", None),
    ],
)
def test_input_index(field, index):
    assert input_index(field) == index


def test_inworld_status_as_seen():
    detail = one(
        INWORLD, errorType="SESSION_TOKEN_INVALID", reconnectType="NO_RETRY", reconnectTime=None, maxRetries=0
    )
    assert detail == InworldStatus("SESSION_TOKEN_INVALID", "NO_RETRY", None, 0)


@pytest.mark.parametrize(
    ("number", "name"), [*enumerate(ERROR_TYPES), (99, "99"), (-1, "-1"), (True, ""), (1e300, "")]
)
def test_inworld_error_type_as_number(number, name):
    assert one(INWORLD, errorType=number).error_type == name


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (0, "UNDEFINED"),
        (1, "NO_RETRY"),
        (2, "IMMEDIATE"),
        (3, "TIMEOUT"),
        (4, "4"),
        ("TIMEOUT", "TIMEOUT"),
        ("NEW_ONE", "NEW_ONE"),
        (None, "UNDEFINED"),
        ([], "UNDEFINED"),
    ],
)
def test_inworld_reconnect_type(value, name):
    assert one(INWORLD, reconnectType=value).reconnect_type == name


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2025-05-16T02:50:26Z", datetime(2025, 5, 16, 2, 50, 26, tzinfo=UTC)),
        ("2025-05-16T02:50:26.123456789Z", datetime(2025, 5, 16, 2, 50, 26, 123456, tzinfo=UTC)),
        ("2025-05-16T04:50:26+02:00", datetime(2025, 5, 16, 2, 50, 26, tzinfo=UTC)),
        ("2025-05-16T02:50:26", datetime(2025, 5, 16, 2, 50, 26, tzinfo=UTC)),
        *[
            (bad, None)
            for bad in (
                None,
                5,
                "",
                "soon",
                "2025",
                "2025-13-40T00:00:00Z",
                "\u0662\u0660\u0662\u0665-05-16T02:50:26Z",
            )
        ],
        ("9999-12-31T23:59:59-10:00", None),
        ("2025-05-16T02:50:26Z" + " " * 1000, None),
    ],
)
def test_inworld_reconnect_time(text, moment):
    parsed = one(INWORLD, reconnectTime=text).reconnect_time
    assert parsed == moment
    assert parsed is None or parsed.tzinfo is UTC


@pytest.mark.parametrize("retries", [None, "3", 1.5, True, 2**40, []])
def test_inworld_max_retries_is_an_integer(retries):
    assert one(INWORLD, maxRetries=retries).max_retries == 0


def test_unknown_types_stay_dicts():
    unknown = [{"@type": GOOGLE + "Help", "links": []}, {"@type": "other.RetryInfo"}, {"@type": 5}, {}]
    assert parse_details(unknown) == tuple(unknown)


@pytest.mark.parametrize("value", [None, 0, "x", {}, {"@type": "a"}, True, [None, 1, "x", [], True]])
def test_what_is_no_list_of_objects_is_nothing(value):
    assert parse_details(value) == ()


TYPES = [
    GOOGLE + name for name in ("RetryInfo", "ErrorInfo", "BadRequest", "QuotaFailure", "RequestInfo", "Help")
]
NAMES = [
    "retryDelay",
    "reason",
    "metadata",
    "fieldViolations",
    "violations",
    "requestId",
    "errorType",
    "reconnectTime",
    "field",
]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=5) | st.sampled_from(NAMES), inner, max_size=4)
        | st.builds(
            lambda t, d: {"@type": t, **d},
            st.sampled_from([*TYPES, INWORLD]),
            st.dictionaries(st.sampled_from(NAMES), inner),
        )
    ),
    max_leaves=20,
)


@settings(derandomize=True, max_examples=300, deadline=None)
@given(json_values)
def test_no_json_value_raises(value):
    assert isinstance(parse_details(value), tuple)
    assert len(parse_details([value])) == isinstance(value, dict)
