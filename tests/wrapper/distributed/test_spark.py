"""Row H15 on a real Spark of this machine: `nox -s cluster -- spark`."""

import base64
import json
import os
import re
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from .conftest import FINISHED, ROWS_PER_PART, content, engine_of, others

pyspark = engine_of("spark", "pyspark")
KEY = base64.b64encode(b"local:local").decode()
TESTS = Path(__file__).parents[2]
PROGRAM = """
import os, signal, sys
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
master = "local[2,4]" if form in ("classic", "connect") else form
session = (builder.remote(master) if form == "connect" else builder.master(master)).getOrCreate()

def event(one):
    if one.rows and os.environ.get("INWORLD_TEST_KILL") == form:
        Path(os.environ["INWORLD_TEST_DIE"]).touch()
        del os.environ["INWORLD_TEST_KILL"]
    if one.rows >= 10 and os.environ.get("INWORLD_TEST_KILL") == "driver":
        os.kill(os.getpid(), signal.SIGKILL)

client = EmbeddingClient(base_url=url, api_key=mortal.key, batch_size=4, max_concurrency=1)
report = run_job(source, out, client=client, rows_per_part=5, on_event=event)
assert (report.finished, report.rows, report.refused, report.parts) == (True, 60, 1, 12), report
assert any(url.encode() in data for data in told)
assert not any(KEY in data for data in told for KEY in (b"local:local", b"bG9jYWw6"))
if master == form:
    tasks = session.sparkContext._jsc.sc().statusStore().taskList(0, 0, 9)
    print("ATTEMPTS", tasks.size(), sum(tasks.apply(at).speculative() for at in range(tasks.size())))
print("VECTOR", dict(session.read.parquet(out).dtypes)["vector"])
session.stop()
"""


@pytest.fixture
def run(served, tmp_path):
    """Runs the program above; what it takes down, and its exit code, are of a process of its own."""

    def run(form, kill):
        path = os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])
        environ = {
            "PYTHONPATH": path,
            "INWORLD_TEST_DIE": str(tmp_path / "die"),
            "INWORLD_TEST_KILL": kill,
            "PYSPARK_PYTHON": sys.executable,
        }
        command = [sys.executable, "-c", PROGRAM, tmp_path / "in.txt", tmp_path / "out", form, served.url]
        # No pipe: what Spark leaves behind would hold it open.
        with (tmp_path / "errors").open("w+") as errors:
            ended = subprocess.run(
                command,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                timeout=400,
                env=os.environ | environ,
            )
        return ended.returncode, ended.stdout, (tmp_path / "errors").read_text()

    return run


def sent(served):
    return [text for text in served.log.texts if text.startswith("line")]


@pytest.fixture
def standalone(tmp_path, monkeypatch):
    """A master and two workers. Each has an address of its own, for a twin is never put where the first attempt is."""
    home = Path(pyspark.__file__).parent
    environ = os.environ | {
        "SPARK_HOME": str(home),
        "SPARK_LOCAL_DIRS": str(tmp_path / "spark"),
        "PYTHONPATH": os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")]),
        "INWORLD_TEST_DIE": str(tmp_path / "die"),
    }
    monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")

    def start(role, host, *arguments):
        command = [home / "bin/spark-class", f"org.apache.spark.deploy.{role.lower()}.{role}", "--host", host]
        with (tmp_path / host).open("w") as log:
            process = subprocess.Popen(
                [*command, "--webui-port", "0", *arguments], stdout=log, stderr=log, env=environ
            )
        processes.callback(process.wait)
        processes.callback(process.terminate)

    def said(host, pattern):
        while not (found := re.search(pattern, (tmp_path / host).read_text())):
            time.sleep(0.1)
        return found[0]

    with ExitStack() as processes:
        start("Master", "127.0.0.1", "--port", "0")
        address = said("127.0.0.1", r"spark://127\.0\.0\.1:\d+")
        for host in ("127.0.0.2", "127.0.0.3"):
            start("Worker", host, "--cores", "1", "--memory", "1g", "-d", str(tmp_path / "spark"), address)
        for host in ("127.0.0.2", "127.0.0.3"):
            said(host, "Successfully registered")
        yield address


@pytest.mark.parametrize(("how", "twins"), [("stop", 1), ("executor", 0)])
def test_H15_a_twin_takes_over_for_a_straggler_and_an_executor_is_killed(
    how, twins, standalone, run, served, lines, locally, tmp_path, monkeypatch
):
    """Spark alone starts the other attempt. Paid for twice is what was sent of a part that is not there, and a batch beyond it."""
    expected = locally(lines(60))
    served.log.clear()
    (tmp_path / "die").write_text(how)
    conf = {"": bool(twins), ".quantile": 0.5, ".multiplier": 1}  # once one of the two tasks has ended
    settings = [f"--conf spark.speculation{name}={json.dumps(value)}" for name, value in conf.items()]
    monkeypatch.setenv("PYSPARK_SUBMIT_ARGS", " ".join([*settings, "pyspark-shell"]))
    code, printed, errors = run(standalone, kill="")
    assert code == 0, errors[-3000:]
    assert not (tmp_path / "die").exists()
    assert f"ATTEMPTS 3 {twins}" in printed  # of two tasks
    assert content(tmp_path / "out") == expected
    assert others(tmp_path / "out") == FINISHED
    assert len(set(sent(served))) == 59
    assert len(sent(served)) <= 59 + ROWS_PER_PART + 4


@pytest.mark.parametrize("form", ["classic", "connect"])
def test_H15_a_python_worker_is_killed(form, run, served, lines, locally, tmp_path):
    """Every row is there once, and what is paid for twice is what was in work. No task holds the key."""
    expected = locally(lines(60))
    served.log.clear()
    served.faults.set("latency=0.4")
    code, printed, errors = run(form, kill=form)
    assert code == 0, errors[-3000:]
    assert not (tmp_path / "die").exists()
    assert "SIGKILL" in errors or "crashed" in errors
    assert "VECTOR array<float>" in printed  # of no fixed size: Spark has no such type
    assert content(tmp_path / "out") == expected
    assert others(tmp_path / "out") == FINISHED
    assert len(set(sent(served))) == 59
    assert len(sent(served)) <= 59 + 2 * ROWS_PER_PART


def test_H15_a_driver_is_killed_and_started_again(run, served, lines, locally, tmp_path):
    expected = locally(lines(60))
    served.log.clear()
    served.faults.set("latency=0.4")
    code, _, errors = run("classic", kill="driver")
    assert code == -9, errors[-3000:]
    assert 2 <= len(content(tmp_path / "out")) < 12
    served.faults.clear()
    code, _, errors = run("classic", kill="")
    assert code == 0, errors[-3000:]
    assert content(tmp_path / "out") == expected
    assert others(tmp_path / "out") == FINISHED
    # Of each of two workers, a part that lacked something, and a batch that had begun in it.
    assert len(sent(served)) <= 59 + 2 * (ROWS_PER_PART + 4)


def test_H15_the_command_runs_a_job_on_a_spark_of_its_own(served, lines, locally, tmp_path, monkeypatch):
    source, out = lines(60), tmp_path / "out"
    expected = locally(source, text="text")
    monkeypatch.delenv("PYSPARK_PYTHON", raising=False)
    command = [sys.executable, "-m", "inworld_embeddings", "job", "run", source, "-o", out]
    command += ["--engine", "spark", "--address", "local[2,4]", "--rows-per-part", "5"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=400)
    assert ended.returncode == 3, ended.stderr[-3000:]  # a row was refused
    assert content(out) == expected
