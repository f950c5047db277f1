"""regenerate.py on a copy of the project: one command, a summary, and the tree as it was if anything fails."""

import shutil

import pytest

from support.programs import ROOT, commit, edit, unchanged
from tools import regenerate
from tools.generate import fixtures, package
from tools.spec import wire
from tools.spec.diff import compare
from tools.spec.document import load
from tools.spec.reliance import endpoint_breaches

TEST = "def test_the_project():\n    {check}\n"
FIELD = "        embeddings:\n          type: array\n"
MORE = f"        model:\n          type: string\n{FIELD}"


@pytest.fixture
def project(project, monkeypatch):
    """As the other tools' copy, with what the later steps read, tests that take no time, and a silent diff tool; committed."""
    monkeypatch.setattr(wire, "_report", lambda *_: [])
    shutil.copytree(ROOT / fixtures.HOME, project / fixtures.HOME)
    (project / "pytest.ini").write_text("[pytest]\n")
    (project / "test_small.py").write_text(TEST.format(check="assert True"))
    commit(project)
    return project


@pytest.fixture
def run(project, capsys, monkeypatch):
    """Run the program; returns its exit code and what it printed. Of the code, old and new, nothing is compared or used."""

    def on_the_wire(old, new, *_):
        return wire.wire_changes(load(old), load(new))

    monkeypatch.setattr(regenerate, "compare", on_the_wire)
    monkeypatch.setattr(regenerate, "endpoint_breaches", lambda _: [])
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # they take longer to start than the test

    def start(*arguments):
        given = [*map(str, arguments), "--tests", "test_small.py -p no:cacheprovider"]
        return regenerate.main(given, project), capsys.readouterr().out

    return start


def test_the_same_page_changes_nothing(project, page, run):
    with unchanged(project):
        code, said = run(page)
    assert code == 0, said
    assert "Nothing changed." in said
    assert "| tests | ok | nothing to test |" in said


def test_a_changed_page_changes_spec_code_and_fixtures_together(project, page, run, tmp_path, monkeypatch):
    monkeypatch.setattr(regenerate, "compare", compare)
    monkeypatch.setattr(regenerate, "endpoint_breaches", endpoint_breaches)
    summary = tmp_path / "summary.md"
    edit(page, FIELD, MORE)
    code, said = run(page, "--summary", summary)
    assert code == 0, said
    assert said == summary.read_text("utf-8")
    assert "Written: `openapi.yaml`, `generated/inworld_embeddings_client`" in said
    assert "| tests | ok | 1 passed" in said
    assert "EmbedResponse(model): is new and optional: str" in said
    assert "### Proposed changelog entry" in said
    assert "differs: models/embed_response.py" in said
    assert package.write(project, check=True) == fixtures.write(project, check=True) == []


def test_no_sync_brings_back_what_someone_edited_and_keeps_templates(project, run):
    names = "generated/inworld_embeddings_client/models/status.py", "templates/stock/client.py.jinja"
    for name in names:
        (project / name).write_text("{}\n")
    commit(project)
    code, said = run("--no-sync", "--accept-stock")
    assert code == 0, said
    assert all((project / name).read_bytes() == (ROOT / name).read_bytes() for name in names)


def test_what_is_not_committed_is_not_put_at_risk(project, page, run):
    (project / "openapi.yaml").write_text("mine")
    (project / "generated/inworld_embeddings_client/mine.py").write_text("mine")
    with unchanged(project):
        assert run(page)[0] == 2
        shutil.rmtree(project / ".git")
        assert run(page)[0] == 2


NEW_FILE = f"        usage: {{type: object, properties: {{a: {{type: string}}}}}}\n{FIELD}"
FAILURES = {
    "generate": ("v1alphaEmbedding", "v1alphaVector", "the override of V1AlphaEmb"),
    "fixtures": ("              single_text:", "              one_text:", "lacks the examples of requests"),
    "tests": (FIELD, NEW_FILE, "assert False"),
}


@pytest.mark.parametrize("step", FAILURES)
def test_a_step_that_fails_leaves_everything_and_says_what(project, page, run, step):
    old, new, expected = FAILURES[step]
    edit(page, old, new)
    (project / "test_small.py").write_text(TEST.format(check="assert False"))
    with unchanged(project):
        code, said = run(page)
    assert code == 1, said
    assert "**A step failed. Nothing was changed.**" in said
    assert f"| {step} | FAILED |" in said
    assert expected in said


def test_keep_keeps_what_was_made(project, page, run):
    edit(page, "- SERVICE_PROVIDER_OPENAI\n", "- SERVICE_PROVIDER_AZURE\n")
    code, said = run(page, "--keep")
    assert code == 1
    assert "**A step failed; what was made is kept.**" in said
    assert "| reliance | FAILED |" in said
    assert "gained SERVICE_PROVIDER_AZURE\n  to change: wrapper/inworld_embeddings/" in said
    assert "| tests | ok |" in said
    assert "SERVICE_PROVIDER_AZURE" in (project / "openapi.yaml").read_text("utf-8")
