"""What an engine costs beside a job of one process: `cluster.py ray|spark|daft [--rows 100000] [--repeats 3]`, in its environment.

The service is a process of its own; each sample is a process too, with all that it starts: counted is the CPU of the
whole family, of which this program adopts the orphans (Linux). The fixed cost is that of a job of one row.
"""

import argparse
import contextlib
import ctypes
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bodies import texts
from peers import KEY
from serving import service

PR_SET_CHILD_SUBREAPER = 36
WORKERS = 2
RUN = """
import sys
from inworld_embeddings import EmbeddingClient
from inworld_embeddings{module} import run_job
if __name__ == "__main__":
    given = dict(base_url=sys.argv[3], model="loopback-768", batch_size=128, max_concurrency=16)
    run_job(sys.argv[1], sys.argv[2], client=EmbeddingClient(**given), text="text", **{options})
"""
OPTIONS = {
    "ray": {"workers": WORKERS},
    "spark": {"workers": WORKERS, "address": f"local[{WORKERS},4]"},
    "daft": {"workers": WORKERS},
}


def sample(engine: str | None, source: Path, url: str, out: str) -> tuple[float, float]:
    """CPU seconds of a job's whole family, and wall seconds of the job."""
    module = f".distributed.{engine}" if engine else ".jobs"
    program = RUN.format(module=module, options=OPTIONS[engine] if engine else {})
    before, began = cpu(), time.perf_counter()
    environ = os.environ | {"INWORLD_API_KEY": KEY}
    subprocess.run(
        [sys.executable, "-c", program, str(source), out, url], check=True, capture_output=True, env=environ
    )
    wall = time.perf_counter() - began
    while list(children()):  # the service is the only one that stays
        with contextlib.suppress(ChildProcessError):
            os.waitpid(-1, os.WNOHANG)
        time.sleep(0.05)
    return cpu() - before, wall


def children() -> list[int]:
    """Adopted children that have not ended."""
    mine = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [int(child) for child in mine if int(child) not in KNOWN]


KNOWN: set[int] = set()


def cpu() -> float:
    """Of all children that were waited for, theirs included."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Measures and prints."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("engine", choices=OPTIONS)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    with tempfile.TemporaryDirectory() as place, service() as url:
        KNOWN.update(children())
        for rows in (1, arguments.rows):
            source = Path(place, f"{rows}.parquet")
            pq.write_table(pa.table({"text": [text.ljust(60, "x") for text in texts(rows)]}), source)
            for engine in (None, arguments.engine):
                with tempfile.TemporaryDirectory(dir=place) as out:
                    found = [sample(engine, source, url, f"{out}/{n}") for n in range(arguments.repeats)]
                used, wall = (statistics.median(column) for column in zip(*found, strict=True))
                name = engine or "one process"
                print(f"{name:12} {rows:7} rows: {used:6.1f} s of CPU, {wall:6.1f} s", flush=True)


if __name__ == "__main__":
    main()
