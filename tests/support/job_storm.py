"""A program: runs a small job over and over in forked processes, to which something happens from outside.

    job_storm.py operations STEP | kills COUNT | strace | limits | full | faults ROWS

Prints JSON: how often it happened, and where a job did not end with the bytes of one that was left alone. This process
has only its own thread when it forks, and everything loaded, so that a job takes milliseconds. ``faults`` is one long job
in this process, whose memory nothing else uses.
"""

import collections
import itertools
import json
import logging
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from array import array
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from inworld_embeddings import StorageError
from inworld_embeddings import client as clients
from inworld_embeddings.jobs import parts, run_job, storage
from inworld_embeddings.testing import FakeEngine, local_client
from support.storage import Disk, content, killed

ROWS_PER_PART, BATCH = 40, 8
WINDOW = 4 * BATCH  # two requests in flight, and as many ready


class Counted(FakeEngine):
    """Notes each text in a file, which outlives the process."""

    def __init__(self, path):
        super().__init__(8)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def embed(self, texts):
        os.write(self._file, b"".join(b"%s\n" % text.encode() for text in texts))
        return super().embed(texts)


def run(source, out, engine=None, **options):
    """Runs the job; raises what it raises."""
    engine = engine or FakeEngine(8)
    with local_client(engine=engine, batch_size=BATCH, max_concurrency=2, **options) as client:
        run_job(source, out, client=client, text="t", id="n", rows_per_part=ROWS_PER_PART)


def sent_of(out):
    return out.with_name(f"{out.name}.sent")


def counted(source, out):
    """The same, slowly, and what was sent is noted."""
    run(source, out, Counted(sent_of(out)), faults="latency=2ms")


def forked(work):
    """Starts some work in a process of its own: 0 is its exit code when it is done, 1 after a storage error."""
    child = os.fork()
    if child:
        return child
    signal.alarm(120)  # whatever hangs is a failure
    code = 2
    try:
        work()
        code = 0
    except StorageError:
        code = 1
    except BaseException as error:  # noqa: BLE001 - the child ends here, whatever it was
        print(repr(error), file=sys.stderr, flush=True)
    os._exit(code)


def ended(child):
    """Waits for it; its exit code, -9 if it was killed."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def sources(folder, rows):
    """The same rows as Parquet and as JSON Lines."""
    table = pa.table({"n": [str(n) for n in range(rows)], "t": [f"line {n}" for n in range(rows)]})
    pq.write_table(table, folder / "in.parquet")
    (folder / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in table.to_pylist()))
    return [folder / "in.parquet", folder / "in.jsonl"]


def wrong_with(out, whole, code):
    """What is wrong with a job that should be finished."""
    if code or content(out) != whole:
        return f"differs, exit code {code}"
    return None if (out / "_SUCCESS").exists() and not list(out.glob(".*.tmp")) else "is not finished"


def goes_on(source, out, whole):
    """Runs a job again that was ended by an error; what was wrong with its parts, and is now."""
    wrong = [f"{out.name}: {name} is not whole" for name, data in content(out).items() if data != whole[name]]
    if why := wrong_with(out, whole, ended(forked(partial(run, source, out)))):
        wrong.append(f"{out.name} {why}")
    shutil.rmtree(out)
    return wrong


def paid_twice(out, rows, kills):
    """How many texts were, and what is wrong with that after so many kills."""
    sent = collections.Counter(sent_of(out).read_text().splitlines())
    again = sum(times - 1 for text, times in sent.items() if text.startswith("line"))
    fine = len(sent) == rows + 1 and again <= kills * (ROWS_PER_PART + WINDOW)
    return again, "" if fine else f"sent {len(sent)} texts, {again} of them twice, after {kills} kills"


def operations(folder, step):
    """kill -9 before each operation, or each fifth say, of the module that publishes, counted from a whole run."""
    rows, wrong = 50, []  # two parts
    source, whole = sources(folder, rows)[1], folder / "whole"

    def dying(out, at):
        storage.os = Disk(at, killed)
        counted(source, out)
        (folder / "count").write_text(str(len(storage.os.log)))

    ended(forked(partial(dying, whole, 0)))
    hits = int((folder / "count").read_text())
    for at in range(1, hits + 1, step):
        out = folder / f"out-{at}"
        died = ended(forked(partial(dying, out, at))) == -9
        code = ended(forked(partial(counted, source, out)))
        lives = "" if died else "lives"
        if why := wrong_with(out, content(whole), code) or paid_twice(out, rows, 1)[1] or lives:
            wrong.append(f"{out.name} {why}")
    return {"hits": hits, "wrong": wrong}


def kills(folder, count):
    """kill -9 at random moments, until so many have hit."""
    seed = random.randrange(1 << 32)
    generator, rows, wrong, hits, twice, jobs = random.Random(seed), 800, [], 0, 0, 0
    inputs = sources(folder, rows)
    took = {}
    for source in inputs:
        began = time.monotonic()
        if ended(forked(partial(counted, source, folder / f"whole-{source.suffix}"))):
            wrong.append(f"{source.name} alone")
        took[source] = time.monotonic() - began
    while hits < count:
        source, out = inputs[jobs % 2], folder / f"out-{jobs}"
        whole, hit = content(folder / f"whole-{source.suffix}"), 0
        while True:
            child = forked(partial(counted, source, out))
            time.sleep(generator.random() * took[source])
            os.kill(child, signal.SIGKILL)
            if (code := ended(child)) != -9:
                break
            hit += 1
        again, why = paid_twice(out, rows, hit)
        if why := wrong_with(out, whole, code) or why:
            wrong.append(f"{out.name} {why}")
        hits, twice, jobs = hits + hit, twice + again, jobs + 1
    return {"seed": seed, "jobs": jobs, "hits": hits, "rows": jobs * rows, "twice": twice, "wrong": wrong}


CALLS = ("fsync", "link", "unlink", "rename", "ftruncate", "write", "close", "openat")
ACTS = {name: f"error={name}" for name in ("EIO", "ENOSPC", "EDQUOT")} | {"kill": "signal=SIGKILL"}


def traced(work, *options):
    """Some work under strace, from its first step on; its exit code."""

    def stopped():
        os.kill(os.getpid(), signal.SIGSTOP)
        work()

    child = forked(stopped)
    os.waitpid(child, os.WUNTRACED)
    command = ["strace", "-f", "-p", str(child), *options]
    tracer = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    tracer.stderr.readline()  # "attached"
    os.kill(child, signal.SIGCONT)
    code = ended(child)
    tracer.communicate()
    return code


def strace(folder):
    """The system says no, or the process dies, at each storage call of the thread that makes them."""
    source = sources(folder, 60)[0]
    out, wrong, hits, codes = folder / "whole", [], 0, collections.Counter()
    log = folder / "log"
    traced(partial(run, source, out), "-o", str(log), "-e", "trace=" + ",".join(CALLS))
    whole = content(out)
    made = collections.Counter(re.findall(r"^(\d+) +(\w+)\(", log.read_text(), re.MULTILINE))
    (writer,) = {thread for thread, call in made if call == "fsync"}
    for call, (act, told) in itertools.product(CALLS, ACTS.items()):
        for at in range(1, made[writer, call] + 1):
            out = folder / f"{call}-{act}-{at}"
            faulty = ("-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:{told}:when={at}")
            hits, codes = hits + 1, codes + collections.Counter([traced(partial(run, source, out), *faulty)])
            wrong += goes_on(source, out, whole)
    return {"hits": hits, "codes": codes, "wrong": wrong}


def limits(folder):
    """No file may grow beyond a size: what is written is cut there."""
    source, wrong, codes = sources(folder, 3 * ROWS_PER_PART)[0], [], []
    ended(forked(partial(run, source, folder / "whole")))
    whole = content(folder / "whole")

    def limited(size, out):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        run(source, out)

    for size in (100, 1000, 3000):
        out = folder / f"out-{size}"
        codes.append(ended(forked(partial(limited, size, out))))
        wrong += goes_on(source, out, whole)
    return {"codes": codes, "wrong": wrong}


def full(folder):
    """A small disk is full but for some bytes. Only root can mount one; then there are no codes."""
    source, wrong, codes = sources(folder, 3 * ROWS_PER_PART)[0], [], []
    ended(forked(partial(run, source, folder / "whole")))
    (small := folder / "small").mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "none", small], check=False).returncode:
        return {"codes": codes, "wrong": wrong}
    try:
        for free in (4096, 12288, 20480):
            disk, filler, out = os.statvfs(small), small / "filler", small / f"out-{free}"
            with filler.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, disk.f_bavail * disk.f_frsize - free)
            codes.append(ended(forked(partial(run, source, out))))
            filler.unlink()
            wrong += goes_on(source, out, content(folder / "whole"))
    finally:
        subprocess.run(["umount", small], check=True)
    return {"codes": codes, "wrong": wrong}


FAULTS = "10% status=503 + 5% status=429 + 5% drop=head;reset + 5% truncate + 5% short"


def resident():
    """MiB of memory that this process has."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20


def faults(folder, rows):
    """Three requests in ten fail, in five ways: where a row is lost, doubled or misplaced, and memory after each part."""
    logging.getLogger("inworld_embeddings").setLevel(logging.ERROR)
    asked, sizes, source, out = array("H", bytes(2 * rows)), [], folder / "in.txt", folder / "out"
    source.write_text("".join(f"line {n}\n" for n in range(rows)))

    class Asked(FakeEngine):
        """Counts how often each text is paid for."""

        def embed(self, texts):
            for text in texts:
                if text.startswith("line"):
                    asked[int(text[5:])] += 1
            return super().embed(texts)

    def seen(event):
        if event.kind == "part":
            sizes.append(resident())

    with local_client(engine=Asked(8), faults=FAULTS, batch_size=128) as client:
        report = run_job(source, out, client=client, rows_per_part=max(1000, rows // 100), on_event=seen)
    table = pq.read_table(out, columns=["row", "vector"])
    vectors, wrong = parts.vectors_of(table), []
    if not (report.finished and np.array_equal(table["row"], np.arange(rows)) and min(asked)):
        wrong.append(f"{report}: rows are missing, or there twice")
    for first in range(0, rows, 10_000):
        texts = [f"line {n}" for n in range(first, min(rows, first + 10_000))]
        if not np.array_equal(vectors[first:][:10_000], np.array(FakeEngine(8).embed(texts), np.float32)):
            wrong.append(f"vectors from row {first} on")
    told = {"requests": report.requests, "retries": report.retries, "twice": sum(asked) - rows}
    return {**told, "mib": sizes, "wrong": wrong}


def main():
    clients._load()  # once, for all that are forked
    what, *counts = sys.argv[1:]
    does = {does.__name__: does for does in (operations, kills, strace, limits, full, faults)}
    with tempfile.TemporaryDirectory() as folder:
        told = does[what](Path(folder), *map(int, counts))
    print(json.dumps(told))


if __name__ == "__main__":
    main()
