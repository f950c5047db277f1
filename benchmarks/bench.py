"""The benchmark: `bench.py [--quick] [--only SECTION ...] [--report | --render]`.

Prints the ratios to be reached. With ``--report`` it keeps the raw figures and writes docs/use/performance.md with its plots;
``--render`` writes the page again from the kept figures, without measuring.
"""

import argparse
import json
import os
import time
from functools import partial
from pathlib import Path

import cases
import machine
import report
import running
from figures import Figures
from serving import service

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / "docs" / "use" / "performance" / "figures.json"
SECTIONS = ("decode", "start", "single", "first", "throughput", "scaling", "memory")


def measure(sections: tuple[str, ...], *, quick: bool) -> Figures:
    """The figures of some sections."""
    load = os.getloadavg()[0]
    figures: Figures = machine.described() | {"load": load, "quick": quick, "seconds": {}}
    with service() as url:
        by_name = {
            "decode": partial(running.decode, quick=quick),
            "start": partial(running.start, url, quick=quick),
        }
        for name in sections:
            print(f"{name} ...", flush=True)
            started = time.monotonic()
            if name in by_name:
                figures[name] = by_name[name]()
            else:
                figures[name] = running.run(url, cases.SECTIONS[name](quick=quick))
            figures["seconds"][name] = round(time.monotonic() - started)
    return figures


def main() -> None:
    """Measures, and prints or writes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer clients, texts and repeats")
    parser.add_argument("--only", action="append", choices=SECTIONS, help="a section; may be given again")
    parser.add_argument(
        "--report", action="store_true", help="keep the figures, write docs/use/performance.md"
    )
    parser.add_argument("--render", action="store_true", help="write the page from the kept figures")
    arguments = parser.parse_args()
    # Whoever installs the other clients has them compiled; where nothing may be, ours would be compiled for each sample.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    kept: Figures = json.loads(KEPT.read_text("utf-8")) if KEPT.exists() else {}
    chosen = tuple(arguments.only or SECTIONS)
    figures = kept if arguments.render else measure(chosen, quick=arguments.quick)
    if arguments.report:
        if arguments.only:
            figures["seconds"] = kept.get("seconds", {}) | figures["seconds"]
            figures = kept | figures
        KEPT.parent.mkdir(exist_ok=True)
        KEPT.write_text(report.as_json(figures), "utf-8")
    print(report.in_short(figures))
    if arguments.report or arguments.render:
        report.write(figures, ROOT / "docs" / "use")
        print("docs/use/performance.md written")


if __name__ == "__main__":
    main()
