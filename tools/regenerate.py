"""Sync, compare, generate, derive, check and test in one go: `regenerate.py [PAGE...] [--summary FILE] [--keep]`.

Everything happens in a copy of the project. Only when every step passed (or with `--keep`) do openapi.yaml, generated/,
tests/fixtures/spec/ and templates/stock.json change, all together. The page is the published one by default; with
`--no-sync` the spec stays, and code is written by what pyproject.toml pins now. Exit codes: 0 done, or nothing to do; 1 a step failed; 2 it could not begin.
"""

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from _files import Tree, read_tree, replace_file
from _publish import publish, recover
from _steps import STEPS, TARGETS, Job, copy_project, run_tests
from _summary import Run
from sync_spec import PUBLISHED

ROOT = Path(__file__).resolve().parent.parent
GATE = "-n auto tests/contract tests/generated tests/evolution"
"""What a spec change can break. The rest of the suite is CI's: a slow machine must not throw a good regeneration away."""


def parse_arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "pages", nargs="*", metavar="PAGE", default=PUBLISHED, help="files or https addresses"
    )
    parser.add_argument("--no-sync", action="store_true", help="leave openapi.yaml as it is")
    parser.add_argument("--summary", type=Path, help="write the summary to this file, too")
    parser.add_argument("--keep", action="store_true", help="keep what was made though a step failed")
    parser.add_argument("--replace", action="store_true", help="go on though the page lacks an operation")
    parser.add_argument(
        "--accept-stock", action="store_true", help="our templates are up to date with the generator's"
    )
    parser.add_argument(
        "--old-stock", type=Path, help="templates folder of the generator that wrote the code there is"
    )
    parser.add_argument("--tests", default=GATE, help="arguments of pytest; default: %(default)s")
    parser.add_argument("--root", type=Path, default=ROOT, help="the project's folder")
    return parser.parse_args(argv)


def targets(root: Path) -> dict[str, Tree | bytes | None]:
    """Return what is in the places that this program writes."""
    found: dict[str, Tree | bytes | None] = {}
    for name in TARGETS:
        path = root / name
        found[name] = read_tree(path) if path.is_dir() else path.read_bytes() if path.exists() else None
    return found


def steps(job: Job, before: dict[str, Tree | bytes | None], *, keep: bool) -> Run:
    """Run the steps up to the first that fails, or all of them; the tests only if there is something to test."""
    run = Run()
    for step in STEPS:
        run.steps.append(step(job))
        if run.steps[-1].failed and not keep:
            return run
    if targets(job.work) != before:
        run.steps.append(run_tests(job))
    return run


def finish(run: Run, job: Job, before: dict[str, Tree | bytes | None], *, keep: bool) -> tuple[str, int]:
    """Put the result in its places, or not, and return what to say of it and the exit code."""
    changed = [name for name, content in targets(job.work).items() if content != before[name]]
    code = int(run.failed)
    if run.failed and not keep:
        return "**A step failed. Nothing was changed.**", code
    if not changed:
        return "Nothing changed." if not code else "**A step failed, and nothing came of it.**", code
    if targets(job.root) != before:
        return "**The files were edited meanwhile. Nothing was changed; run it again.**", 1
    publish(job.work, job.root, changed)
    written = f"Written: {', '.join(f'`{name}`' for name in changed)}."
    return f"**A step failed; what was made is kept.** {written}" if code else written, code


def main(argv: list[str]) -> int:
    """Run the program; see the module's docstring for the exit codes."""
    options = parse_arguments(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that clean-up runs
    root = options.root.resolve()
    recover(root)
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch) / "project"
        try:
            copy_project(root, work)
            before = targets(work)
        except OSError as error:
            print(f"{error}\nnothing was changed", file=sys.stderr)
            return 2
        pages = () if options.no_sync else tuple(options.pages)
        job = Job(root, work, pages, options.replace, options.accept_stock, options.old_stock, options.tests)
        run = steps(job, before, keep=options.keep)
        outcome, code = finish(run, job, before, keep=options.keep)
    summary = run.markdown(outcome)
    print(summary, end="")
    if options.summary:
        replace_file(options.summary, summary.encode())
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
