"""Jobs that workers make, held against the bytes of a local one. A cluster's tests run in `nox -s cluster -- NAME` only."""

import importlib
import logging
import os

import pytest

from inworld_embeddings import EmbeddingClient
from inworld_embeddings.jobs import run_job
from inworld_embeddings.jobs.files import place
from inworld_embeddings.testing import emulator
from support.storage import content

ROWS_PER_PART = 5
FINISHED = {".lock", "_SUCCESS", "_errors.jsonl", "_job.json"}
"""What is in a finished job's folder beside its parts."""


def engine_of(name, package=None):
    """An engine's package. In its own session, or in any if no name is given, it must be there: nothing is skipped silently."""
    session = os.environ.get("CLUSTER")
    load = importlib.import_module if session and name in (session, None) else pytest.importorskip
    return load(package or name)


def others(out):
    """Names in a job's folder that are no parts."""
    return {path.name for path in out.iterdir()} - content(out).keys()


@pytest.fixture(scope="session")
def bucket():
    """An object store on a port, which clients in other processes find by the environment. It is a mock: moto's server."""
    moto = engine_of(os.environ.get("CLUSTER"), "moto.server")
    for name in ("botocore", "fsspec", "s3fs", "werkzeug"):  # at DEBUG they take most of the time
        logging.getLogger(name).setLevel(logging.WARNING)
    server = moto.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    address = "http://{}:{}".format(*server.get_host_and_port())
    account = {
        "AWS_ACCESS_KEY_ID": "mock",
        "AWS_SECRET_ACCESS_KEY": "mock",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"AWS_ENDPOINT_URL": address, **account}.items():
            patch.setenv(name, value)
        made = place("s3://jobs")
        made.mkdir()
        yield made
    server.stop()


@pytest.fixture
def stored(bucket, request):
    """A place of a test's own on the object store."""
    return bucket / request.node.name.replace("[", "/").rstrip("]")


@pytest.fixture
def served(monkeypatch):
    """An emulator on a port, which clients find by the environment, in other processes too."""
    with emulator(dimension=8) as made:
        for name, value in made.env.items():
            monkeypatch.setenv(name, value)
        yield made


@pytest.fixture
def lines(tmp_path):
    """Makes an input of lines, the fourth of which cannot be sent."""

    def make(count):
        path = tmp_path / "in.txt"
        path.write_bytes(b"".join(b"\xff\n" if n == 3 else b"line %d\n" % n for n in range(count)))
        return path

    return make


@pytest.fixture
def locally(served, tmp_path):
    """The parts that a local job makes of an input."""

    def make(source, **options):
        with EmbeddingClient(batch_size=4) as client:
            run_job(
                source, tmp_path / "locally", client=client, **{"rows_per_part": ROWS_PER_PART, **options}
            )
        return content(tmp_path / "locally")

    return make
