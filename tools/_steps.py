"""The steps of a regeneration, each on the copy of the project: it tells what became of it and never raises."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import spec_fixtures
from _changes import markdown, worst
from _document import DocumentError, load
from _files import differences, read_tree
from _inputs import GenerateError, Inputs
from _merge import MergeError
from _page import PageError
from _pins import accept_stock, require_recorded_stock, stock_folder
from _seam_check import seam_breaches
from _stock_diff import stock_diff
from _summary import Step, block, folded
from _wire import WireError
from diff_spec import compare, version_of
from generate import write
from reliance import breaches
from sync_spec import sync

PACKAGE = "generated/inworld_embeddings_client"
TARGETS = ("openapi.yaml", PACKAGE, "tests/fixtures/spec", "templates/stock.json")
"""All that a regeneration may change."""

_LEFT = (".git", ".nox", ".venv", "dist", "__pycache__", ".*_cache", ".hypothesis", ".*-swap", "node_modules")


@dataclass(frozen=True, slots=True)
class Job:
    """What to do, and where: `root` is the project, `work` its copy. See `regenerate.py` for the others."""

    root: Path
    work: Path
    pages: tuple[str, ...]
    replace: bool
    accept_stock: bool
    old_stock: Path | None
    tests: str


_Expected = (PageError, MergeError, DocumentError, GenerateError, WireError, OSError, KeyError)


def _step(name: str) -> Callable[[Callable[[Job], Step]], Callable[[Job], Step]]:
    """Make a failure of a function into a failed step of that name."""

    def decorate(function: Callable[[Job], Step]) -> Callable[[Job], Step]:
        def step(job: Job) -> Step:
            try:
                return function(job)
            except _Expected as error:
                said = str(error) if not isinstance(error, KeyError) else f"the spec lacks {error}"
                return Step(name, said.strip().split("\n", 1)[0], failed=True, details=block(said))

        return step

    return decorate


def copy_project(root: Path, work: Path) -> None:
    """Copy the project, without what tools left in it."""
    shutil.copytree(root, work, ignore=shutil.ignore_patterns(*_LEFT), symlinks=True)


@_step("sync")
def sync_step(job: Job) -> Step:
    """Take the spec from its pages."""
    if not job.pages:
        return Step("sync", "openapi.yaml stays")
    changed = sync(job.pages, job.work / "openapi.yaml", replace=job.replace)
    return Step("sync", f"openapi.yaml {'follows' if changed else 'is'} {', '.join(job.pages)}")


@_step("diff")
def diff_step(job: Job) -> Step:
    """Say what changed."""
    old, new = ((folder / "openapi.yaml").read_text("utf-8") for folder in (job.root, job.work))
    changes = compare(old, new, job.work)
    if not changes:
        return Step("diff", "the spec means what it meant")
    return Step(
        "diff", f"{worst(changes)}, {len(changes)} changes", details=markdown(changes, version_of(job.work))
    )


@_step("stock templates")
def stock_step(job: Job) -> Step:
    """Hold our templates against the generator's own."""
    inputs = Inputs(job.work)
    found = stock_diff(job.old_stock, stock_folder(), inputs.overrides()) if job.old_stock else {}
    details = "\n\n".join(folded(name, block(text, "diff")) for name, text in found.items())
    if job.accept_stock:
        accept_stock(inputs)
    try:
        require_recorded_stock(inputs)
    except GenerateError as error:
        return Step(
            "stock templates",
            "differ from those ours came from",
            failed=True,
            details=f"{error}\n\n{details}",
        )
    return Step(
        "stock templates",
        f"{len(found)} differ between the two versions" if found else "as recorded",
        details=details,
    )


@_step("generate")
def generate_step(job: Job) -> Step:
    """Write generated/ anew."""
    changes = write(job.work)
    return Step(
        "generate", f"{len(changes)} files differ", details=block("\n".join(changes)) if changes else ""
    )


@_step("fixtures")
def fixtures_step(job: Job) -> Step:
    """Derive the spec's fixtures anew."""
    home = job.work / spec_fixtures.HOME
    before = read_tree(home)
    spec_fixtures.write(job.work)
    changes = differences(before, read_tree(home))
    return Step(
        "fixtures", f"{len(changes)} files differ", details=block("\n".join(changes)) if changes else ""
    )


@_step("reliance")
def reliance_step(job: Job) -> Step:
    """Hold the hand-written layer against the spec and the generated package."""
    found = breaches(load((job.work / "openapi.yaml").read_text("utf-8"))) + seam_breaches(job.work / PACKAGE)
    if not found:
        return Step("reliance", "the spec says what the wrapper and the emulator rely on")
    text = "\n".join(f"- {str(breach).replace(chr(10), '<br>')}" for breach in found)
    said = f"{len(found)} things that the wrapper relies on changed"
    return Step("reliance", said, failed=True, details=text)


STEPS = (sync_step, diff_step, stock_step, generate_step, fixtures_step, reliance_step)


def run_tests(job: Job) -> Step:
    """Run the project's tests on the copy."""
    path = os.pathsep.join(str(job.work / folder) for folder in ("generated", "wrapper"))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *shlex.split(job.tests)]
    done = subprocess.run(
        command,
        cwd=job.work,
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    last = (done.stdout.strip().splitlines() or ["no output"])[-1].strip("= ")
    details = block((done.stdout + done.stderr)[-6000:]) if done.returncode else ""
    return Step("tests", last, failed=bool(done.returncode), details=details)
