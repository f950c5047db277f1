"""Jobs over a local client with small vectors, and what they leave behind."""

import json
from contextlib import ExitStack

import numpy as np
import pyarrow as pa
import pytest

from inworld_embeddings.jobs import open_job, parts, run_job, storage
from inworld_embeddings.jobs.options import JOB
from inworld_embeddings.testing import RequestLog, fake_vectors, local_client
from support.storage import content

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
    with ExitStack() as made:

        def make(**options):
            given = {"dimension": DIM, "batch_size": 4, "log": RequestLog(), **options}
            one = made.enter_context(local_client(**given))
            one.log = given["log"]
            return one

        yield make


@pytest.fixture
def job(client, tmp_path):
    """Runs a job over a new client, in ``out``, with five rows in a part. Options that are not the job's are the client's."""

    def run(source, out=None, **options):
        its_own = {"rows_per_part": 5} | {name: options.pop(name) for name in options.keys() & JOB.keys()}
        one = client(**options)
        run.log = one.log
        return run_job(source, out or tmp_path / "out", client=one, **its_own)

    return run


@pytest.fixture
def done(job, lines, out):
    """The three parts of a finished job, of twelve lines."""
    job(lines(12))
    return content(out)


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
