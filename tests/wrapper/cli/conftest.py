"""The command in this process, and as a person starts it; each test begins in an empty folder."""

import io
import os
import subprocess
import sys

import pytest

from inworld_embeddings.__main__ import main


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(monkeypatch, capsys):
    """Runs the command in this process: its exit code, its output, its error output."""

    def run(*arguments, text="", **environment):
        monkeypatch.setattr(sys, "argv", ["inworld-embeddings", *arguments])
        # Else click names `python -m pytest`, where that is how the tests were begun.
        monkeypatch.setattr(sys.modules["__main__"], "__package__", None)
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        code = main()
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def start():
    """Starts the command as a process of its own; no warning passes unseen."""

    def start(*arguments, **environment):
        command = [sys.executable, "-W", "error", "-m", "inworld_embeddings", *arguments]
        pipes = dict.fromkeys(["stdin", "stdout", "stderr"], subprocess.PIPE)
        return subprocess.Popen(command, **pipes, text=True, encoding="utf-8", env=os.environ | environment)

    return start


@pytest.fixture
def without_click(folder):
    """An environment in which the extra `cli` is not installed."""
    (folder / "click.py").write_text("raise ModuleNotFoundError(name='click')\n")
    return {"PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])}
