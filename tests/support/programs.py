"""A copy of the project's inputs, what may become of it, and programs that import from such a copy."""

import contextlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run_with(folders, program, *arguments):
    """A program that imports from these folders: its exit code and what it said."""
    environment = {"PYTHONPATH": os.pathsep.join(map(str, folders)), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def copy_of_inputs(folder):
    """A copy of everything that becomes code, and of the code."""
    folder.mkdir()
    for name in ("openapi.yaml", "generator-config.yaml", "pyproject.toml"):
        shutil.copyfile(ROOT / name, folder / name)
    for name in ("templates", "generated"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def edit(path, old, new):
    """Change what a file says, wherever it says so."""
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def commit(folder):
    """Commit everything in a folder, which becomes a repository."""
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"]
    for command in (["init", "-q"], ["add", "--all"], ["commit", "-q", "-m", "a"]):
        subprocess.run(["git", *identity, *command], cwd=folder, check=True, capture_output=True)


@contextlib.contextmanager
def unchanged(folder):
    """Fails if a folder's files, hidden ones too but for git's, are not the same bytes afterwards."""

    def read():
        paths = [path for path in folder.rglob("*") if not {"__pycache__", ".git"} & {*path.parts}]
        return {path: path.read_bytes() for path in paths if path.is_file()}

    before = read()
    yield
    assert read() == before
