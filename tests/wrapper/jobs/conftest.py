"""Jobs over a local client with small vectors, and what they leave behind."""

import json

import numpy as np
import pyarrow as pa
import pytest

from inworld_embeddings.jobs import open_job, parts, run_job, storage
from inworld_embeddings.testing import RequestLog, fake_vectors, local_client

DIM = 8


def whole(out):
    """All rows as the package reads them: the reader of pyarrow 25 itself fails at a refused one."""
    return pa.concat_tables(open_job(out).tables())


def assert_vectors(out, numbers):
    """The rows of these numbers have the vectors of the lines of that number."""
    found = parts.vectors_of(whole(out))[list(numbers)]
    assert np.array_equal(found, np.float32(fake_vectors([f"line {n}" for n in numbers], DIM)))


@pytest.fixture
def lines(tmp_path):
    """Makes an input of plain lines."""

    def make(count, name="in.txt", text="line {}"):
        path = tmp_path / name
        path.write_text("".join(f"{text.format(n)}\n" for n in range(count)), "utf-8")
        return path

    return make


@pytest.fixture
def client():
    """Makes a local client; what it was asked is in its `log`."""
    made = []

    def make(**options):
        log = RequestLog()
        one = local_client(**{"dimension": DIM, "batch_size": 4, "log": log, **options})
        one.log = log
        made.append(one)
        return one

    yield make
    for one in made:
        one.close()


@pytest.fixture
def job(client, tmp_path):
    """Runs a job over a new client, in ``out``, with five rows in a part."""

    def run(source, out=None, **options):
        given = options.pop("client", None) or client()
        run.log = given.log
        return run_job(source, out or tmp_path / "out", client=given, **{"rows_per_part": 5, **options})

    return run


@pytest.fixture
def disk(monkeypatch):
    """Puts another disk under the folder of jobs."""

    def put(one):
        monkeypatch.setattr(storage, "os", one)
        return one

    return put


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def errors_of(out):
    """The lines of `_errors.jsonl`."""
    return [json.loads(line) for line in (out / "_errors.jsonl").read_text("utf-8").splitlines()]
