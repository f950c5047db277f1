"""Row H15 on a real Ray cluster of this machine: `nox -s cluster -- ray`."""

import re
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from inworld_embeddings import EmbeddingClient
from support import mortal

from .conftest import PATH, ROWS_PER_PART, command, engine_of, killed, made_in, sent

ray = engine_of("ray")
from inworld_embeddings.distributed import ray as on_ray  # noqa: E402 - needs Ray

PAGE = Path(__file__).parents[3] / "docs/use/cluster.md"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory, service):
    """A cluster whose machines know where the service is. Gives a file that kills a worker of this process."""
    die = tmp_path_factory.mktemp("die") / "now"
    environ = {"env_vars": {"INWORLD_TEST_DIE": str(die), "PYTHONPATH": PATH}}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in service.env.items():
            patch.setenv(name, value)
        ray.init(num_cpus=2, object_store_memory=200e6, include_dashboard=False, runtime_env=environ)
    yield die
    ray.shutdown()


def test_H15_a_worker_is_killed(cluster, served, lines, locally, tmp_path):
    """Every row is there once; what the worker had in work is paid for twice, and nothing else."""
    source, out = lines(60), tmp_path / "out"
    expected, parts = locally(source), []
    served.faults.set("latency=0.05")

    def event(event):
        if event.kind == "part" and not parts:
            parts.append(event)
            cluster.touch()

    client = EmbeddingClient(base_url=served.url, api_key=mortal.key, batch_size=4)
    report = on_ray.run_job(str(source), str(out), client=client, rows_per_part=5, on_event=event)
    assert parts
    assert not cluster.exists()  # one has died
    assert (report.finished, report.rows, report.refused, report.parts) == (True, 60, 1, 12)
    assert made_in(out) == expected
    assert len(set(sent(served))) == 59
    assert len(sent(served)) <= 59 + ROWS_PER_PART


def test_H15_a_driver_is_killed_and_the_job_finished_on_a_cluster_that_is_there(
    cluster, served, lines, locally, tmp_path
):
    source, out = lines(60), tmp_path / "out"
    expected = locally(source)
    served.faults.set("latency=0.1")
    options = ["--engine", "ray", "--workers", "2"]
    killed(command(source, out, *options), out, 2)
    options += ["--address", ray.get_runtime_context().gcs_address]
    ended = subprocess.run(command(source, out, *options), capture_output=True, text=True, timeout=300)
    assert (ended.returncode, ended.stderr.count("Traceback")) == (3, 0), ended.stderr  # a row was refused
    assert made_in(out) == expected
    assert len(sent(served)) <= 59 + 2 * ROWS_PER_PART  # two workers died with it


def test_all_workers_together_keep_to_the_given_rate(cluster, served):
    """By `EmbedTable`, in actors that are there before the clock runs, with nine times as much work for one as for the other."""
    rate, times, limit = 40.0, [], on_ray.SharedLimit("rate")
    held = limit.begin(64, rate)
    made = ray.remote(on_ray.EmbedTable).options(num_cpus=0)
    settings = {"base_url": served.url, "api_key": mortal.key, "batch_size": 1, "timeout": 60.0}
    tables = [pa.table({"text": [f"line {n}" for n in range(count)]}) for count in (270, 30)]
    workers = [made.remote("text", limit=limit, **settings) for _ in tables]
    ray.get([worker.__call__.remote(tables[0][:1]) for worker in workers])
    served.faults.set(f"quota={rate:g}")
    served.faults.watch(lambda *_: times.append(time.monotonic()))
    told = ray.get([worker.__call__.remote(table) for worker, table in zip(workers, tables, strict=True)])
    for actor in (*workers, held):
        ray.kill(actor)
    assert [table["vector"].null_count for table in told] == [0, 0]
    assert served.log.statuses.count(429) == 0
    # That it is not much less is for simulated time to say: test_limit.py.
    assert (len(times) - 1) / (times[-1] - times[0]) <= rate * 1.02


def test_the_recipes_for_a_dataset_run(served, tmp_path):
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    data, checkpoints = [block for block in blocks if "ray.data" in block]
    begin = "import ray; ray.init(num_cpus=6, include_dashboard=False, object_store_memory=200e6)"
    program = f"{begin}\nfrom inworld_embeddings.distributed.ray import EmbedTable\n{checkpoints}\n{data}"
    program = program.replace("/shared", str(tmp_path))
    texts = {"id": range(400), "body": [f"line {n}" for n in range(400)]}
    pq.write_table(pa.table(texts), tmp_path / "articles.parquet")
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, timeout=300)
    found = pq.read_table(tmp_path / "vectors")
    assert sorted(found["id"].to_pylist()) == [*range(400)]
    assert found["vector"].null_count == 0
