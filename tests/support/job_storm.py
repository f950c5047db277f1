"""Small jobs in forked processes, to which something happens from outside; and a long one, whose service fails all the time.

To be called in a process of its own, which has one thread when it forks. What is ``wrong`` is where a job did not go on to
the bytes of one that was left alone.
"""

import collections
import itertools
import json
import logging
import multiprocessing
import os
import signal
import subprocess

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


def run(source, out, engine=None, **options):
    """Runs the job; raises what it raises."""
    engine = engine or FakeEngine(8)
    with local_client(engine=engine, batch_size=BATCH, max_concurrency=2, **options) as client:
        run_job(source, out, client=client, text="t", id="n", rows_per_part=ROWS_PER_PART)


def forked(work, *given):
    """Starts some work in a process of its own."""
    child = multiprocessing.get_context("fork").Process(target=work, args=given, daemon=True)
    child.start()
    return child


def ended(child):
    """Waits for it; its exit code: 1 after an error, -9 if it was killed."""
    child.join(120)
    return child.exitcode


def left_alone(folder):
    """An input, and the parts of a job that nothing happens to."""
    clients._load()  # once, for all that are forked: so a job takes milliseconds
    source, out = folder / "in.jsonl", folder / "whole"
    source.write_text("".join(json.dumps({"n": str(n), "t": f"line {n}"}) + "\n" for n in range(ROWS)))
    ended(forked(run, source, out))
    return source, content(out)


def goes_on(out, whole, work, *given):
    """Runs a job again to its end; what was wrong with its parts, and is now."""
    wrong = [f"{out.name}: {name} is not whole" for name, data in content(out).items() if data != whole[name]]
    code = ended(forked(work, *given))
    if code or content(out) != whole or not (out / "_SUCCESS").exists() or list(out.glob(".*.tmp")):
        wrong.append(f"{out.name}: exit code {code}, {os.listdir(out)}")
    return wrong


def operations(folder, step):
    """kill -9 before each operation of the module that publishes, or each fifth say; nothing but what was in work is paid again."""
    source, whole = left_alone(folder)
    hits, wrong = 0, []

    def dying(out, sent, at):
        storage.os = Disk(at)
        run(source, out, Noted(sent), faults="latency=2ms")

    for at in itertools.count(1, step):
        out, sent = folder / f"out-{at}", folder / f"sent-{at}"
        if ended(forked(dying, out, sent, at)) != -9:
            break
        hits += 1
        wrong += goes_on(out, whole, dying, out, sent, 0)
        paid = [text for text in sent.read_text().splitlines() if text.startswith("line")]
        if len(set(paid)) != ROWS or len(paid) > ROWS + ROWS_PER_PART + WINDOW:
            wrong.append(f"{out.name}: of {len(set(paid))} texts {len(paid)} were sent")
    return hits, wrong


CALLS = ("fsync", "link", "unlink", "rename", "ftruncate", "write", "close", "openat")


def traced(inject, work, *given):
    """Some work under strace, from its first step on; its exit code."""

    def stopped():
        os.kill(os.getpid(), signal.SIGSTOP)
        work(*given)

    child = forked(stopped)
    os.waitpid(child.pid, os.WUNTRACED)
    command = ["strace", "-f", "-p", str(child.pid), "-o", "/dev/null", "-e", f"inject={inject}"]
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    tracer.stderr.readline()  # "attached"
    os.kill(child.pid, signal.SIGCONT)
    code = ended(child)
    tracer.communicate()
    return code


def system_calls(folder):
    """The process dies, or the system says no, at each storage call: at a thread's first one, at its second one, ..."""
    source, whole = left_alone(folder)
    codes, wrong = collections.Counter(), []
    errors = itertools.cycle(["error=EIO", "error=ENOSPC", "error=EDQUOT"])

    def happens(call, act, at):
        out = folder / f"{call}-{act}-{at}"
        code = traced(f"{call}:{act}:when={at}", run, source, out)
        codes[code] += 1
        wrong.extend(goes_on(out, whole, run, source, out))
        return code

    for call in CALLS:
        at = 1
        while happens(call, "signal=SIGKILL", at) == -9:
            happens(call, next(errors), at)
            at += 1
    return codes, wrong


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
