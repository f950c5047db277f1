"""Each candidate transport over the wire rows of the fault catalogue and a CPU benchmark: `transports.py [--repeat N]`.

Writes docs/transports.md. The candidates run side by side, interleaved, against servers in processes of their own; read
the ratios, not the milliseconds.
"""

import argparse
import asyncio
import contextlib
import os
import platform
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ET
from importlib.metadata import version
from pathlib import Path

import httpx
from candidates import CANDIDATES
from serving import serving

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PAGE = ROOT / "docs" / "transports.md"
WIRE_ROWS = "test_A or test_B or test_C13 or test_D13 or test_D14 or test_F04"

CASES = {
    "10 kB": (["--bytes", "10000"], 300, 1),
    "1 MB": (["--bytes", "1000000"], 60, 1),
    "1 MB in 4 kB chunks": (["--bytes", "1000000", "--chunked"], 60, 1),
    "10 kB, 64 at once": (["--bytes", "10000", "--latency", "0.01"], 640, 64),
}

ROW_SECONDS = 120

Figures = dict[str, dict[str, float]]
Outcomes = dict[str, dict[str, str]]


async def cpu_per_request(name: str, url: str, requests: int, concurrency: int) -> float:
    """CPU milliseconds of this process for each of some requests."""
    transport = CANDIDATES[name]()

    async def worker(count: int) -> None:
        for _ in range(count):
            response = await transport.handle_async_request(httpx.Request("POST", url, content=b"{}" * 100))
            await response.aread()
            await response.aclose()

    await asyncio.gather(*[worker(2) for _ in range(concurrency)])
    started = time.process_time()
    await asyncio.gather(*[worker(requests // concurrency) for _ in range(concurrency)])
    spent = time.process_time() - started
    await transport.aclose()
    return spent / requests * 1000


def measure(repeat: int) -> Figures:
    """Median CPU milliseconds by case and candidate."""
    table: Figures = {}
    for case, (arguments, requests, concurrency) in CASES.items():
        samples: dict[str, list[float]] = {name: [] for name in CANDIDATES}
        with serving("loopback_server.py", *arguments) as origin:
            url = f"{origin}/ml/v1alpha/embedding:embed"
            for _ in range(repeat):
                for name in CANDIDATES:
                    samples[name].append(asyncio.run(cpu_per_request(name, url, requests, concurrency)))
        table[case] = {name: statistics.median(values) for name, values in samples.items()}
    return table


def _environment(name: str) -> dict[str, str]:
    """With the candidate for the tests to use. Our own is tested as it is used, with nothing given."""
    named = {} if name == "own" else {"TRANSPORT": name}
    return os.environ | named | {"PYTHONPATH": str(HERE)}


def _bounded() -> None:
    """Some candidates read endless bodies into memory: 4 GiB, and then they fail."""
    resource.setrlimit(resource.RLIMIT_AS, (4 * 1024**3, 4 * 1024**3))


def rows() -> list[str]:
    """The ids of the rows that are about the wire."""
    command = [sys.executable, "-m", "pytest", "-q", "--collect-only", "tests/catalogue", "-k", WIRE_ROWS]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return sorted(set(re.findall(r"::test_([A-H]\d\d)_", listed)))


def run_rows(name: str) -> dict[str, str]:
    """What became of each row, for one candidate."""
    return {row: run_row(name, row) for row in rows()}


def run_row(name: str, row: str) -> str:
    """What became of one row. A process of its own: some candidates hang, or read until memory is gone."""
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--timeout=20", "--tb=no"]
        command += [f"--junitxml={report}", "tests/catalogue", "-k", f"test_{row}_"]
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(
                command, cwd=ROOT, env=_environment(name), capture_output=True, check=False, timeout=ROW_SECONDS,
                preexec_fn=_bounded,
            )  # fmt: skip
        if not report.exists():
            return "does not end"
        tests = [case for case in ET.parse(report).getroot().iter("testcase") if case.find("skipped") is None]  # noqa: S314 - our own file
    bad = sum(case.find("failure") is not None or case.find("error") is not None for case in tests)
    return f"{bad} of {len(tests)} fail" if bad else "passes"


def page(figures: Figures, outcomes: Outcomes) -> str:
    """The text of docs/transports.md."""
    names = list(CANDIDATES)
    versions = ", ".join(
        f"{package} {version(package)}"
        for package in ("httptools", "httpx", "aiohttp", "urllib3", "pyreqwest")
    )
    head = f"| | {' | '.join(names)} |\n|---|{'---|' * len(names)}\n"
    cpu = "".join(
        "| "
        + " | ".join([case, *(f"{row[name]:.3f} ({row[name] / row['own']:.1f} x)" for name in names)])
        + " |\n"
        for case, row in figures.items()
    )
    table = "".join(
        f"| {row} | {' | '.join(outcomes[name][row] for name in names)} |\n" for row in outcomes["own"]
    )
    failing = {name: [row for row, what in outcomes[name].items() if what != "passes"] for name in names}
    verdict = "".join(
        f"- **{name}**: {len(failing[name])} of {len(outcomes[name])} rows fail\n" for name in names
    )
    return TEMPLATE.format(
        machine=f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, CPython {platform.python_version()}",
        versions=versions, verdict=verdict, cpu=head + cpu, rows=head.replace("| |", "| row |", 1) + table,
    )  # fmt: skip


TEMPLATE = """\
# Transports

Written by `nox -s transports`; do not edit. What carries the bytes behind httpx's interface is chosen by running the
wire rows of the fault catalogue and a benchmark over each candidate. Deadlines, cancellation and clean connections are
promises, CPU is a ratio: decided in that order.

{verdict}
The default is **own**: `inworld_embeddings._http`, some 800 lines over asyncio and llhttp (httptools). It speaks HTTP/1.1
only, through CONNECT proxies if need be, and keeps no cookies and follows no redirects. Any other transport can be given
with `transport=` or `http_client=`; an adapter bounds bodies for all of them.

A second answer that a server sends *after* the next request has gone out looks like the answer to it: HTTP/1.1 has no way
to tell.

## CPU of the client per request, milliseconds (and times own)

{cpu}
{machine}; {versions}. Medians, interleaved, plain HTTP on loopback, the server in a process of its own, bodies read whole
and not decoded.

## Rows of the catalogue

Rows that are about this package's own settings of its own transport (proxies, certificates from the environment) are
answered by each candidate's own defaults here, so a failing A row may only say that a candidate would need more glue. A
row "does not end" where its tests took more than two minutes or 4 GiB.

{rows}"""


def main() -> None:
    """Measures, and writes the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeat", type=int, default=5)
    repeat = parser.parse_args().repeat
    figures = measure(repeat)
    outcomes = {name: run_rows(name) for name in CANDIDATES}
    PAGE.write_text(page(figures, outcomes), "utf-8")
    print(f"{PAGE.relative_to(ROOT)} written")


if __name__ == "__main__":
    main()
