"""What a job has made, exported into one file of each kind."""

import csv
import datetime as dt
import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from inworld_embeddings import JobError
from inworld_embeddings.jobs import export_job, open_job, parts
from inworld_embeddings.testing import fake_vectors

from .conftest import DIM, whole

CARRIED = {
    "id": pa.array([*"abcdef"], pa.string_view()),
    "score": [1.5, float("nan"), None, 0.0, 2.0, 3.0],
    "raw": [b"\xff", b"", None, b"x", b"y", b"z"],
    "tags": [["x"], [], None, [], ["y"], []],
    "at": [dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)] * 6,
}


@pytest.fixture
def made(job, tmp_path, out):
    """The folder of a job whose second row is refused, in two parts."""
    texts = pa.array(["line 0", None, *(f"line {n}" for n in range(2, 6))])
    pq.write_table(pa.table({"text": texts, **CARRIED}), tmp_path / "in.parquet")
    job(tmp_path / "in.parquet", text="text", id="id", keep=("score", "raw", "tags", "at"))
    return out


VECTORS = np.float32(fake_vectors([f"line {n}" for n in range(6)], DIM)).tolist()
VECTORS[1] = None


def exported(out, name):
    path = out.parent / name
    assert export_job(out, path) == 6
    return path


def test_parquet_holds_the_rows_of_all_parts(made):
    there, table = whole(made), parts.read_part(exported(made, "all.parquet"))
    assert table.schema.remove_metadata() == there.schema.remove_metadata()
    assert str(table.to_pylist()) == str(there.to_pylist())  # NaN is not equal to itself
    assert table["vector"].to_pylist() == VECTORS


def test_npy_can_be_mapped_and_a_refused_row_is_nan(made):
    vectors = np.load(exported(made, "all.npy"), mmap_mode="r")
    assert np.array_equal(vectors, [row or [np.nan] * DIM for row in VECTORS], equal_nan=True)


def test_json_lines_and_csv_say_the_same_of_every_type(made):
    lines = [json.loads(line) for line in exported(made, "all.jsonl").read_text().splitlines()]
    assert [line.pop("vector") for line in lines] == VECTORS
    assert lines[0] == {
        "row": 0,
        "id": "a",
        "score": 1.5,
        "raw": "/w==",
        "tags": ["x"],
        "at": "2026-01-02T03:04:05Z",
        "error": None,
    }
    assert (lines[1]["score"], lines[1]["error"]["code"]) == (None, "InvalidInputError")
    assert [row["id"] for row in open_job(made).refused_rows()] == ["b"]
    with exported(made, "all.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [json.loads(row.pop("vector") or "null") for row in rows] == VECTORS
    assert [*rows[0].values()] == ["0", "a", "1.5", "/w==", '["x"]', "2026-01-02T03:04:05Z", ""]
    assert json.loads(rows[1]["error"])["code"] == "InvalidInputError"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("in.parquet", "is an input of this job"),
        ("link/in.parquet", "is an input of this job"),
        ("link/out/all.npy", "in the job's folder it would be"),
        ("x.xls", "must end with one of"),
    ],
)
def test_what_cannot_be_the_file_is_told_and_stays(made, name, says):
    (made.parent / "link").symlink_to(made.parent)
    before = (made.parent / "in.parquet").read_bytes()
    with pytest.raises(JobError, match=says):
        export_job(made, made.parent / name)
    assert (made.parent / "in.parquet").read_bytes() == before


def test_what_is_not_finished_is_not_exported(made):
    (made / "part-000000001.parquet").unlink()
    with pytest.raises(JobError, match="is not finished: 5 rows are there"):
        export_job(made, made.parent / "all.npy")
