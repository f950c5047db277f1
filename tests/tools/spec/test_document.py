"""YAML 1.2 as every reader should understand it, and nothing that readers disagree about."""

from itertools import pairwise

import pytest

from tools import ToolError
from tools.spec.document import load

SCALARS = {
    "on": "on", "Yes": "Yes", "true": True, "1:30": "1:30", "010": 10, "1e-7": 1e-7, "~": None, "3.0.0": "3.0.0",
    "2024-01-01": "2024-01-01", "=": "=", "!!str 1": "1",
}  # fmt: skip
LONG = "".join(f"{b}: &{b} [{f'*{a},' * 100}]\n" for a, b in pairwise("abcdef"))
REFUSED = {
    "a: .inf": "JSON", "a: !!set {a}": "JSON", "a: !!python/object:os.system {}": "tag", "a: &a [*a]": "Circular",
    "a: [1": "not readable", "a: {b: 1, b: 2}": "duplicate key", "a: {1: 1, '1': 2}": "stands twice", "a: {<<: 1}": "merging",
    "": "empty", "a: 1\n---\nb: 1\n": "single document", "%YAML 1.1\n---\na: on\n": r"1\.2", '{"a": "\\ud800"}': "surrogates",
    f"a: &a [x]\n{LONG}": "aliases make it longer", "a: " + "[\n " * 2000 + "]" * 2000: "deep",
}  # fmt: skip


def test_scalars_are_those_of_yaml_1_2_and_aliases_are_written_out():
    for text, value in SCALARS.items():
        read = load(f"a: {text}\n")["a"]
        assert (type(read), read) == (type(value), value)
    assert load("a: &x {b: 1}\nc: {<<: *x, e: 2}\n") == {"a": {"b": 1}, "c": {"b": 1, "e": 2}}


@pytest.mark.parametrize(("text", "said"), REFUSED.items(), ids=[text[:20] for text in REFUSED])
def test_what_readers_disagree_about_is_refused(text, said):
    with pytest.raises(ToolError, match=said):
        load(text)
