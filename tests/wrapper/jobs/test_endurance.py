"""Jobs to which something happens from outside, again and again. The environment variable ``ROWS`` says how long the longest is."""

import multiprocessing
import os
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


@pytest.mark.parametrize("step", [5, pytest.param(1, marks=pytest.mark.long)])
def test_H01_H02_killed_at_every_fifth_or_at_every_storage_operation(tmp_path, step):
    hits, wrong = apart(job_storm.operations, tmp_path, step)
    assert wrong == []
    assert hits > 40 // step


@pytest.mark.long
def test_H12_H14_H17_no_fault_loses_doubles_or_misplaces_a_row_and_memory_stays_flat(tmp_path):
    retries, sizes = apart(job_storm.faults, tmp_path, ROWS)
    assert retries > ROWS // 1000
    assert sizes[-1] < sizes[len(sizes) // 5] + FLAT
