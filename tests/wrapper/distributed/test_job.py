"""Row H15: what drivers and workers do, with an engine that calls workers one after another, here."""

import gzip
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from inworld_embeddings import EmbeddingClient, InputChangedError, JobPausedError
from inworld_embeddings.distributed.job import Driver, Worker

from .conftest import KEY, ROWS_PER_PART, assert_no_key, content, made_in, sent


def one_by_one(task, starts, *, size=2):
    """An engine of one worker that is given some parts at a time."""
    worker = Worker(task)
    for at in range(0, len(starts), size):
        yield worker.make(starts[at : at + size])


@pytest.fixture
def spread(served, tmp_path):
    def run(source, engine=one_by_one, client=None, **options):
        with client or EmbeddingClient(batch_size=4) as one:
            given = {"rows_per_part": ROWS_PER_PART, **options}
            return Driver(one, source, tmp_path / "out", given, engine).start(one)

    return run


def parquet(folder):
    paths = [folder / f"{name}.parquet" for name in "abc"]
    for path, rows in zip(paths, (7, 0, 13), strict=True):
        texts = pa.array([f"{path.stem}{n}" for n in range(rows)], pa.string())
        table = pa.table({"text": texts, "n": pa.array(range(rows), pa.int64())})
        pq.write_table(table, path, row_group_size=3)
    return paths


def written(name, data):
    def write(folder):
        (folder / name).write_bytes(data)
        return [folder / name]

    return write


INPUTS = {
    "parquet, several files": parquet,
    "csv": written("a.csv", b"text,n\n" + b'"two\nlines",1\nbroken\n' * 9),
    "jsonl.gz": written("a.jsonl.gz", gzip.compress(b'{"text":"one","n":1}\n\n{"text":7}\n' * 8)),
    "a whole number of parts": written("a.txt", b"line\n" * 3 * ROWS_PER_PART),
    "nothing": written("a.txt", b""),
}


@pytest.mark.parametrize("source", INPUTS.values(), ids=INPUTS)
def test_H15_the_bytes_are_those_of_a_local_job(source, spread, locally, tmp_path):
    source, out = source(tmp_path), tmp_path / "out"
    keep = [] if source[0].suffix == ".txt" else ["n"]
    expected = locally(source, text="text", keep=keep, max_rows=19)
    assert spread(source, text="text", keep=keep, max_rows=19).finished
    assert made_in(out) == expected
    for name in [*content(out)][1::2]:
        (out / name).unlink()
    assert spread(source, text="text", keep=keep, max_rows=19).finished
    assert made_in(out) == expected


def test_H15_a_straggler_and_its_twin_meet_and_pay_little_twice(spread, locally, lines, served, tmp_path):
    """A twin begins with the last part. What both have begun when they meet is paid for twice."""

    def both(task, starts):
        with ThreadPoolExecutor(2) as threads:
            yield from threads.map(
                lambda backwards: Worker(task).make(starts, backwards=backwards), (False, True)
            )

    source = lines(20 * ROWS_PER_PART)
    expected = locally(source)
    served.faults.set("latency=0.02")
    assert spread(source, both, EmbeddingClient(batch_size=4, max_concurrency=1)).finished
    assert made_in(tmp_path / "out") == expected
    assert len(set(sent(served))) == 20 * ROWS_PER_PART - 1
    assert len(sent(served)) <= 24 * ROWS_PER_PART


def another_model(task, starts):
    yield from one_by_one(task._replace(client=pickle.dumps(EmbeddingClient(model="other"))), starts)


def test_what_ends_a_worker_ends_the_job_with_its_own_error(spread, lines, served, tmp_path):
    with pytest.raises(InputChangedError):
        spread(lines(23), another_model)
    served.faults.set("ok, status=401")  # to the driver, to the worker
    with pytest.raises(JobPausedError):
        spread(lines(23))
    assert made_in(tmp_path / "out") == {"_job.json": None}


def test_a_job_that_is_stopped_ends_what_its_workers_have_begun(spread, lines, tmp_path):
    stop = threading.Event()

    def engine(task, starts):
        for made in one_by_one(task, starts, size=1):
            yield made
            stop.set()
            while not (tmp_path / "out" / task.stop).exists():
                threading.Event().wait(0.01)

    report = spread(lines(23), engine, stop=stop)
    assert (report.finished, report.parts) == (False, 1)
    assert made_in(tmp_path / "out").keys() == {"_job.json", "part-000000000.parquet"}


def test_I07_workers_are_told_no_key(spread, lines, served, monkeypatch):
    told = []

    def engine(task, starts):
        told.append(pickle.dumps((task, starts)))
        yield from one_by_one(task, starts)

    monkeypatch.setenv("INWORLD_API_KEY", KEY)
    assert spread(lines(3), engine, EmbeddingClient(base_url=served.url, api_key=KEY)).finished
    assert_no_key(told, served.url)
