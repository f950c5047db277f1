"""Row H15 on a real Spark of this machine: `nox -s cluster -- spark`."""

import base64
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import FINISHED, ROWS_PER_PART, content, engine_of, others

engine_of("spark", "pyspark")
KEY = base64.b64encode(b"local:local").decode()
TESTS = Path(__file__).parents[2]
PROGRAM = """
import os, sys
from pathlib import Path
import pyspark.cloudpickle as cloudpickle
from pyspark.sql import SparkSession
from inworld_embeddings import EmbeddingClient
from inworld_embeddings.distributed.spark import run_job
from support import mortal

told, dumps = [], cloudpickle.dumps
def noted(*arguments, **options):
    told.append(dumps(*arguments, **options))
    return told[-1]
cloudpickle.dumps = noted

source, out, form, url = sys.argv[1:]
builder = SparkSession.builder.config("spark.ui.enabled", "false").config("spark.task.maxFailures", "4")
session = (builder.remote("local[2,4]") if form == "connect" else builder.master("local[2,4]")).getOrCreate()

def event(one):
    if one.rows and os.environ.get("INWORLD_TEST_KILL") == form:
        Path(os.environ["INWORLD_TEST_DIE"]).touch()
        del os.environ["INWORLD_TEST_KILL"]

client = EmbeddingClient(base_url=url, api_key=mortal.key, batch_size=4, max_concurrency=1)
report = run_job(source, out, client=client, rows_per_part=5, on_event=event)
assert (report.finished, report.rows, report.refused, report.parts) == (True, 60, 1, 12), report
assert any(url.encode() in data for data in told)
assert not any(KEY in data for data in told for KEY in (b"local:local", b"bG9jYWw6"))
print("VECTOR", dict(session.read.parquet(out).dtypes)["vector"])
session.stop()
"""


@pytest.mark.parametrize("form", ["classic", "connect"])
def test_H15_a_python_worker_is_killed(form, served, lines, locally, tmp_path):
    """Every row is there once, and what is paid for twice is what was in work. No task holds the key."""
    source, out, die = lines(60), tmp_path / "out", tmp_path / "die"
    expected = locally(source)
    served.log.clear()
    served.faults.set("latency=0.4")
    path = os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])
    environ = {
        "PYTHONPATH": path,
        "INWORLD_TEST_DIE": str(die),
        "INWORLD_TEST_KILL": form,
        "PYSPARK_PYTHON": sys.executable,
    }
    command = [sys.executable, "-c", PROGRAM, source, out, form, served.url]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=400, env=os.environ | environ)
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert not die.exists()
    assert "SIGKILL" in ended.stderr or "crashed" in ended.stderr
    assert "VECTOR array<float>" in ended.stdout  # of no fixed size: Spark has no such type
    assert content(out) == expected
    assert others(out) == FINISHED
    sent = [text for text in served.log.texts if text.startswith("line")]
    assert len(set(sent)) == 59
    assert len(sent) <= 59 + 2 * ROWS_PER_PART
