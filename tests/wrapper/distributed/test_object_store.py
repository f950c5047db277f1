"""Row H15 with input and OUT on an object store: `nox -s cluster -- ray`. The store is a mock, moto's server."""

import subprocess
import sys
import threading

import pyarrow.parquet as pq
import pytest

from inworld_embeddings import EmbeddingClient, errors
from inworld_embeddings.jobs import open_job, retry_job, run_job, verify_job
from inworld_embeddings.jobs.files import place
from inworld_embeddings.jobs.storage import publish

from .conftest import content, engine_of, others
from .test_job import INPUTS

engine_of(None, "s3fs")
FINISHED = {"_SUCCESS", "_errors.jsonl", "_job.json"}  # there is no lock
PROGRAM = """
import os, signal, sys
from inworld_embeddings import EmbeddingClient
from inworld_embeddings.jobs import run_job, storage

put = storage._put
def killed(final, fill, **how):
    if final.name == "part-000000002.parquet":
        def fill(path):
            path.write_bytes(b"the first half")
            os.kill(os.getpid(), signal.SIGKILL)
    return put(final, fill, **how)
storage._put = killed
run_job(sys.argv[1], sys.argv[2], client=EmbeddingClient(batch_size=4), rows_per_part=5)
"""


@pytest.fixture
def run(served):
    def run(source, out, **options):
        with EmbeddingClient(batch_size=4) as client:
            return run_job(source, out, client=client, **{"rows_per_part": 5, **options})

    return run


def uploaded(stored, files):
    for path in files:
        stored.joinpath("in", path.name).write_bytes(path.read_bytes())
    return [str(stored / "in" / path.name) for path in files]


@pytest.mark.parametrize("source", INPUTS.values(), ids=INPUTS)
def test_H15_the_bytes_are_those_of_a_job_on_a_disk(source, run, locally, stored, tmp_path):
    made = source(tmp_path)
    files = made if isinstance(made, list) else [made]
    expected = locally(made, text="text")
    urls = uploaded(stored, files)
    out = stored / "out"
    report = run(urls, str(out), text="text")
    assert (report.finished, report.out) == (True, out)
    assert content(out) == expected
    assert others(out) == FINISHED
    for name in list(expected)[::2]:
        (out / name).unlink()
    assert run(urls, str(out), text="text").finished
    assert content(out) == expected


def test_a_folder_or_a_glob_names_what_is_in_it(run, locally, stored, tmp_path):
    files = INPUTS["parquet, several files"](tmp_path)
    expected = locally(files)
    uploaded(stored, files)
    run(str(stored / "in"), str(stored / "folder"))
    run(str(stored / "in" / "*.parquet"), str(stored / "glob"))
    assert content(stored / "folder") == content(stored / "glob") == expected


def test_the_folder_is_read_checked_and_retried_as_one_on_a_disk(run, lines, served, stored):
    served.faults.set("poison=line_7$")
    out = str(stored / "out")
    assert run(lines(23), out).refused == 1
    job = open_job(out)
    assert [(row["row"]) for row in job.refused_rows()] == [3]
    assert job.dataset.count_rows() == sum(len(rows) for rows, _ in job.vectors()) + 1 == 23
    assert pq.read_table(str(job.out / "part-000000001.parquet"), filesystem=job.out.fs) is not None
    (job.out / "part-000000001.parquet").write_bytes(b"damaged")
    assert list(verify_job(out)) == ["part-000000001.parquet"]
    assert run(lines(23), out).finished
    assert retry_job(out).refused == 1


def test_the_first_writer_wins(stored):
    place_ = stored / "out"
    told, barrier = [], threading.Barrier(8)

    def write(number):
        barrier.wait()
        told.append((publish(place_, "part", lambda path: path.write_bytes(b"%d" % number)), number))

    threads = [threading.Thread(target=write, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (first,) = [number for won, number in told if won]
    assert (place_ / "part").read_bytes() == b"%d" % first
    assert publish(place_, "part", lambda path: path.write_bytes(b"last"), replace=True)
    assert (place_ / "part").read_bytes() == b"last"


def test_of_two_runs_that_begin_one_job_each_takes_the_manifest_of_the_first(run, lines, locally, stored):
    source = lines(23)
    expected, out = locally(source), str(stored / "out")
    results = []
    threads = [threading.Thread(target=lambda: results.append(run(source, out).finished)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True, True]
    assert content(stored / "out") == expected
    with pytest.raises(errors.InputChangedError):
        run(source, out, rows_per_part=7)


def test_H15_a_run_is_killed_in_the_middle_of_a_part(run, lines, locally, served, stored):
    source, out = lines(23), stored / "out"
    expected = locally(source)
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, source, str(out)], timeout=120, capture_output=True
    )
    assert ended.returncode == -9, ended.stderr
    there = content(out)
    assert "part-000000002.parquet" not in there
    assert there.items() < expected.items()
    assert others(out) == {"_job.json"}
    served.log.clear()
    assert run(source, str(out)).finished
    assert content(out) == expected
    assert len([text for text in served.log.texts if text.startswith("line")]) <= 5 * (5 - len(there))


def test_what_the_store_refuses_is_told(run, lines):
    with pytest.raises(errors.StorageError):
        run(lines(3), "s3://no-such-bucket/out")
    with pytest.raises(errors.ConfigurationError, match="s3://bucket/name"):
        place("gs://bucket/out")


def test_a_store_that_is_not_there_is_told(run, lines, bucket, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    type(bucket.fs).clear_instance_cache()
    with pytest.raises(errors.StorageError, match="connect"):
        run(lines(3), "s3://jobs/out")
    with pytest.raises(errors.InvalidInputError, match="connect"):
        run("s3://jobs/in.txt", tmp_path / "out")
    type(bucket.fs).clear_instance_cache()
