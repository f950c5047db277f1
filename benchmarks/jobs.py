"""CPU of a job beside that of `embed_iter` alone: `jobs.py [--rows 65536] [--repeats 5] [--text-length 60]`.

The service is a process of its own; each sample is one too, and they take turns. Counted is user and system time of all
threads of the sample, after a small job of the same kind has warmed it up. Prints microseconds a row and the ratios.
"""

import argparse
import csv
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bodies import texts
from peers import Settings
from peers.ours import options
from sample import timed
from serving import service

LIMITS = {"parquet": 1.3, "csv": 1.6, "jsonl": 1.6}
KINDS = ("embed_iter", *LIMITS)
WARM = 2_000


def write(folder: Path, rows: int, length: int) -> None:
    """The inputs: an id, and a text that begins with its number."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    given = [text.ljust(length, "x") for text in texts(rows)]
    ids = [f"id-{number}" for number in range(rows)]
    pq.write_table(pa.table({"id": ids, "text": given}), folder / "in.parquet")
    with (folder / "in.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("id", "text"), *zip(ids, given, strict=True)])
    with (folder / "in.jsonl").open("w") as file:
        file.writelines(json.dumps({"id": i, "text": t}) + "\n" for i, t in zip(ids, given, strict=True))
    (folder / "in.embed_iter").write_text("\n".join(given))


def sample(kind: str, url: str, folder: Path, out: Path) -> dict[str, Any]:
    """One pass over the input, in this process."""
    from inworld_embeddings import EmbeddingClient
    from inworld_embeddings.jobs import run_job

    source = folder / f"in.{kind}"
    with EmbeddingClient(**options(Settings(url, 768, 128, 16))) as client:

        def stream(rows: int | None) -> int:
            return sum(1 for _ in client.embed_iter(source.read_text().split("\n")[:rows]))

        def job(rows: int | None) -> int:
            return run_job(source, out / str(rows), client=client, text="text", id="id", max_rows=rows).rows

        run: Callable[[int | None], int] = stream if kind == "embed_iter" else job
        run(WARM)
        rows, figures = timed(lambda: run(None))
    return {"us": figures["cpu"] / rows * 1e6, "wall": figures["wall"]}


def main() -> None:
    """Measures and prints; exit code 1 if a ratio is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=65_536)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--text-length", type=int, default=60)
    parser.add_argument("--sample", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.sample:
        kind, url, place = arguments.sample
        with tempfile.TemporaryDirectory(dir=place) as out:
            print(json.dumps(sample(kind, url, Path(place), Path(out))))
        return
    found: dict[str, list[float]] = {kind: [] for kind in KINDS}
    with tempfile.TemporaryDirectory() as place, service() as url:
        write(Path(place), arguments.rows, arguments.text_length)
        for _ in range(arguments.repeats):
            for kind in KINDS:
                command = [sys.executable, __file__, "--sample", kind, url, place]
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                found[kind].append(json.loads(done.stdout)["us"])
    alone = statistics.median(found["embed_iter"])
    for kind, times in found.items():
        ratios = [time / base for time, base in zip(times, found["embed_iter"], strict=True)]
        print(
            f"{kind:10} {statistics.median(times):6.1f} µs a row, {statistics.median(times) / alone:.2f} x "
            f"({min(ratios):.2f} to {max(ratios):.2f}); at most {LIMITS.get(kind, 1.0)}"
        )
    sys.exit(any(statistics.median(found[kind]) > most * alone for kind, most in LIMITS.items()))


if __name__ == "__main__":
    main()
