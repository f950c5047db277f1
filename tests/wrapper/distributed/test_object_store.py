"""Row H15 with input and OUT on an object store: `nox -s cluster -- ray`. The store is a mock, moto's server."""

from unittest.mock import patch

import pyarrow.parquet as pq
import pytest

from inworld_embeddings import ConfigurationError, InputChangedError, InvalidInputError, StorageError
from inworld_embeddings.jobs import open_job, parts, retry_job, verify_job
from inworld_embeddings.jobs.files import place
from inworld_embeddings.jobs.storage import publish
from support.clients import in_threads
from support.storage import PowerLossError

from .conftest import content, engine_of, made_in
from .test_job import INPUTS

engine_of(None, "s3fs")


@pytest.fixture
def stored(bucket, request):
    """A place of a test's own on the object store."""
    return bucket / request.node.name.replace("[", "/").rstrip("]")


@pytest.mark.parametrize(
    "names", [["a.parquet", "b.parquet", "c.parquet"], [""], ["*.parquet"]], ids=["files", "folder", "glob"]
)
def test_H15_the_bytes_are_those_of_a_job_on_a_disk(names, run, locally, stored, tmp_path):
    files, out = INPUTS["parquet, several files"](tmp_path), stored / "out"
    for path in files:
        stored.joinpath("in", path.name).write_bytes(path.read_bytes())
    expected, urls = locally(files, text="text"), [str(stored / "in" / name) for name in names]
    for _ in range(2):
        report = run(urls, str(out), text="text")
        assert (report.finished, report.out) == (True, out)
        assert made_in(out) == expected
        for name in [*content(out)][::2]:
            (out / name).unlink()


def test_the_folder_is_read_checked_and_retried_as_one_on_a_disk(run, lines, stored):
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
    won = []

    def write(number):
        if publish(stored, "part", lambda path: path.write_bytes(b"%d" % number)):
            won.append(b"%d" % number)

    in_threads(8, write)
    assert [(stored / "part").read_bytes()] == won
    assert publish(stored, "part", lambda path: path.write_bytes(b"last"), replace=True)
    assert (stored / "part").read_bytes() == b"last"


def test_of_two_runs_that_begin_one_job_each_takes_the_manifest_of_the_first(run, lines, locally, stored):
    source, finished = lines(23), []
    expected = locally(source)
    in_threads(2, lambda _: finished.append(run(source, str(stored)).finished))
    assert finished == [True, True]
    assert made_in(stored) == expected
    with pytest.raises(InputChangedError):
        run(source, str(stored), rows_per_part=7)


def test_H15_a_run_that_ends_in_the_middle_of_a_part_leaves_nothing_of_it(run, lines, locally, stored):
    """As a kill would: the store is told of a part once all of it is there."""
    source, write_part = lines(23), parts.write_part
    expected = locally(source)

    def half(table, path):
        write_part(table, path)
        if path.name == "part-000000002.parquet":
            path.write_bytes(b"half")
            raise PowerLossError

    with patch.object(parts, "write_part", half), pytest.raises(PowerLossError):
        run(source, str(stored))
    assert made_in(stored).items() <= expected.items()
    assert "part-000000002.parquet" not in content(stored)
    assert run(source, str(stored)).finished
    assert made_in(stored) == expected


def test_what_the_store_refuses_is_told(run, lines, bucket, tmp_path, monkeypatch):
    with pytest.raises(StorageError):
        run(lines(3), "s3://no-such-bucket/out")
    with pytest.raises(ConfigurationError, match="s3://bucket/name"):
        place("gs://bucket/out")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    type(bucket.fs).clear_instance_cache()
    with pytest.raises(InvalidInputError, match="connect"):
        run("s3://jobs/in.txt", tmp_path / "out")
    type(bucket.fs).clear_instance_cache()
