"""The diff: classes, versions and exit codes. What each change is called and rated is tests/evolution's matter."""

import re
import subprocess

import pytest

from support.programs import ROOT, commit
from tools import ToolError
from tools.spec import diff, wire
from tools.spec.changes import Change, Impact, markdown, next_version

BREAKING = Change(Impact.BREAKING, "wire", "POST /a", "is gone")
ADDITIVE = Change(Impact.ADDITIVE, "Python", "A(b)", "is new and optional: int")
COSMETIC = Change(Impact.COSMETIC, "wire", "#/info", "title a → b")


TWO_SPECS = {"openapi": "3.0.0", "paths": {}}, {"openapi": "3.0.0", "paths": {"/a": {}}}
NEXT = {
    "0.1.4": ["0.1.4", "0.1.5", "0.1.5", "0.2.0"],
    "1.2.3": ["1.2.3", "1.2.4", "1.3.0", "2.0.0"],
}


@pytest.mark.parametrize("version", NEXT)
def test_the_next_version(version):
    impacts = (Impact.NONE, Impact.COSMETIC, Impact.ADDITIVE, Impact.BREAKING)
    assert [next_version(version, impact) for impact in impacts] == NEXT[version]


def test_the_report_names_the_worst_first_and_proposes_what_follows():
    text = markdown([ADDITIVE, COSMETIC, BREAKING], "0.1.0")
    assert text.startswith("Verdict: breaking\n\nVersion 0.1.0 → 0.2.0\n")
    parts = re.findall("^### (.*)", text, re.MULTILINE)
    assert parts[:4] == ["Breaking, wire", "Additive, Python", "Cosmetic, wire", "Proposed changelog entry"]
    assert "### Changed (breaking)\n\n- API: POST /a: is gone.\n\n### Added\n\n- API: A(b): is new" in text
    assert "### Changed\n\n- API: descriptions and examples follow" in markdown([COSMETIC], "0.1.0")
    assert markdown([], "0.1.0") == "Verdict: nothing changed\n"


def test_what_the_diff_tool_says_nothing_of_is_breaking(monkeypatch):
    monkeypatch.setattr(wire, "_report", lambda *_: [])
    (change,) = wire.wire_changes(*TWO_SPECS)
    assert (change.impact, "read both" in change.text) == (Impact.BREAKING, True)
    there, here = ({**TWO_SPECS[0], "servers": [{"url": url}]} for url in ("https://a", "https://b"))
    (change,) = wire.wire_changes(there, here)
    assert (change.impact, change.place) == (Impact.BREAKING, "#/servers/0")
    assert change.text.endswith("https://a → https://b")


@pytest.mark.parametrize("text", ["", "<html>", "[]", "{}"])
def test_a_diff_tool_that_fails_is_no_verdict(monkeypatch, text):
    monkeypatch.setattr(wire.shutil, "which", lambda _: "redocly")
    failed = subprocess.CompletedProcess([], 1, text, "")
    monkeypatch.setattr(wire.subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(ToolError, match="redocly diff failed"):
        wire.wire_changes(*TWO_SPECS)


CODES = [
    (COSMETIC, [], 0),
    (COSMETIC, ["--fail-on", "cosmetic"], 3),
    (ADDITIVE, [], 4),
    (ADDITIVE, ["--fail-on", "breaking"], 0),
    (BREAKING, ["--fail-on", "breaking"], 5),
]


@pytest.mark.parametrize(("change", "options", "code"), CODES)
def test_exit_codes(change, options, code, monkeypatch, tmp_path):
    spec, dangling = ROOT / "openapi.yaml", tmp_path / "new.yaml"
    dangling.write_text("openapi: 3.0.0\npaths: {/a: {$ref: '#/nope'}}\n")
    assert diff.main([str(spec), str(dangling), *options]) == 2
    monkeypatch.setattr(diff, "compare", lambda *_: [change])
    assert diff.main([str(spec), str(spec), *options]) == code


def test_old_may_be_a_page_or_a_revision(page, tmp_path):
    (tmp_path / "openapi.yaml").write_text("openapi: 3.0.0\npaths: {}\n")
    commit(tmp_path)
    assert diff.spec_text("HEAD", tmp_path) == "openapi: 3.0.0\npaths: {}\n"
    assert diff.spec_text(str(page), tmp_path) == (ROOT / "openapi.yaml").read_text("utf-8")
    for name in ("nowhere", "--output=x"):
        with pytest.raises(ToolError, match="no git revision"):
            diff.spec_text(name, tmp_path)
