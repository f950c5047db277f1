"""`serve` as a program of its own, as whoever develops against it has it."""

import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
SERVE = [sys.executable, "-m", "inworld_embeddings", "serve", "--port", "0"]


@pytest.fixture(scope="session")
def spec():
    return yaml.safe_load((ROOT / "openapi.yaml").read_text("utf-8"))


@pytest.fixture(scope="session")
def embed_operation(spec):
    return spec["paths"]["/ml/v1alpha/embedding:embed"]["post"]


class Program:
    def __init__(self, process):
        self.process = process
        self.url = process.stdout.readline().split()[-1]
        self.port = int(self.url.rpartition(":")[2])


@pytest.fixture(scope="session")
def served(tmp_path_factory):
    """`serve` with what it has by default: the built-in engine, the playground, no chaos."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    log = (tmp_path_factory.mktemp("serve") / "log").open("w")
    with (
        log,
        subprocess.Popen(SERVE, stdout=subprocess.PIPE, stderr=log, text=True, env=environment) as process,
    ):
        yield Program(process)
        process.terminate()
        process.communicate(timeout=20)


@pytest.fixture(scope="session")
def client(served):
    """A client of it; paths go out as they are given."""
    with httpx.Client(base_url=served.url, auth=("local", "local")) as made:
        yield made
