"""Small jobs in forked processes, which are killed; and a long one, whose service fails all the time.

To be called in a process of its own, which has one thread when it forks. What is ``wrong`` is where a job did not go on to
the bytes of one that was left alone.
"""

import itertools
import json
import logging
import multiprocessing
import os

import numpy as np

from inworld_embeddings import client as clients
from inworld_embeddings.jobs import open_job, run_job, storage
from inworld_embeddings.testing import FakeEngine, fake_vectors, local_client
from support.storage import Disk, content

ROWS, ROWS_PER_PART, BATCH = 60, 40, 8
WINDOW = 4 * BATCH  # two requests in flight, and as many ready


class Noted(FakeEngine):
    """Notes each text in a file, which outlives the process."""

    def __init__(self, path):
        super().__init__(8)
        self._file = path.open("ab", buffering=0)

    def embed(self, texts):
        self._file.write("".join(f"{text}\n" for text in texts).encode())
        return super().embed(texts)


def ended(work, *given):
    """Some work in a process of its own; its exit code: 1 after an error, -9 if it was killed."""
    child = multiprocessing.get_context("fork").Process(target=work, args=given, daemon=True)
    child.start()
    child.join(120)
    return child.exitcode


def operations(folder, step):
    """kill -9 before each operation of the module that publishes, or each fifth say; nothing but what was in work is paid again."""
    clients._load()  # once, for all that are forked: so a job takes milliseconds
    source, hits, wrong = folder / "in.jsonl", 0, []
    source.write_text("".join(json.dumps({"n": str(n), "t": f"line {n}"}) + "\n" for n in range(ROWS)))

    def run(out, sent, at=0):
        storage.os = Disk(at)
        service = {"engine": Noted(sent), "batch_size": BATCH, "max_concurrency": 2, "faults": "latency=2ms"}
        with local_client(**service) as client:
            run_job(source, out, client=client, text="t", id="n", rows_per_part=ROWS_PER_PART)

    ended(run, folder / "whole", folder / "all")
    whole = content(folder / "whole")
    for at in itertools.count(1, step):
        out, sent = folder / f"out-{at}", folder / f"sent-{at}"
        if ended(run, out, sent, at) != -9:
            break
        hits += 1
        if not content(out).items() <= whole.items():
            wrong.append(f"{out.name}: {os.listdir(out)} are not whole")
        code = ended(run, out, sent)
        if code or content(out) != whole or not (out / "_SUCCESS").exists() or list(out.glob(".*.tmp")):
            wrong.append(f"{out.name}: exit code {code}, {os.listdir(out)}")
        paid = [text for text in sent.read_text().splitlines() if text.startswith("line")]
        if len(set(paid)) != ROWS or len(paid) > ROWS + ROWS_PER_PART + WINDOW:
            wrong.append(f"{out.name}: of {len(set(paid))} texts {len(paid)} were sent")
    return hits, wrong


FAULTS = "10% status=503 + 5% status=429 + 5% drop=head;reset + 5% truncate + 5% short"


def faults(folder, rows):
    """Three requests in ten fail, in five ways; how many were sent again, and MiB of memory after each part."""
    logging.getLogger("inworld_embeddings").setLevel(logging.ERROR)
    source, sizes, there = folder / "in.txt", [], 0
    source.write_text("".join(f"line {n}\n" for n in range(rows)))

    def seen(event):
        if event.kind == "part":
            with open("/proc/self/statm") as file:
                sizes.append(int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20)

    with local_client(dimension=8, faults=FAULTS, batch_size=128) as client:
        report = run_job(
            source, folder / "out", client=client, rows_per_part=max(1000, rows // 100), on_event=seen
        )
    for numbers, vectors in open_job(folder / "out").vectors():
        assert np.array_equal(numbers, np.arange(there, there := there + len(numbers)))
        assert np.array_equal(vectors, np.float32(fake_vectors([f"line {n}" for n in numbers], 8)))
    assert there == rows
    return report.retries, sizes
