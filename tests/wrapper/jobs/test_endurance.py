"""Jobs to which something happens from outside, again and again. The environment variable ``ROWS`` says how long the longest is."""

import multiprocessing
import os
import shutil
from concurrent.futures import ProcessPoolExecutor

import pytest

from support import job_storm

ROWS = int(os.environ.get("ROWS", "20000"))
FLAT = 12
"""MiB that a job, with the emulator in its process, may grow by after its first fifth."""


def apart(work, *given):
    """What it returns in a process of its own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *given).result()


def test_H01_H02_killed_at_every_fifth_storage_operation(tmp_path):
    hits, wrong = apart(job_storm.operations, tmp_path, 5)
    assert wrong == []
    assert hits > 8


@pytest.mark.long
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_H01_H03_H04_each_storage_call_fails_or_is_the_last(tmp_path):
    codes, wrong = apart(job_storm.system_calls, tmp_path)
    assert wrong == []
    assert min(codes[-9], codes[1]) > 50


@pytest.mark.long
def test_H12_H14_H17_no_fault_loses_doubles_or_misplaces_a_row_and_memory_stays_flat(tmp_path):
    retries, sizes = apart(job_storm.faults, tmp_path, ROWS)
    assert retries > ROWS // 1000
    assert sizes[-1] < sizes[len(sizes) // 5] + FLAT
