"""Row H15: what drivers and workers do, with an engine that calls workers one after another, here."""

import base64
import gzip
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from inworld_embeddings import EmbeddingClient, InputChangedError, JobError
from inworld_embeddings.distributed.job import Driver, Worker
from inworld_embeddings.errors import JobPausedError

from .conftest import FINISHED, ROWS_PER_PART, content, others


def one_by_one(task, starts, *, seen=None, size=2, lost=()):
    """An engine of one worker that is given some parts at a time; those that are ``lost`` are never asked for."""
    worker = Worker(task)
    for at in range(0, len(starts), size):
        if seen is not None:
            seen.append((task, starts[at : at + size]))
        yield worker.make([start for start in starts[at : at + size] if start[0] not in lost])


@pytest.fixture
def spread(served, tmp_path):
    def run(source, engine=one_by_one, client=None, **options):
        with client or EmbeddingClient(batch_size=4) as one:
            given = {"rows_per_part": ROWS_PER_PART, **options}
            return Driver(one, source, tmp_path / "out", given, engine).start(one)

    return run


def parquet(folder):
    for name, rows in (("a", 7), ("b", 0), ("c", 13)):
        texts = pa.array([f"{name}{n}" for n in range(rows)], pa.string())
        pq.write_table(
            pa.table({"text": texts, "n": pa.array(range(rows), pa.int64())}),
            folder / f"{name}.parquet",
            row_group_size=3,
        )
    return [folder / f"{name}.parquet" for name in "abc"]


def written(folder, name, text):
    opened = gzip.open if name.endswith(".gz") else open
    with opened(folder / name, "wb") as file:
        file.write(text.encode())
    return folder / name


INPUTS = {
    "parquet, several files": parquet,
    "csv": partial(written, name="a.csv", text="text,n\n" + '"two\nlines",1\nbroken\n' * 9),
    "jsonl.gz": partial(written, name="a.jsonl.gz", text='{"text":"one","n":1}\n\n{"text":7}\n' * 8),
    "a whole number of parts": partial(written, name="a.txt", text="line\n" * 3 * ROWS_PER_PART),
    "nothing": partial(written, name="a.txt", text=""),
}


@pytest.mark.parametrize("there", [(), (0, 2)], ids=["from the start", "gaps"])
@pytest.mark.parametrize("source", INPUTS.values(), ids=INPUTS)
def test_H15_the_bytes_are_those_of_a_local_job(source, there, spread, locally, tmp_path):
    source = source(tmp_path)
    keep = {"keep": ["n"]} if str(source).endswith((".csv", ".gz", "]")) or isinstance(source, list) else {}
    options = {"text": "text", **keep, "max_rows": 19}
    expected, out = locally(source, **options), tmp_path / "out"
    spread(source, **options)
    for name in content(out).keys() - {f"part-{number:09d}.parquet" for number in there}:
        if there:
            (out / name).unlink()
    report = spread(source, **options)
    assert report.finished
    assert content(out) == expected
    assert others(out) == FINISHED


def test_H15_a_part_that_another_worker_made_meanwhile_is_not_made_again(spread, locally, lines, served):
    def twice(task, starts):
        yield from one_by_one(task, starts)
        yield from one_by_one(task, starts)

    source = lines(23)
    expected = locally(source)
    served.log.clear()
    assert spread(source, twice).finished
    sent = [text for text in served.log.texts if text.startswith("line")]
    assert sorted(sent) == sorted(set(sent))
    assert len(expected) == 5


def test_H15_a_straggler_and_its_twin_meet_and_pay_little_twice(spread, locally, lines, served, tmp_path):
    """A twin begins with the last part. What both have begun when they meet is paid for twice."""

    def both(task, starts):
        with ThreadPoolExecutor(2) as threads:
            made = [
                threads.submit(Worker(task).make, starts, backwards=backwards) for backwards in (False, True)
            ]
            yield from (one.result() for one in made)

    source = lines(20 * ROWS_PER_PART)
    expected = locally(source)
    served.log.clear()
    served.faults.set("latency=0.02")
    assert spread(source, both, EmbeddingClient(batch_size=4, max_concurrency=1)).finished
    assert content(tmp_path / "out") == expected
    sent = [text for text in served.log.texts if text.startswith("line")]
    assert len(set(sent)) == len(expected) * ROWS_PER_PART - 1
    assert len(sent) <= len(set(sent)) + 4 * ROWS_PER_PART


@pytest.mark.parametrize("kind", ["another model", "an outage"])
def test_what_ends_a_worker_ends_the_job_with_its_own_error(kind, spread, lines, served, tmp_path):
    def engine(task, starts):
        if kind == "another model":
            task = task._replace(client=pickle.dumps(EmbeddingClient(model="other")))
        else:
            served.faults.set("status=401")
        yield from one_by_one(task, starts)

    with pytest.raises(InputChangedError if kind == "another model" else JobPausedError):
        spread(lines(23), engine)
    assert content(tmp_path / "out") == {}
    assert others(tmp_path / "out") == {".lock", "_job.json"}


def test_parts_that_the_engine_lost_are_told_and_made_by_the_next_run(spread, locally, lines, tmp_path):
    source = lines(23)
    expected = locally(source)
    with pytest.raises(JobError, match="parts are missing"):
        spread(source, partial(one_by_one, lost=(1,)))
    assert spread(source).finished
    assert content(tmp_path / "out") == expected


def test_a_job_that_is_stopped_ends_what_its_workers_have_begun(spread, lines, tmp_path):
    stop = threading.Event()

    def engine(task, starts):
        for number, made in enumerate(one_by_one(task, starts, size=1)):
            yield made
            if not number:
                stop.set()
                while not list((tmp_path / "out").glob(".stop-*.tmp")):
                    threading.Event().wait(0.01)

    report = spread(lines(23), engine, stop=stop)
    assert not report.finished
    assert 1 <= report.parts < 5
    assert others(tmp_path / "out") == {".lock", "_job.json"}


def test_I07_workers_are_told_no_key(spread, lines, served, monkeypatch):
    key = base64.b64encode(b"local:local").decode()  # the emulator's
    monkeypatch.setenv("INWORLD_API_KEY", key)
    seen = []
    client = EmbeddingClient(base_url=served.url, api_key=key, batch_size=4)
    assert spread(lines(3), partial(one_by_one, seen=seen), client).finished
    told = pickle.dumps(seen)
    assert served.url.encode() in told
    assert key[:8].encode() not in told
    assert b"local:local" not in told
