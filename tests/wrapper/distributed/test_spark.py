"""Row H15 on a real Spark of this machine: `nox -s cluster -- spark`."""

import os
import subprocess
import sys

import pytest

from .conftest import PATH, ROWS_PER_PART, command, engine_of, killed, made_in, sent

engine_of("spark", "pyspark")
PROGRAM = """
import sys
from pathlib import Path
from pyspark.sql import SparkSession
from inworld_embeddings import EmbeddingClient
from inworld_embeddings.distributed.spark import run_job
from support import mortal

source, out, url, form, die = sys.argv[1:]
builder = SparkSession.builder.config("spark.ui.enabled", "false").config("spark.task.maxFailures", "4")
session = (builder.remote("local[2,4]") if form == "connect" else builder.master(form)).getOrCreate()

died = []
def event(one):
    if one.rows and not died:
        died.append(Path(die).touch())

client = EmbeddingClient(base_url=url, api_key=mortal.key, batch_size=4, max_concurrency=1)
report = run_job(source, out, client=client, rows_per_part=5, on_event=event)
assert (report.finished, report.rows, report.refused, report.parts) == (True, 60, 1, 12), report
print("VECTOR", dict(session.read.parquet(out).dtypes)["vector"])
session.stop()
"""


@pytest.mark.parametrize("form", ["local[2,4]", "connect"])
def test_H15_a_worker_is_killed(form, served, lines, locally, tmp_path, monkeypatch):
    """Every row is there once, and what is paid for twice is what was in work."""
    source, out, die = lines(60), tmp_path / "out", tmp_path / "die"
    expected = locally(source)
    served.faults.set("latency=0.4")
    environ = {"PYTHONPATH": PATH, "INWORLD_TEST_DIE": str(die), "PYSPARK_PYTHON": sys.executable}
    # No pipe: what Spark leaves behind would hold it open.
    with (tmp_path / "said").open("w") as said:
        program = [sys.executable, "-c", PROGRAM, source, out, served.url, form, die]
        ended = subprocess.run(program, stdout=said, stderr=said, timeout=400, env=os.environ | environ)
    said = (tmp_path / "said").read_text()
    assert ended.returncode == 0, said[-3000:]
    assert not die.exists()
    assert "VECTOR array<float>" in said  # of no fixed size: Spark has no such type
    assert made_in(out) == expected
    assert len(set(sent(served))) == 59
    assert len(sent(served)) <= 59 + 2 * ROWS_PER_PART


def test_H15_a_driver_is_killed_and_started_again(served, lines, locally, tmp_path, monkeypatch):
    source, out = lines(600), tmp_path / "out"
    expected = locally(source)
    served.faults.set("latency=0.4")
    monkeypatch.delenv("PYSPARK_PYTHON", raising=False)
    run = command(source, out, "--engine", "spark", "--address", "local[2,4]")
    killed(run, out, 8)
    served.faults.clear()
    with (tmp_path / "said").open("w") as said:
        code = subprocess.run(run, stdout=said, stderr=said, timeout=400).returncode
    assert code == 3, (tmp_path / "said").read_text()[-3000:]  # a row was refused
    assert made_in(out) == expected
    assert len(sent(served)) <= 599 + 2 * 8 * ROWS_PER_PART  # of each of two workers, what it was given
