"""Sync, compare, generate, derive, check and test, in this order: `python -m tools.regenerate [PAGE] [--no-sync] ...`.

If a step fails (or is interrupted), git puts everything back as it was committed, unless told to `--keep` it. Killed
outright, it cannot: then `git restore` does. The page is the published one by default; with `--no-sync` the spec stays,
and code is written by what pyproject.toml pins now. Prints a summary, Markdown for a pull request.

Exit codes: 0 done, or nothing to do; 1 a step failed; 2 there is no repository, or what may be put back is not committed.
"""

import argparse
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from inworld_embeddings import __version__
from tools import ToolError, git, program
from tools.generate import fixtures, package
from tools.spec.changes import markdown, worst
from tools.spec.diff import compare, spec_text
from tools.spec.document import load
from tools.spec.reliance import PACKAGE, breaches, endpoint_breaches
from tools.spec.sync import PUBLISHED, sync

ROOT = Path(__file__).resolve().parents[1]
SPEC = "openapi.yaml"
TARGETS = (SPEC, PACKAGE, fixtures.HOME, package.STOCK)
"""All that a regeneration may change."""

TESTS = "tests/contract tests/generated"
"""What a spec change can break. The rest of the suite is CI's: a slow machine must not throw a good regeneration away."""


@dataclass(frozen=True, slots=True)
class Regeneration:
    """What to do to the project in `root`.

    The steps are methods, in order. What one returns, or fails with, is a line for the table and Markdown to show below it.
    """

    root: Path
    options: argparse.Namespace

    def sync(self) -> str:
        """Take the spec from its page."""
        if self.options.no_sync:
            return f"{SPEC} stays"
        differed = sync(self.options.page, self.root / SPEC, replace=self.options.replace)
        return f"{SPEC} {'follows' if differed else 'is'} {self.options.page}"

    def diff(self) -> str:
        """Say what changed."""
        old, new = spec_text("HEAD", self.root), (self.root / SPEC).read_text("utf-8")
        # An earlier run may have written the new code and kept it.
        package = None if PACKAGE in changed(self.root) else self.root / PACKAGE
        changes = compare(old, new, self.root, package)
        if not changes:
            return "nothing changed, on the wire or in Python"
        return f"{worst(changes)}, {len(changes)} changes\n{markdown(changes, __version__)}"

    def generate(self) -> str:
        """Write generated/ anew."""
        return written(package.write(self.root, accept_stock=self.options.accept_stock))

    def fixtures(self) -> str:
        """Derive the spec's fixtures anew."""
        return written(fixtures.write(self.root, replace=self.options.replace))

    def reliance(self) -> str:
        """Hold the hand-written layer against the spec and the generated package."""
        spec = load((self.root / SPEC).read_text("utf-8"))
        if found := breaches(spec) + endpoint_breaches(self.root / PACKAGE):
            raise ToolError("\n".join([f"{len(found)} things that the wrapper relies on changed", *found]))
        return "the spec says what the wrapper and the emulator rely on"

    def tests(self) -> str:
        """Run the tests, if there is something to test."""
        if not changed(self.root):
            return "nothing to test"
        command = [sys.executable, "-m", "pytest", "-q", "-rfE", *shlex.split(self.options.tests)]
        done = subprocess.run(command, cwd=self.root, capture_output=True, text=True, check=False)
        last = (done.stdout.strip().splitlines() or ["no output"])[-1].strip("= ")
        if done.returncode:
            raise ToolError(f"{last}\n{(done.stdout + done.stderr)[-6000:]}")
        return last


STEPS = ("sync", "diff", "generate", "fixtures", "reliance", "tests")


def run(work: Regeneration) -> Iterator[tuple[str, bool, str]]:
    """Run the steps up to the first that fails, or all if what was made is kept: name, success, and what was said."""
    for step in STEPS:
        try:
            good, said = True, getattr(work, step)()
        except (ToolError, OSError) as error:
            first, _, more = str(error).strip().partition("\n")
            good, said = False, f"{first}\n{block(more)}" if more else first
        yield step, good, said
        if not (good or work.options.keep):
            return


def changed(root: Path) -> list[str]:
    """Return the targets that are not as they were committed."""
    return [name for name in TARGETS if git(root, "status", "--porcelain", "--", name)]


def put_back(root: Path) -> None:
    """Make the targets what was committed."""
    git(root, "restore", "--source=HEAD", "--staged", "--worktree", "--", *TARGETS)
    git(root, "clean", "-fdq", "--", *TARGETS)


def written(changes: list[str]) -> str:
    """Return what a step says that wrote files."""
    return f"{len(changes)} files differ" + ("\n" + block("\n".join(changes)) if changes else "")


def block(text: str) -> str:
    """Return a text as a fenced block."""
    return f"````\n{text.strip()}\n````"


def summary(steps: list[tuple[str, bool, str]], outcome: str) -> str:
    """Return what was done, as Markdown; `outcome` says what became of the result."""
    told = [(name, good, *said.split("\n", 1)) for name, good, said in steps]
    rows = [f"| {name} | {'ok' if good else 'FAILED'} | {first} |" for name, good, first, *_ in told]
    details = [f"\n## {name}\n\n{more}" for name, _, _, *rest in told for more in rest if more]
    head = ["# Regenerated from the spec", "", outcome, "", "| step | | |", "|---|---|---|"]
    return "\n".join([*head, *rows, *details]).rstrip() + "\n"


def parse_arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("page", nargs="?", metavar="PAGE", default=PUBLISHED, help="a file or an https address")
    add("--no-sync", action="store_true", help=f"leave {SPEC} as it is")
    add("--summary", type=Path, help="write the summary to this file, too")
    add("--keep", action="store_true", help="keep what was made though a step failed")
    add("--replace", action="store_true", help="go on though the page lacks an operation or an example")
    add("--accept-stock", action="store_true", help="our templates are up to date with the generator's")
    add("--tests", default=TESTS, help="arguments of pytest; default: %(default)s")
    return parser.parse_args(argv)


@program
def main(argv: list[str], root: Path = ROOT) -> int:
    """Run the program; see the module's docstring for the exit codes."""
    options = parse_arguments(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that everything is put back
    if (dirty := changed(root)) and not options.keep:
        raise ToolError(f"{', '.join(dirty)}: commit what you changed there, or run with --keep")
    failed = True
    try:
        steps = list(run(Regeneration(root, options)))
        failed = not all(good for _, good, _ in steps)
    finally:
        if failed and not options.keep:
            put_back(root)
    if failed and not options.keep:
        outcome = "**A step failed. Nothing was changed.**"
    else:
        names = ", ".join(f"`{name}`" for name in changed(root))
        outcome = "**A step failed; what was made is kept.** " if failed else ""
        outcome += f"Written: {names}." if names else "Nothing changed."
    text = summary(steps, outcome)
    print(text, end="")
    if options.summary:
        options.summary.write_text(text, "utf-8")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
