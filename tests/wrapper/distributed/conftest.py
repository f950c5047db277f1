"""Jobs that workers make, held against a local one. A cluster's tests run in `nox -s cluster -- NAME` only."""

import base64
import importlib
import logging
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from inworld_embeddings import EmbeddingClient
from inworld_embeddings.jobs import run_job
from inworld_embeddings.jobs.files import place
from inworld_embeddings.testing import emulator
from support.storage import content

ROWS_PER_PART = 5
KEY = base64.b64encode(b"local:local").decode()
"""The emulator's."""
PATH = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
"""Where workers find `support.mortal`."""


def engine_of(name, package=None):
    """An engine's package. In its own session, or in any if no name is given, it must be there: nothing is skipped silently."""
    session = os.environ.get("CLUSTER")
    load = importlib.import_module if session and name in (session, None) else pytest.importorskip
    return load(package or name)


def made_in(out):
    """What is in a job's folder beside its lock: of its parts their bytes."""
    return dict.fromkeys({path.name for path in out.iterdir()} - {".lock"}) | content(out)


def sent(served):
    """The lines that were paid for."""
    return [text for text in served.log.texts if text.startswith("line")]


def assert_no_key(told, url):
    """What was told to workers, pickled, holds where the service is, and not the key."""
    assert any(url.encode() in data for data in told)
    assert not any(key in data for data in told for key in (KEY[:8].encode(), b"local:local"))


def command(source, out, *options):
    """The one that runs a job; the engine is among the options."""
    program = [sys.executable, "-m", "inworld_embeddings", "job", "run", source, "-o", out]
    return [*program, "--rows-per-part", str(ROWS_PER_PART), *options]


def killed(command, out, parts):
    """Runs a job's command until so many parts are there, and kills it."""
    with subprocess.Popen(command) as process:
        while len(content(out)) < parts:
            assert process.poll() is None
            time.sleep(0.02)
        process.kill()
    assert process.returncode == -9
    time.sleep(2)  # its workers are told by the engine
    assert not (out / "_SUCCESS").exists()


@pytest.fixture(scope="session")
def bucket():
    """An object store on a port, which clients in other processes find by the environment. It is a mock: moto's server."""
    moto = engine_of(os.environ.get("CLUSTER"), "moto.server")
    for name in ("botocore", "fsspec", "s3fs", "werkzeug"):  # at DEBUG they take most of the time
        logging.getLogger(name).setLevel(logging.WARNING)
    server = moto.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", "http://{}:{}".format(*server.get_host_and_port()))
        patch.setenv("AWS_ACCESS_KEY_ID", "mock")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "mock")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        made = place("s3://jobs")
        made.mkdir()
        yield made
    server.stop()


@pytest.fixture(scope="module")
def service():
    """An emulator on a port."""
    with emulator(dimension=8) as made:
        yield made


@pytest.fixture
def served(service, monkeypatch):
    """The same, as if new, which clients find by the environment, in other processes too."""
    for name, value in service.env.items():
        monkeypatch.setenv(name, value)
    service.faults.clear()
    service.log.clear()
    return service


@pytest.fixture
def run(served):
    """Runs a job in this process."""

    def run(source, out, **options):
        with EmbeddingClient(batch_size=4) as client:
            return run_job(source, out, client=client, **{"rows_per_part": ROWS_PER_PART, **options})

    return run


@pytest.fixture
def lines(tmp_path):
    """Makes an input of lines, the fourth of which cannot be sent."""

    def make(count):
        path = tmp_path / "in.txt"
        path.write_bytes(b"".join(b"\xff\n" if n == 3 else b"line %d\n" % n for n in range(count)))
        return path

    return make


@pytest.fixture
def locally(run, served, tmp_path):
    """What a local job makes of an input."""

    def make(source, **options):
        run(source, tmp_path / "locally", **options)
        served.log.clear()
        return made_in(tmp_path / "locally")

    return make
