"""`serve` as a program of its own, as whoever develops against it has it."""

import os
import subprocess
import sys

import pytest

SERVE = [sys.executable, "-m", "inworld_embeddings", "serve", "--port", "0"]


@pytest.fixture(scope="session")
def served(tmp_path_factory):
    """The address of `serve` with what it has by default: the built-in engine, the playground, no chaos."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    log = (tmp_path_factory.mktemp("serve") / "log").open("w")
    with (
        log,
        subprocess.Popen(SERVE, stdout=subprocess.PIPE, stderr=log, text=True, env=environment) as process,
    ):
        yield process.stdout.readline().split()[-1]
        process.terminate()
        process.communicate(timeout=20)
