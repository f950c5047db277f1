"""regenerate.py on a copy of the project: one command, a summary, and the tree as it was if anything fails."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest

from _publish import recover
from _stock_diff import stock_diff
from regenerate import targets

TEST = (
    "def test_the_copy():\n    from pathlib import Path\n    import inworld_embeddings_client\n    {check}\n"
)


@pytest.fixture
def project(project, root, tmp_path):
    """As the other tools' copy, with what the later steps read, and tests that take no time."""
    shutil.copytree(root / "tests/fixtures/spec", project / "tests/fixtures/spec")
    version = "wrapper/inworld_embeddings/_version.py"
    (project / version).parent.mkdir(parents=True)
    shutil.copyfile(root / version, project / version)
    (project / "test_small.py").write_text(TEST.format(check="assert True"))
    return project


@pytest.fixture
def redocly(tmp_path, monkeypatch):
    """A diff tool that finds nothing; what it misses is found all the same. The real one runs in the drill."""
    if os.name == "nt":
        pytest.skip("a script with a shebang")
    script = tmp_path / "redocly"
    script.write_text(f"#!{sys.executable}\nprint('{{\"changes\": []}}')\n")
    script.chmod(0o755)
    monkeypatch.setenv("REDOCLY", str(script))


@pytest.fixture
def changed_page(page, tmp_path):
    """Make a page whose document has something replaced."""

    def make(old, new):
        text = page.read_text("utf-8")
        assert old in text
        path = tmp_path / "changed.md"
        path.write_text(text.replace(old, new), "utf-8")
        return path

    return make


FIELD = "        embeddings:\n          type: array\n"
MORE = f"        model:\n          type: string\n{FIELD}"


def regenerate(run_tool, project, *arguments):
    return run_tool("regenerate.py", *arguments, "--root", project, "--tests", "test_small.py")


def test_the_same_page_changes_nothing(project, page, run_tool, redocly, everything):
    before = everything(project)
    done = regenerate(run_tool, project, page)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Nothing changed." in done.stdout
    assert "| tests |" not in done.stdout
    assert everything(project) == before


def test_a_changed_page_changes_spec_code_and_fixtures_together(
    project, changed_page, run_tool, redocly, tmp_path
):
    summary = tmp_path / "summary.md"
    done = regenerate(run_tool, project, changed_page(FIELD, MORE), "--summary", summary)
    assert done.returncode == 0, done.stdout + done.stderr
    text = summary.read_text("utf-8")
    assert text == done.stdout
    assert text.startswith(
        "# Regenerated from the spec\n\nWritten: `openapi.yaml`, `generated/inworld_embeddings_client`"
    )
    assert "| tests | ok | 1 passed" in text
    assert "EmbedResponse(model): is new and optional: str" in text
    assert "### Proposed changelog entry" in text
    assert "differs: models/embed_response.py" in text
    assert (
        "model: str | Unset"
        in (project / "generated/inworld_embeddings_client/models/embed_response.py").read_text()
    )
    for tool in ("generate.py", "spec_fixtures.py"):
        assert run_tool(tool, "--check", "--root", project).returncode == 0
    assert regenerate(run_tool, project, tmp_path / "changed.md").returncode == 0


def test_no_sync_brings_back_what_someone_edited(project, run_tool, redocly):
    model = project / "generated/inworld_embeddings_client/models/status.py"
    good = model.read_bytes()
    model.write_bytes(good + b"x = 1\n")
    done = regenerate(run_tool, project, "--no-sync")
    assert done.returncode == 0, done.stdout
    assert model.read_bytes() == good


def break_page(project, changed_page):
    return changed_page("openapi: 3.0.0", "openapi: [3.0.0")


def break_generation(project, changed_page):
    return changed_page("v1alphaEmbedding", "v1alphaVector")


def break_wrapper(project, changed_page):
    return changed_page("- SERVICE_PROVIDER_OPENAI\n", "- SERVICE_PROVIDER_AZURE\n")


def break_tests(project, changed_page):
    (project / "test_small.py").write_text(TEST.format(check="assert False"))
    return changed_page(FIELD, MORE)


def break_stock(project, changed_page):
    record = project / "templates/stock.json"
    record.write_text(json.dumps({**json.loads(record.read_text()), "client.py.jinja": "0" * 64}))
    return changed_page(FIELD, MORE)


FAILURES = {
    "sync": (break_page, "no YAML"),
    "generate": (break_generation, "the override of V1AlphaEmbed"),
    "stock templates": (break_stock, "client.py.jinja"),
    "reliance": (break_wrapper, "wrapper/inworld_embeddings/models.py"),
    "tests": (break_tests, "assert False"),
}


@pytest.mark.parametrize("step", FAILURES)
def test_a_step_that_fails_leaves_everything_and_says_what(
    project, changed_page, run_tool, redocly, everything, step
):
    make, said = FAILURES[step]
    page = make(project, changed_page)
    before = everything(project)
    done = regenerate(run_tool, project, page)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "**A step failed. Nothing was changed.**" in done.stdout
    assert f"| {step} | FAILED |" in done.stdout
    assert said in done.stdout
    assert everything(project) == before


def test_keep_keeps_what_was_made(project, changed_page, run_tool, redocly):
    done = regenerate(run_tool, project, break_wrapper(project, changed_page), "--keep")
    assert done.returncode == 1
    assert "**A step failed; what was made is kept.**" in done.stdout
    assert "| reliance | FAILED |" in done.stdout
    assert "| tests | ok |" in done.stdout
    assert "SERVICE_PROVIDER_AZURE" in (project / "openapi.yaml").read_text("utf-8")


def test_without_the_diff_tool_it_says_how_to_get_it(project, changed_page, run_tool, monkeypatch):
    monkeypatch.delenv("REDOCLY", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    done = regenerate(run_tool, project, changed_page(FIELD, MORE))
    assert done.returncode == 1
    assert "nox -s diff_spec" in done.stdout


def test_accept_stock_is_part_of_what_is_written(project, changed_page, run_tool, redocly, root):
    done = regenerate(run_tool, project, break_stock(project, changed_page), "--accept-stock")
    assert done.returncode == 0, done.stdout
    assert (project / "templates/stock.json").read_bytes() == (root / "templates/stock.json").read_bytes()


def test_the_stock_templates_of_two_versions_are_compared_ours_first(tmp_path):
    for version, text in (("old", "a\n"), ("new", "b\n")):
        (tmp_path / version / "sub").mkdir(parents=True)
        for name in ("a.jinja", "b.jinja", "sub/c.jinja"):
            (tmp_path / version / name).write_text(text)
        (tmp_path / version / "same.jinja").write_text("same")
    (tmp_path / "new" / "more.jinja").write_text("x\n")
    found = stock_diff(tmp_path / "old", tmp_path / "new", ["sub/c.jinja"])
    assert list(found) == ["sub/c.jinja", "a.jinja", "b.jinja", "more.jinja"]
    assert found["sub/c.jinja"].splitlines()[-2:] == ["-a", "+b"]


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_an_interruption_at_any_moment_leaves_the_old_tree_or_the_new(
    project, changed_page, root, redocly, everything, how
):
    page = changed_page(FIELD, MORE)
    old = targets(project)
    command = [sys.executable, "-B", str(root / "tools/regenerate.py"), str(page), "--root", str(project)]
    command += ["--tests", "test_small.py"]
    draw = random.Random(how.value)
    for _ in range(2):
        with subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        ) as run:
            time.sleep(draw.uniform(0.1, 4.0))
            os.killpg(run.pid, how)
        recover(project)
        now = targets(project)
        assert now == old or "model: str | Unset" in str(now)
        assert not list(project.glob(".*swap"))
        if now != old:  # it was quick: all of it is there
            assert b"type: string\n        embeddings" in now["openapi.yaml"]
            break
