"""Each candidate transport over the wire rows of the fault catalogue and a CPU benchmark: `transports.py [--repeat N]`.

Writes docs/understand/transports.md, unless a row fails that `candidates.EXPLAINED` does not explain, or one passes that it does. The
candidates run side by side, interleaved, against servers in processes of their own; read the ratios, not the milliseconds.
"""

import argparse
import asyncio
import ctypes
import os
import platform
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import textwrap
import time
import xml.etree.ElementTree as ET
from collections import defaultdict
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

import httpx
from candidates import CANDIDATES, EXPLAINED
from serving import serving

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
CARRIER = ROOT / "wrapper" / "inworld_embeddings" / "_http"
PAGE = ROOT / "docs" / "understand" / "transports.md"
WIRE_ROWS = (
    "test_A0 or test_A1 or test_B0 or test_B1 or test_B2 or test_C13 or test_D13 or test_D14 or test_F04"
)
"""Names of tests, as pytest's ``-k`` takes them. It does not tell capitals, so `test_A` would be every `test_a_…` too."""
LIBRARIES = ("httptools", "httpx", "httpcore", "httpx2", "aiohttp", "urllib3", "pyreqwest")

CASES = {
    "10 kB": (["--bytes", "10000"], 300, 1),
    "1 MB": (["--bytes", "1000000"], 60, 1),
    "1 MB in 4 kB chunks": (["--bytes", "1000000", "--chunked"], 60, 1),
    "10 kB, 64 at once": (["--bytes", "10000", "--latency", "0.01"], 640, 64),
}

MINUTES = 15
"""Most that the rows of one candidate take. Each test has 20 seconds."""

Figures = dict[str, dict[str, list[float]]]
Rows = dict[str, list[str | None]]


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
    """CPU milliseconds by case and candidate, one figure a round."""
    _keep_freed_memory()
    table: Figures = {}
    for case, (arguments, requests, concurrency) in CASES.items():
        table[case] = {name: [] for name in CANDIDATES}
        with serving("loopback_server.py", *arguments) as origin:
            url = f"{origin}/ml/v1alpha/embedding:embed"
            for _ in range(repeat):
                for name, samples in table[case].items():
                    samples.append(asyncio.run(cpu_per_request(name, url, requests, concurrency)))
    return table


def _keep_freed_memory() -> None:
    """Has glibc give no freed memory back: whether it does differs by chance, and costs more than the whole request."""
    if platform.libc_ver()[0] == "glibc":
        trim_threshold, mmap_threshold = -1, -3
        for option in (trim_threshold, mmap_threshold):
            ctypes.CDLL(None).mallopt(option, 2**28)


def outcome_of(name: str) -> Rows:
    """What became of the rows. One that fails unexplained is run once more, alone: its clocks may have missed a turn."""
    rows = run_rows(name, WIRE_ROWS, workers="auto")
    for row in [row for row, tests in rows.items() if any(tests) and row not in EXPLAINED.get(name, {})]:
        rows[row] = run_rows(name, row, workers="0")[row]
    return rows


def run_rows(name: str, which: str, workers: str) -> Rows:
    """What became of each test of some rows, for one candidate. Our own is tested as it is used, with nothing given."""
    named = {} if name == "own" else {"TRANSPORT": name}
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", workers]
        command += ["--tb=native", "--timeout=20", f"--junitxml={report}", "tests/wrapper", "-k", which]
        if named:  # what a library leaves to the garbage collector is no fault on the wire
            warnings = ("ResourceWarning", "pytest.PytestUnraisableExceptionWarning")
            command += [f"-Wdefault::{warning}" for warning in warnings]
        ran = subprocess.run(
            command, cwd=ROOT, env=os.environ | named | {"PYTHONPATH": str(HERE)}, capture_output=True, text=True,
            check=False, timeout=MINUTES * 60, preexec_fn=_bounded,
        )  # fmt: skip
        if ran.returncode not in (0, 1):
            sys.exit(f"{name}: pytest ended with {ran.returncode}\n{ran.stdout[-5000:]}{ran.stderr[-5000:]}")
        return rows_of(report)


def _bounded() -> None:
    """A library may read an endless body into memory: 4 GiB, and then it fails."""
    resource.setrlimit(resource.RLIMIT_AS, (4 * 1024**3, 4 * 1024**3))


def rows_of(report: Path) -> Rows:
    """Why each test failed, or None, by row; a row all of whose tests were skipped is empty."""
    rows: Rows = defaultdict(list)
    for case in ET.parse(report).getroot().iter("testcase"):  # noqa: S314 - our own file
        test, _, parameters = case.get("name", "").partition("[")
        if not (named := re.match(r"test_((?:[A-H]\d\d_)+)", test)):
            continue
        named_rows = named[1].rstrip("_").split("_")
        of_this_case = [row for row in named_rows if row in parameters]
        for row in of_this_case or named_rows:
            failed = next(
                (part.get("message", "") for part in case if part.tag in ("failure", "error")), None
            )
            rows[row] += [failed and f"{case.get('name')}: {failed}"] if case.find("skipped") is None else []
    return dict(sorted(rows.items()))


def unexplained(outcomes: dict[str, Rows]) -> list[str]:
    """Where what was found and `EXPLAINED` differ."""
    differences = []
    for name, rows in outcomes.items():
        failing = {row: next(filter(None, tests)) for row, tests in rows.items() if any(tests)}
        explained = set(EXPLAINED.get(name, {}))
        differences += [
            f"{name} {row} fails, and nothing explains it: {failing[row]}"
            for row in failing
            if row not in explained
        ]
        differences += [
            f"{name} {row} passes, though it is explained why it fails" for row in explained - set(failing)
        ]
    return differences


def ratios(case: dict[str, list[float]], name: str) -> float:
    """A candidate's CPU in times of our own: the median over the rounds."""
    return statistics.median(theirs / own for theirs, own in zip(case[name], case["own"], strict=True))


def page(figures: Figures, outcomes: dict[str, Rows]) -> str:
    """The text of docs/understand/transports.md."""
    small = [row for case, row in figures.items() if case.startswith("10 kB")]
    return TEMPLATE.format(
        lines=_lines(CARRIER.glob("*.py")),
        adapter=_lines(HERE / "adapters" / name for name in ("base.py", "with_aiohttp.py")),
        light=_span(small, "aiohttp", "pyreqwest"),
        heavy=_span(small, "httpx", "httpx2", "urllib3"),
        aiohttp=_span(list(figures.values()), "aiohttp"),
        cpu=cpu_table(figures),
        rows=rows_table(outcomes),
        reasons="".join(f"- **{name}**\n{_reasons(explained)}" for name, explained in EXPLAINED.items()),
        machine=f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, CPython {platform.python_version()}",
        versions=", ".join(f"{library} {version(library)}" for library in LIBRARIES),
    )


def cpu_table(figures: Figures) -> str:
    """Our own in milliseconds, the others in times of that."""
    others = [name for name in CANDIDATES if name != "own"]
    body = [
        [case, f"{statistics.median(row['own']):.2f} ms", *(f"{ratios(row, name):.1f} ×" for name in others)]
        for case, row in figures.items()
    ]
    return _table(["", "own", *others], body)


def rows_table(outcomes: dict[str, Rows]) -> str:
    """The rows that some candidate fails, and the names of the others."""
    explained = {row for rows in EXPLAINED.values() for row in rows}
    body = [
        [row, *(_cell(outcomes[name].get(row, [])) for name in CANDIDATES)]
        for row in outcomes["own"]
        if row in explained
    ]
    passed = ", ".join(row for row in outcomes["own"] if row not in explained)
    hidden = ", ".join(f"{row} of {name}" for name, rows in outcomes.items() for row in rows if not rows[row])
    text = f"All pass {passed}." + (f" Could not be shown: {hidden}; {HIDDEN}." if hidden else "")
    return f"{_table(['row', *CANDIDATES], body)}\n{textwrap.fill(text, 120)}\n"


def _lines(files: Iterable[Path]) -> int:
    """Lines of some files, in tens."""
    return round(sum(len(path.read_text("utf-8").splitlines()) for path in files), -1)


def _span(cases: list[dict[str, list[float]]], *names: str) -> str:
    """From the lowest to the highest ratio."""
    found = [ratios(case, name) for case in cases for name in names]
    return f"{min(found):.1f} to {max(found):.1f}"


def _cell(tests: list[str | None]) -> str:
    bad = len(tests) - tests.count(None)
    return f"{bad} of {len(tests)} fail" if bad else "passes" if tests else "not shown"


def _reasons(explained: dict[str, str]) -> str:
    """A line for each reason, with all the rows that it is the reason of."""
    rows: dict[str, list[str]] = defaultdict(list)
    for row, reason in explained.items():
        rows[reason].append(row)
    return "".join(f"  - {', '.join(rows)}: {reason}.\n" for reason, rows in rows.items())


def _table(head: list[str], body: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *body]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


HIDDEN = "it looks names up outside of Python, where no test can stand in"

TEMPLATE = """\
# Transports

Written by `nox -s transports`; do not edit.

The project has a transport of its own, `inworld_embeddings._http`: some {lines} lines over asyncio and llhttp (httptools).
It speaks HTTP/1.1 only, through CONNECT proxies if need be, keeps no cookies and follows no redirects. Three reasons:

- **Stray responses.** httpx and httpx2 give bytes that follow a response to the next caller, who gets the vector of
  somebody else's text (B09).
- **Cancellation.** httpx keeps connections of cancelled requests for ever (F04). pyreqwest goes on with a request that
  was given up (B13 to B16, F04).
- **CPU.** A response of 10 kB costs {light} times as much with aiohttp and pyreqwest, {heavy} with the others.

The nearest is aiohttp. By itself it too gives a stray response to the next caller, if it comes while the connection rests
(B10). Behind an adapter of some {adapter} lines that looks at each connection before it is used again
(`benchmarks/adapters/with_aiohttp.py`) it fails one row only, which costs time but no result (B12), and takes {aiohttp}
times the CPU.

Any other transport can be given with `transport=` or `http_client=`; the guard above it bounds bodies for all of them. A
stray response that comes *after* the next request has gone out looks like the response to it: HTTP/1.1 has no way to tell.

## CPU of the client per request

Our own in milliseconds, the others in times of that.

{cpu}
{machine};
{versions}.
Medians over interleaved rounds, plain HTTP on loopback, the server in a process of its own, bodies read whole and not
decoded.

## Rows of the fault catalogue

Each library stands behind an adapter (`benchmarks/adapters/`) that gives it the same proxy, certificates and keep-alive as
our own has, and translates its errors. The tests ask for the class of the error and for what happens on the wire, not for
words. In numbers of tests:

{rows}
{reasons}"""


def main() -> None:
    """Runs the rows and measures, and writes the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeat", type=int, default=7)
    repeat = parser.parse_args().repeat
    outcomes = {}
    for name in CANDIDATES:
        outcomes[name] = outcome_of(name)
        print(f"{name}: {sum(map(len, outcomes[name].values()))} tests", flush=True)
    if differences := unexplained(outcomes):
        sys.exit(
            "\n".join([*differences, f"{PAGE.relative_to(ROOT)} is not written; see candidates.EXPLAINED"])
        )
    PAGE.write_text(page(measure(repeat), outcomes), "utf-8")
    print(f"{PAGE.relative_to(ROOT)} written")


if __name__ == "__main__":
    main()
