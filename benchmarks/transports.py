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
from collections import defaultdict
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import httpx
from candidates import CANDIDATES

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PAGE = ROOT / "docs" / "transports.md"
ROWS = ("tests/catalogue", "-k", "test_A or test_B or test_C13 or test_D13 or test_D14 or test_F04")

CASES = {
    "10 kB": (["--bytes", "10000"], 300, 1),
    "1 MB": (["--bytes", "1000000"], 60, 1),
    "1 MB in 4 kB chunks": (["--bytes", "1000000", "--chunked"], 60, 1),
    "10 kB, 64 at once": (["--bytes", "10000", "--latency", "0.01"], 640, 64),
}

Figures = dict[str, dict[str, float]]
Outcomes = dict[str, dict[str, str]]


@contextlib.contextmanager
def server(arguments: list[str]) -> Iterator[str]:
    """A loopback server in a process of its own; gives the endpoint's URL."""
    command = [sys.executable, str(HERE / "loopback_server.py"), *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("no pipes")
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}/ml/v1alpha/embedding:embed"
        finally:
            process.stdin.close()


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
        with server(arguments) as url:
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


def run_rows(name: str) -> dict[str, str]:
    """Row id to "passes" or what failed, for one candidate; nothing if it did not come to an end in time."""
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--timeout=20"]
        command += [f"--junitxml={report}", *ROWS]
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(
                command, cwd=ROOT, env=_environment(name), capture_output=True, check=False, timeout=900, preexec_fn=_bounded
            )  # fmt: skip
        if not report.exists():
            return {}
        tests = ET.parse(report).getroot().iter("testcase")  # noqa: S314 - our own file
        bad: dict[str, list[bool]] = defaultdict(list)
        for test in tests:
            row = re.match(r"test_([A-H]\d\d)_", test.get("name", ""))
            if row and test.find("skipped") is None:
                bad[row[1]].append(test.find("failure") is not None or test.find("error") is not None)
    return {
        row: f"{sum(flags)} of {len(flags)} fail" if any(flags) else "passes"
        for row, flags in sorted(bad.items())
    }


def page(figures: Figures, outcomes: Outcomes) -> str:
    """The text of docs/transports.md."""
    names = list(CANDIDATES)
    versions = ", ".join(
        f"{package} {version(package)}" for package in ("httptools", "httpx", "aiohttp", "urllib3")
    )
    head = f"| | {' | '.join(names)} |\n|---|{'---|' * len(names)}\n"
    cpu = "".join(
        "| "
        + " | ".join([case, *(f"{row[name]:.3f} ({row[name] / row['own']:.1f} x)" for name in names)])
        + " |\n"
        for case, row in figures.items()
    )
    rows = sorted({row for outcome in outcomes.values() for row in outcome})
    table = "".join(
        f"| {row} | {' | '.join(outcomes[name].get(row, 'not run') for name in names)} |\n" for row in rows
    )
    failing = {name: [row for row, what in outcomes[name].items() if what != "passes"] for name in names}
    verdict = "".join(
        f"- **{name}**: {len(failing[name])} of {len(outcomes[name])} rows fail; {len(rows) - len(outcomes[name])} not run\n"
        for name in names
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
The default is **own**: `inworld_embeddings._http`, some 350 lines over asyncio and llhttp (httptools). It speaks HTTP/1.1
only, through CONNECT proxies if need be, and keeps no cookies and follows no redirects. Any other transport can be given
with `transport=` or `http_client=`; the guard above it bounds bodies for all of them.

A second answer that a server sends *after* the next request has gone out looks like the answer to it: HTTP/1.1 has no way
to tell. `canary=True` has.

## CPU of the client per request, milliseconds (and times own)

{cpu}
{machine}; {versions}. Medians, interleaved, plain HTTP on loopback, the server in a process of its own, bodies read whole
and not decoded.

## Rows of the catalogue

Rows that are about this package's own settings of its own transport (proxies, certificates from the environment) are
answered by each candidate's own defaults here, so a failing A row may only say that a candidate would need more glue. A row is "not run" where the candidate's run did not
come to an end within 15 minutes and 4 GiB.

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
