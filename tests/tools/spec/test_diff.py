"""What the diff says: words, classes, versions and exit codes. How each change is rated is tests/evolution's matter."""

import json
import re

import pytest

from tools import ToolError
from tools.spec import diff
from tools.spec.changes import Change, Impact, markdown, next_version
from tools.spec.wire import wire_changes

BREAKING = Change(Impact.BREAKING, "wire", "POST /a", "is gone")
ADDITIVE = Change(Impact.ADDITIVE, "Python", "A(b)", "is new and optional: int")
COSMETIC = Change(Impact.COSMETIC, "wire", "#/info", "title a → b")


TWO_SPECS = {"openapi": "3.0.0", "paths": {}}, {"openapi": "3.0.0", "paths": {"/a": {}}}


@pytest.mark.parametrize(
    ("version", "cosmetic", "additive", "breaking"),
    [
        ("0.1.4", "0.1.5", "0.1.5", "0.2.0"),
        ("1.2.3", "1.2.4", "1.3.0", "2.0.0"),
        ("1.2.3rc1", "1.2.4", "1.3.0", "2.0.0"),
    ],
)
def test_the_next_version(version, cosmetic, additive, breaking):
    impacts = (Impact.NONE, Impact.COSMETIC, Impact.ADDITIVE, Impact.BREAKING)
    assert [next_version(version, impact) for impact in impacts] == [version, cosmetic, additive, breaking]


def test_the_report_names_the_worst_first_and_proposes_what_follows():
    text = markdown([ADDITIVE, COSMETIC, BREAKING], "0.1.0")
    assert text.startswith("Verdict: breaking\n\nVersion 0.1.0 → 0.2.0\n")
    for impact in (BREAKING, ADDITIVE, COSMETIC):
        words = {"breaking", "additive", "cosmetic"} & set(
            re.findall(r"\w+", markdown([impact], "0.1.0").lower())
        )
        assert words == {str(impact.impact)}
    parts = re.findall("^### (.*)", text, re.MULTILINE)
    assert parts[:4] == ["Breaking, wire", "Additive, Python", "Cosmetic, wire", "Proposed changelog entry"]
    assert (
        "### Changed (breaking)\n\n- API: POST /a: is gone.\n\n### Added\n\n- API: A(b): is new and optional: int.\n"
        in text
    )
    assert "### Changed\n\n- API: descriptions and examples follow" in markdown([COSMETIC], "0.1.0")
    assert markdown([], "0.1.0") == "Verdict: nothing changed\n"


def told(before=None, after=None, **more):
    """A change as redocly tells it."""
    kind = "added" if before is None else "removed" if after is None else "modified"
    path = "#/paths/~1a/post/responses/200/content/application~1json/schema/properties/old"
    sides = {
        "base": {"value": before} if before is not None else {},
        "revision": {"value": after} if after is not None else {},
    }
    return {"path": path, "kind": kind, "impact": "patch", "verdicts": [], **sides, **more}


OWNER, FIELD = "#/paths/~1a/post/responses/200/content/application~1json/schema", {"type": "string"}
NEW = {"path": f"{OWNER}/properties/new", "impact": "minor"}
REQUIRED_OF_OWNER = {"path": OWNER, "property": "required", "impact": "major"}
TOLD = {
    "scalars are shown": ([told("a", 1, property="title")], ["cosmetic /a post responses 200 old: title a → 1"]),
    "a field for another": (
        [told(FIELD, None, impact="major"), told(None, {"type": "integer"}, **NEW), told(["old"], [], **REQUIRED_OF_OWNER)],
        ["breaking /a post responses 200 old: is gone", "additive /a post responses 200 new: is new",
         'breaking /a post responses 200: required ["old"] → []'],
    ),
    "another order": ([told(["a", "b"], ["b", "a"], property="enum")], ['cosmetic /a post responses 200 old: enum ["a", "b"] → ["b", "a"]']),
}  # fmt: skip


@pytest.mark.parametrize(("changes", "said"), TOLD.values(), ids=TOLD)
def test_what_the_diff_tool_reports_is_told_in_words(redocly, changes, said):
    redocly(json.dumps({"changes": changes}))
    found = wire_changes(*TWO_SPECS)
    assert sorted(f"{change.impact} {change}" for change in found) == sorted(said)


def test_what_the_diff_tool_says_nothing_of_is_breaking(redocly):
    redocly('{"changes": []}')
    (change,) = wire_changes(*TWO_SPECS)
    assert (change.impact, "read both" in change.text) == (Impact.BREAKING, True)
    address = {"servers": [{"url": "https://b"}]}
    (change,) = wire_changes(TWO_SPECS[0] | {"servers": [{"url": "https://a"}]}, TWO_SPECS[0] | address)
    assert (change.impact, change.place) == (Impact.BREAKING, "#/servers/0")
    assert change.text.endswith("https://a → https://b")


@pytest.mark.parametrize("text", ["", "<html>", '{"changes": 1', "[]", "{}"])
def test_a_diff_tool_that_fails_is_no_verdict(redocly, text):
    redocly(text, 1)
    with pytest.raises(ToolError, match="redocly diff failed"):
        wire_changes(*TWO_SPECS)


def test_a_spec_with_a_dangling_reference_is_no_verdict(root, tmp_path, capsys):
    new = tmp_path / "new.yaml"
    text = (root / "openapi.yaml").read_text("utf-8")
    told = "description: Simple example with a single text input"
    assert told in text
    new.write_text(text.replace(told, "$ref: '#/components/examples/nope'"), "utf-8")
    assert diff.main([str(root / "openapi.yaml"), str(new)]) == 2
    assert (
        "examples/single_text: refers to #/components/examples/nope, which is not in the document"
        in capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("change", "options", "code"),
    [
        (COSMETIC, [], 0),
        (COSMETIC, ["--fail-on", "cosmetic"], 3),
        (ADDITIVE, [], 4),
        (ADDITIVE, ["--fail-on", "breaking"], 0),
        (BREAKING, ["--fail-on", "breaking"], 5),
    ],
)
def test_exit_codes(change, options, code, root, monkeypatch):
    monkeypatch.setattr(diff, "compare", lambda *_: [change])
    spec = str(root / "openapi.yaml")
    assert diff.main([spec, spec, *options]) == code


def test_old_may_be_a_page_or_a_revision(root, page, tmp_path, commit):
    (tmp_path / "openapi.yaml").write_text("openapi: 3.0.0\npaths: {}\n")
    commit(tmp_path)
    assert diff.spec_text("HEAD", tmp_path) == "openapi: 3.0.0\npaths: {}\n"
    assert diff.spec_text(str(page), tmp_path) == (root / "openapi.yaml").read_text("utf-8")
    for name in ("nowhere", "--output=x"):
        with pytest.raises(ToolError, match="no git revision"):
            diff.spec_text(name, tmp_path)
