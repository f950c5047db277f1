"""Jobs to which something happens from outside, again and again: see `support/job_storm.py`. ``KILLS`` and ``ROWS`` say how often."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import support

PROGRAM = Path(support.__path__[0]) / "job_storm.py"
KILLS, ROWS = int(os.environ.get("KILLS", "30")), int(os.environ.get("ROWS", "20000"))
FLAT = 12
"""MiB that a job, with the emulator in its process, may grow by after its first fifth."""


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


def test_H05_files_that_may_not_grow_are_written_in_part():
    assert storm("limits")["codes"] == [1, 1, 1]


def test_H05_a_disk_that_is_full():
    if not (codes := storm("full")["codes"]):
        pytest.skip("a small disk cannot be mounted here")
    assert codes == [1, 1, 1]


@pytest.mark.long
def test_H12_H14_H17_no_fault_loses_doubles_or_misplaces_a_row_and_memory_stays_flat():
    told = storm("faults", ROWS)
    assert told["retries"] > ROWS // 1000
    sizes = told["mib"]
    assert sizes[-1] < sizes[len(sizes) // 5] + FLAT
