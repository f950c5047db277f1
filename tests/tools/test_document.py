"""YAML 1.2 as every reader should understand it, and back."""

import math

import pytest

from _document import DocumentError, ambiguities, dump, lines, load

SCALARS = {
    "on": "on", "no": "no", "Yes": "Yes", "off": "off", "y": "y", "true": True, "False": False,
    "2024-01-01": "2024-01-01", "2024-01-01T00:00:00Z": "2024-01-01T00:00:00Z", "1:30": "1:30", "1:30.5": "1:30.5",
    "010": 10, "0o10": 8, "0x1F": 31, "0b11": "0b11", "1_000": "1_000", "+1": 1, "-1": -1,
    "1e-7": 1e-7, "1.": 1.0, ".5": 0.5, "1e3": 1000.0, "1.5e+3": 1500.0,
    "~": None, "null": None, "": None, "Null": None, "nULL": "nULL", "=": "=", "'1'": "1", '"on"': "on", "!!str 1": "1",
    "1.2.3": "1.2.3", "3.0.0": "3.0.0", "0123456789": 123456789,
}  # fmt: skip


@pytest.mark.parametrize(("text", "value"), SCALARS.items())
def test_scalars_are_those_of_yaml_1_2(text, value):
    read = load(f"a: {text}\n")["a"]
    assert read == value
    assert type(read) is type(value)


def test_keys_are_text():
    assert load("on: 1\nno: 2\n200: 3\n2024-01-01: 4\n010: 5\n1:30: 6\n") == {
        "on": 1, "no": 2, "200": 3, "2024-01-01": 4, "010": 5, "1:30": 6,
    }  # fmt: skip


@pytest.mark.parametrize("key", ["null", "true", "1.5", "[a]", "~", "<<"])
def test_other_keys_are_refused(key):
    with pytest.raises(DocumentError, match="line 1: a key that is no text"):
        load(f"{key}: 1\n")


@pytest.mark.parametrize(
    "text",
    [".inf", ".nan", "1e999", "!!set {a}", "!!binary aGk=", "!!timestamp 2024-01-01", "!x 1", "&a [*a]"],
)
def test_what_json_cannot_carry_is_refused(text):
    with pytest.raises(DocumentError):
        load(f"a: {text}\n")


def test_another_yaml_than_1_2_is_refused():
    assert load("%YAML 1.2\n---\na: on\n") == {"a": "on"}
    with pytest.raises(DocumentError, match=r"1\.2"):
        load("%YAML 1.1\n---\na: on\n")


def test_aliases_are_allowed_in_moderation():
    assert load("a: &x {b: [1]}\nc: *x\n") == {"a": {"b": [1]}, "c": {"b": [1]}}


def test_ambiguous_values_are_named_with_their_line():
    assert ambiguities("a:\n  - on\n  - 'on'\nb: 010\nc: text\n") == [
        "line 2: on at #/a/0 is text; YAML 1.1 would read true or false",
    ]
    assert ambiguities("d: 2024-01-01\n") == [
        "line 1: 2024-01-01 at #/d is text; YAML 1.1 would read a timestamp"
    ]


AWKWARD = [
    "on",
    "no",
    "1:30",
    "2024-01-01",
    "010",
    "0o10",
    "1e-7",
    "1_000",
    "=",
    "<<",
    "~",
    "",
    " x ",
    "a\nb",
    "é",
    "&a",
]


@pytest.mark.parametrize("value", [*AWKWARD, 1e-7, 1e21, 0.1, 10, True, None, [], {}, math.pi, -0.0])
def test_what_is_written_reads_back_in_both_versions(value):
    import yaml

    text = dump({"a": [value, value], "b": {str(value): value}})
    assert load(text) == yaml.safe_load(text) == {"a": [value, value], "b": {str(value): value}}
    assert "&" not in text or value == "&a"


def test_lines_are_those_of_the_values():
    assert lines("a: 1\nb/c:\n  - 1\n  - x: 2\n")["#/b~1c/1/x"] == 4
