"""The programs of tools/, run on copies of the project's inputs so that no test touches the project."""

import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.programs import copy_of_inputs
from tools.spec.sync import extract

ROOT = Path(__file__).parents[2]
PAGE = Path(__file__).parent / "pages" / "create-embeddings.md"


@pytest.fixture
def root():
    return ROOT


@pytest.fixture
def page(tmp_path):
    """The published page as it once was, with the spec there is now."""
    text = PAGE.read_text("utf-8")
    path = tmp_path / "create-embeddings.md"
    path.write_text(text.replace(extract(text), (ROOT / "openapi.yaml").read_text("utf-8")), "utf-8")
    return path


@pytest.fixture
def project(tmp_path):
    return copy_of_inputs(ROOT, tmp_path / "project")


@pytest.fixture
def unchanged():
    """Fails if a folder's files, hidden ones too but for git's, are not the same bytes afterwards."""

    def read(folder):
        paths = [path for path in folder.rglob("*") if not {"__pycache__", ".git"} & {*path.parts}]
        return {path: path.read_bytes() for path in paths if path.is_file()}

    @contextlib.contextmanager
    def check(folder):
        before = read(folder)
        yield
        assert read(folder) == before

    return check


@pytest.fixture
def commit():
    """Commit everything in a folder, which becomes a repository."""
    if not shutil.which("git"):
        pytest.skip("git is not installed")

    def do(folder):
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
        for command in (["init", "-q"], ["add", "--all"], ["commit", "-q", "-m", "a"]):
            subprocess.run(["git", *identity, *command], cwd=folder, check=True, capture_output=True)

    return do


@pytest.fixture
def redocly(tmp_path, monkeypatch):
    """Make a diff tool that prints what it is told to. The real one runs in tests/evolution."""
    if os.name == "nt":
        pytest.skip("a script with a shebang")

    def say(text, code=0):
        script = tmp_path / "redocly"
        script.write_text(f"#!{sys.executable}\nimport sys\nprint({text!r})\nsys.exit({code})\n")
        script.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    return say
