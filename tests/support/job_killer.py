"""A program: runs a small job and dies at one of its storage operations, at each of them in turn, in forked processes.

    job_killer.py SOURCE FOLDER

Prints JSON: how many operations a whole run has, and where a run after the kill did not make the same bytes or paid for
more than a part and a window once more. Nothing but this process' own thread is there when it forks.
"""

import json
import os
import sys
import traceback
from pathlib import Path

from inworld_embeddings import client as clients
from inworld_embeddings.jobs import run_job, storage
from inworld_embeddings.testing import RequestLog, local_client
from support.storage import Disk, killed

ROWS_PER_PART, BATCH, WINDOW = 5, 2, 2


def run(source, out, at=0):
    """Runs the job; returns the operations and the texts that were sent."""
    log = RequestLog()
    storage.os = Disk(at, killed)
    with local_client(dimension=4, batch_size=BATCH, max_concurrency=1, log=log) as client:
        run_job(source, out, client=client, rows_per_part=ROWS_PER_PART)
    return len(storage.os.log), log.texts


def forked(source, out, at):
    """The same in a process of its own; what it returned, or None if it was killed."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(writing, json.dumps(run(source, out, at)).encode())
        except Exception:  # noqa: BLE001 - the child ends here, whatever it was
            traceback.print_exc()
        os._exit(0)
    os.close(writing)
    _, status = os.waitpid(child, 0)
    with os.fdopen(reading, "rb") as told:
        data = told.read()
    return None if os.WIFSIGNALED(status) else json.loads(data)


def content(out):
    return {path.name: path.read_bytes() for path in out.glob("part-*")}


def main():
    source, folder = Path(sys.argv[1]), Path(sys.argv[2])
    clients._load()  # once, for all that are forked
    operations, _ = forked(source, folder / "whole", 0)
    whole, wrong = content(folder / "whole"), []
    for at in range(1, operations + 1):
        out = folder / f"out-{at}"
        if forked(source, out, at) is not None:
            wrong.append([at, "was not killed"])
        done = len(content(out)) * ROWS_PER_PART
        _, texts = forked(source, out, 0)
        if content(out) != whole or not (out / "_SUCCESS").exists():
            wrong.append([at, "differs"])
        sent = [text for text in texts if text.startswith("line")]
        if len(sent) > max(0, 9 - done):
            wrong.append([at, f"sent {len(sent)} rows though {done} were done"])
    print(json.dumps({"operations": operations, "wrong": wrong}))


if __name__ == "__main__":
    main()
