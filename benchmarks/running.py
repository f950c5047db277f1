"""Runs planned cases: each sample in a fresh process, the clients of a group in turn, so that drift meets all alike."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from cases import Group
from peers import PEERS
from sample import Case
from serving import HERE

Row = dict[str, Any]

BASELINES = {"bare python": "pass", "import httpx": "import httpx", "import numpy": "import numpy"}


def run(url: str, groups: Iterable[Group]) -> list[Row]:
    """One row for each client and case: its settings and its samples."""
    return [row for group in groups for row in _group(url, group)]


def _group(url: str, group: Group) -> list[Row]:
    made = [Case(planned.peer, url, **planned.settings) for planned in group]
    rows: list[Row] = [{**_settings(case), "samples": []} for case in made]
    for turn in range(max(planned.repeats for planned in group)):
        for planned, case, row in zip(group, made, rows, strict=True):
            if turn < planned.repeats:
                row["samples"].append(_json_of(case.command()))
                _tell(row)
    return rows


def _settings(case: Case) -> Row:
    return {name: value for name, value in asdict(case).items() if name != "url"}


def _json_of(command: list[str]) -> Any:
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def _tell(row: Row) -> None:
    sample = row["samples"][-1]
    numbers = row["texts"] * row["dimension"] / 1e6
    what = f"{row['result']:6} {row['texts']:>7} x {row['dimension']:<4} at {row['concurrency']:<2}"
    print(
        f"  {row['peer']:38} {what} {sample['cpu'] * 1e3 / numbers:8.1f} ms/1M  {sample['wall']:7.2f} s",
        flush=True,
    )


def decode(*, quick: bool) -> Any:
    """CPU seconds by dimension and decoder."""
    return _json_of([sys.executable, str(HERE / "decoding.py"), "10" if quick else "40"])


def start(url: str, *, quick: bool) -> dict[str, list[float]]:
    """CPU seconds of a process that imports a client, constructs it and ends, by label."""
    programs = BASELINES | _by_start(url)
    taken: dict[str, list[float]] = {label: [] for label in programs}
    for _ in range(3 if quick else 7):
        for label, program in programs.items():
            taken[label].append(_cpu_of(program))
    return taken


def _by_start(url: str) -> dict[str, str]:
    """Programs of the clients; those that begin alike are measured once, under the first label."""
    programs: dict[str, str] = {}
    for label, peer in PEERS.items():
        if peer.start not in programs.values():
            programs[label] = peer.start
    return {label: program.format(url=url) for label, program in programs.items()}


def _cpu_of(program: str) -> float:
    pid = os.posix_spawn(sys.executable, [sys.executable, "-c", program], os.environ)
    _, status, usage = os.wait4(pid, 0)
    if status:
        raise RuntimeError(f"failed: {program}")
    return usage.ru_utime + usage.ru_stime
