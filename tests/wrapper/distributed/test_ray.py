"""Row H15 on a real Ray cluster of this machine: `nox -s cluster -- ray`."""

import base64
import os
import re
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from inworld_embeddings import EmbeddingClient
from inworld_embeddings.jobs import run_job
from support import mortal

from .conftest import FINISHED, ROWS_PER_PART, content, engine_of, others

ray = engine_of("ray")
from inworld_embeddings.distributed import ray as on_ray  # noqa: E402 - needs Ray

KEY = base64.b64encode(b"local:local").decode()
TESTS = Path(__file__).parents[2]
PROGRAM = """
import os, signal, sys, ray
from inworld_embeddings import EmbeddingClient
from inworld_embeddings.distributed.ray import run_job
ray.init(num_cpus=2, object_store_memory=200e6, include_dashboard=False, log_to_driver=False)

def told(event):
    if event.kind == "part" and event.rows >= 10:
        os.kill(os.getpid(), signal.SIGKILL)

run_job(sys.argv[1], sys.argv[2], client=EmbeddingClient(batch_size=4), rows_per_part=5, on_event=told)
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory, bucket):
    die = tmp_path_factory.mktemp("die") / "now"
    path = os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])
    environ = {"env_vars": {"INWORLD_TEST_DIE": str(die), "PYTHONPATH": path}}
    ray.init(num_cpus=2, object_store_memory=200e6, include_dashboard=False, runtime_env=environ)
    yield die
    ray.shutdown()


@pytest.fixture
def client(served):
    return EmbeddingClient(base_url=served.url, api_key=mortal.key, batch_size=4)


def sent(served):
    return [text for text in served.log.texts if text.startswith("line")]


@pytest.mark.parametrize("where", ["a folder", "an object store"])
def test_H15_a_worker_is_killed(where, cluster, client, served, lines, locally, tmp_path, bucket):
    """Every row is there once; what the worker had in work is paid for twice, and nothing else."""
    source, out = lines(60), tmp_path / "out"
    expected, finished = locally(source), FINISHED
    if where == "an object store":
        text, finished = source.read_bytes(), FINISHED - {".lock"}
        source, out = bucket / "in.txt", bucket / "out"
        source.write_bytes(text)
    served.log.clear()
    served.faults.set("latency=0.05")
    parts = []

    def told(event):
        if event.kind == "part" and not parts:
            parts.append(event)
            cluster.touch()

    report = on_ray.run_job(str(source), str(out), client=client, rows_per_part=5, on_event=told)
    assert parts
    assert not cluster.exists()  # one has died
    assert (report.finished, report.rows, report.refused, report.parts) == (True, 60, 1, 12)
    assert content(out) == expected
    assert others(out) == finished
    assert len(set(sent(served))) == 59
    assert len(sent(served)) <= 59 + ROWS_PER_PART


def test_H15_a_driver_is_killed_and_the_job_finished_without_ray(served, lines, locally, tmp_path):
    source, out = lines(60), tmp_path / "out"
    expected = locally(source)
    served.log.clear()
    served.faults.set("latency=0.1")
    program = [sys.executable, "-c", PROGRAM, source, out]
    ended = subprocess.run(program, capture_output=True, text=True, timeout=300)
    assert ended.returncode == -9, ended.stderr
    time.sleep(2)  # its workers are told by their raylet
    assert 2 <= len(content(out)) < 12
    with EmbeddingClient(batch_size=4) as client:
        assert run_job(source, out, client=client, rows_per_part=5).finished
    assert content(out) == expected
    assert len(sent(served)) <= 59 + 2 * ROWS_PER_PART  # two workers died with it


def test_I07_nothing_that_is_sent_to_workers_holds_the_key(cluster, served, lines, tmp_path, monkeypatch):
    told, dumps = [], ray.cloudpickle.dumps

    def noted(*arguments, **options):
        told.append(dumps(*arguments, **options))
        return told[-1]

    monkeypatch.setattr(ray.cloudpickle, "dumps", noted)
    monkeypatch.setenv("INWORLD_API_KEY", KEY)
    client = EmbeddingClient(base_url=served.url, api_key=mortal.key, batch_size=4)
    on_ray.run_job(lines(12), tmp_path / "out", client=client, rows_per_part=5)
    assert any(served.url.encode() in data for data in told)
    assert not any(KEY[:8].encode() in data or b"local:local" in data for data in told)


@pytest.mark.parametrize("shares", [(150, 150), (270, 30)], ids=["even", "skewed"])
def test_all_workers_together_keep_to_the_given_rate(shares, cluster, served):
    """By `EmbedTable`, in actors that are there before the clock runs."""
    rate, times, limit = 40.0, [], on_ray.SharedLimit("rate")
    held = limit.begin(64, rate)
    made = ray.remote(on_ray.EmbedTable).options(num_cpus=0)
    settings = {"base_url": served.url, "api_key": mortal.key, "batch_size": 1, "timeout": 60.0}
    workers = [made.remote("text", limit=limit, **settings) for _ in shares]
    tables = [pa.table({"text": [f"line {n}" for n in range(count)]}) for count in shares]
    ray.get([worker.__call__.remote(tables[0][:1]) for worker in workers])
    served.faults.set(f"quota={rate:g}")
    served.faults.watch(lambda *_: times.append(time.monotonic()))
    told = ray.get([worker.__call__.remote(table) for worker, table in zip(workers, tables, strict=True)])
    for actor in (*workers, held):
        ray.kill(actor)
    assert [table["vector"].null_count for table in told] == [0, 0]
    assert served.log.statuses.count(429) == 0
    measured = (len(times) - 1) / (times[-1] - times[0])
    print(f"{shares}: {measured:.2f} starts a second of {rate}")  # noqa: T201 - what was measured
    assert measured <= rate * 1.02  # that it is not much less is for simulated time to say: test_limit.py


@pytest.fixture
def running(served, tmp_path, monkeypatch):
    """The address of a Ray cluster that was started by its operator, who gave its machines the key."""
    port = free_port()
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN", secrets.token_hex())
    command = [Path(sys.executable).with_name("ray"), "start", "--head", "--block"]
    command += ["--include-dashboard=false", f"--port={port}", "--num-cpus=2"]
    command += ["--object-store-memory=100000000", "--node-ip-address=127.0.0.1"]
    with (
        tempfile.TemporaryDirectory(prefix="ray", dir="/tmp") as short,
        (tmp_path / "ray.log").open("w+") as log,
    ):
        environ = os.environ | {"RAY_TMPDIR": short}  # a socket's path is short
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environ)
        while "--block" not in (tmp_path / "ray.log").read_text():
            assert process.poll() is None, (tmp_path / "ray.log").read_text()
            time.sleep(0.1)
        yield f"127.0.0.1:{port}"
        process.terminate()
        process.wait()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_H15_a_job_runs_on_a_cluster_that_is_there_by_its_address(running, lines, locally, tmp_path):
    source, out = lines(60), tmp_path / "out"
    expected = locally(source, text="text")
    command = [sys.executable, "-m", "inworld_embeddings", "job", "run", source, "-o", out]
    command += ["--engine", "ray", "--address", running, "--workers", "2", "--rows-per-part", "5"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert (ended.returncode, ended.stderr.count("Traceback")) == (3, 0), ended.stderr  # a row was refused
    assert content(out) == expected
    assert others(out) == FINISHED


PAGE = (TESTS.parent / "docs/use/cluster.md").read_text("utf-8")
RECIPE = [block for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "ray.data" in block]


def test_the_recipe_for_a_dataset_goes_on_by_rays_checkpoints(served, tmp_path):
    """Killed once something is written; the second run sends no row that was."""
    ids = list(range(400))
    pq.write_table(pa.table({"id": ids, "body": [f"line {n}" for n in ids]}), tmp_path / "articles.parquet")
    data, checkpoints = RECIPE
    program = ["import ray", "ray.init(num_cpus=6, include_dashboard=False, object_store_memory=200e6)"]
    program += ["from inworld_embeddings.distributed.ray import EmbedTable", checkpoints, data]
    text = "\n".join(program).replace("/shared", str(tmp_path)).replace("batch_size=1024", "batch_size=10")
    text = text.replace("data.map_batches", "data.repartition(8).map_batches")

    def run(*, kill):
        with (tmp_path / "ray.log").open("w+") as log:
            process = subprocess.Popen([sys.executable, "-c", text], cwd=tmp_path, stdout=log, stderr=log)
            while process.poll() is None:
                if kill and list((tmp_path / "checkpoint").rglob("*.parquet")):
                    process.kill()
                time.sleep(0.05)
        return process.returncode

    served.faults.set("ok x35, latency=30")  # of eight blocks of five requests, three at least are done
    assert run(kill=True) == -9, (tmp_path / "ray.log").read_text()
    served.faults.clear()
    time.sleep(2)  # its workers are told by their raylet
    before = len(sent(served))
    assert run(kill=False) == 0, (tmp_path / "ray.log").read_text()
    found = pq.read_table(tmp_path / "vectors")
    assert sorted(found["id"].to_pylist()) == ids
    assert found["vector"].null_count == 0
    assert len(sent(served)) - before < len(ids)
