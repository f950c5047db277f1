"""Jobs to which something happens from outside, again and again: see `support/job_storm.py`. ``KILLS`` and ``ROWS`` say how often."""

import json
import logging
import os
import shutil
import subprocess
import sys
from array import array
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

import support
from inworld_embeddings.jobs import parts, run_job
from inworld_embeddings.testing import FakeEngine, local_client

PROGRAM = Path(support.__path__[0]) / "job_storm.py"
KILLS, ROWS = int(os.environ.get("KILLS", "30")), int(os.environ.get("ROWS", "20000"))


def storm(*arguments):
    """Runs the program; what it tells."""
    environment = {**os.environ, "PYTHONPATH": ":".join([str(PROGRAM.parents[1]), *sys.path])}
    command = [sys.executable, str(PROGRAM), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    print(done.stdout, done.stderr[-2000:])
    told = json.loads(done.stdout or "{}")
    assert told.get("wrong") == []
    return told


@pytest.mark.parametrize("step", [5, pytest.param(1, marks=pytest.mark.long)])
def test_H01_H02_killed_at_each_storage_operation(step):
    assert storm("operations", step)["hits"] > 40


@pytest.mark.long
def test_H01_killed_at_random_it_ends_with_the_same_bytes_and_pays_for_little_twice():
    assert storm("kills", KILLS)["hits"] >= KILLS


@pytest.mark.long
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_H01_H03_H04_each_storage_call_fails_or_is_the_last():
    told = storm("strace")
    assert told["hits"] > 300
    assert {"1", "-9"} <= told["codes"].keys()


def test_H05_files_that_may_not_grow_and_a_disk_that_is_full(tmp_path):
    assert storm("limits")["codes"]["limited 1"] >= 3
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "none", tmp_path], check=False).returncode:
        pytest.skip("a small tmpfs cannot be mounted here")
    try:
        assert storm("limits", tmp_path)["codes"]["filled 1"] >= 3
    finally:
        subprocess.run(["umount", tmp_path], check=True)


@pytest.mark.long
def test_H12_H14_H17_no_fault_loses_doubles_or_misplaces_a_row_and_memory_stays_flat(lines, out, caplog):
    asked = array("H", bytes(2 * ROWS))  # how often each text was paid for
    sizes = []

    class Counted(FakeEngine):
        def embed(self, texts):
            for text in texts:
                if text.startswith("line"):
                    asked[int(text[5:])] += 1
            return super().embed(texts)

    def seen(event):
        if event.kind == "part":
            with open("/proc/self/statm") as file:
                sizes.append(int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20)

    faults = "10% status=503 + 5% status=429 + 5% drop=head;reset + 5% truncate + 5% short"
    caplog.set_level(logging.ERROR, "inworld_embeddings")  # what is kept of the log grows
    with local_client(engine=Counted(8), faults=faults, batch_size=128) as client:
        options = {"rows_per_part": max(1000, ROWS // 100), "on_event": seen}
        report = run_job(lines(ROWS), out, client=client, **options)
    assert (report.finished, report.rows, report.refused) == (True, ROWS, 0)
    table = pq.read_table(out, columns=["row", "vector"])
    assert np.array_equal(table["row"], np.arange(ROWS))
    vectors = parts.vectors_of(table)
    for first in range(0, ROWS, 10_000):
        texts = [f"line {n}" for n in range(first, min(ROWS, first + 10_000))]
        assert np.array_equal(
            vectors[first : first + 10_000], np.array(FakeEngine(8).embed(texts), np.float32)
        )
    twice = sum(asked) - ROWS
    print(
        f"{report.requests} requests, {report.retries} retries, {twice} texts paid for twice, MiB {sizes[::10]}"
    )
    assert min(asked) >= 1
    assert sizes[-1] < sizes[len(sizes) // 5] + 40
