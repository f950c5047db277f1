"""YAML 1.2 as every reader should understand it, and nothing that readers disagree about."""

from itertools import pairwise

import pytest

from tools import ToolError
from tools.spec.document import load

SCALARS = {
    "on": "on", "Yes": "Yes", "true": True, "1:30": "1:30", "010": 10, "1e-7": 1e-7, "~": None, "3.0.0": "3.0.0",
    "2024-01-01": "2024-01-01", "2024-01-01T00:00:00Z": "2024-01-01T00:00:00Z", "=": "=", "!!str 1": "1",
}  # fmt: skip


@pytest.mark.parametrize(("text", "value"), SCALARS.items())
def test_scalars_are_those_of_yaml_1_2(text, value):
    read = load(f"a: {text}\n")["a"]
    assert read == value
    assert type(read) is type(value)


REFUSED = {
    ".inf": "JSON", "!!set {a}": "JSON", "!!python/object:os.system {}": "tag", "&a [*a]": "Circular", "[1": "not readable",
    "{b: 1, b: 2}": "duplicate key", "{1: 1, '1': 2}": "stands twice", "{<<: 1}": "merging", "[\n " * 2000 + "]" * 2000: "deep",
}  # fmt: skip


@pytest.mark.parametrize(("text", "said"), REFUSED.items(), ids=[text[:20] for text in REFUSED])
def test_what_readers_disagree_about_is_refused(text, said):
    with pytest.raises(ToolError, match=said):
        load(f"a: {text}\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("a: 1\n---\nb: 1\n", "single document"),
        (
            "a: &a [x]\n" + "".join(f"{b}: &{b} [{f'*{a},' * 100}]\n" for a, b in pairwise("abcdef")),
            "aliases make it longer",
        ),
        ("%YAML 1.1\n---\na: on\n", r"1\.2"),
        ('{"a": "\\ud800"}', "surrogates"),
    ],
    ids=range(5),
)
def test_whole_documents_are_refused(text, said):
    with pytest.raises(ToolError, match=said):
        load(text)


def test_aliases_are_written_out():
    assert load("a: &x {b: 1}\nc: *x\nd: {<<: *x, e: 2}\n") == {
        "a": {"b": 1},
        "c": {"b": 1},
        "d": {"b": 1, "e": 2},
    }
