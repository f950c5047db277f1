"""The program: its arguments, what it prints, its exit codes."""

import argparse
import keyword
import sys
from collections.abc import Sequence
from pathlib import Path

from .choice import Choice
from .copying import EditedError, Report, VendorError, check, vendor
from .imports import ImportsError
from .manifest import MANIFEST
from .source import DISTRIBUTION, Source, SourceError

DONE, DRIFT, UNUSABLE, EDITED, BOTH = range(5)

_ABOUT = f"Copy {DISTRIBUTION} into another package's tree, or bring such a copy up to date."
_CODES = """\
Options left out on a later run are as they were on the first; giving one of the four that say what to copy
replaces them all.

exit codes:
  0  copied, or the copy is up to date and unedited
  1  --check: a newer copy would differ
  2  not done: unusable arguments, or something else is in that place
  3  the copy was edited where it lies (--check says so; an update refuses unless --force)
  4  --check: both 1 and 3
"""


def main(arguments: Sequence[str], prog: str | None = None) -> int:
    """Runs the program; returns its exit code."""
    try:
        given = _parser(prog).parse_args(arguments)
    except SystemExit as stop:
        return int(stop.code or 0)
    try:
        choice = _choice(given)
        home = given.dest.resolve() / _name(given, choice)
        if given.check:
            return _checked(home, check(home, Source.here(), choice))
        return _vendored(home, vendor(home, Source.here(), choice, force=given.force))
    except EditedError as error:
        return _fail(f"{error}\nAn update would lose that; --force does it all the same.", EDITED)
    except (VendorError, SourceError, ImportsError, ValueError, OSError) as error:
        return _fail(str(error), UNUSABLE)


def _parser(prog: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=prog, description=_ABOUT, epilog=_CODES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "dest", type=Path, metavar="DEST", help="folder to copy into, such as src/acme_sdk/_vendor"
    )
    parser.add_argument("--package", metavar="NAME", help="name of the copy; by default its own")
    parser.add_argument("--check", action="store_true", help="change nothing; say what differs")
    parser.add_argument("--force", action="store_true", help="give up edits of the copy")
    copied = parser.add_argument_group("what to copy")
    copied.add_argument("--low-level-only", action="store_true", help="the generated client alone")
    local = copied.add_mutually_exclusive_group()
    local.add_argument(
        "--with-emulator", action="store_true", help="local mode too (the default; a table of 2.8 MB)"
    )
    local.add_argument("--without-emulator", action="store_true", help="no local mode")
    copied.add_argument("--with-testing", action="store_true", help="the helpers for test suites too")
    return parser


def _choice(given: argparse.Namespace) -> Choice | None:
    """What the arguments ask for; None if they leave it open."""
    if not (given.low_level_only or given.with_emulator or given.without_emulator or given.with_testing):
        return None
    return Choice(given.low_level_only, not given.without_emulator, given.with_testing)


def _name(given: argparse.Namespace, choice: Choice | None) -> str:
    """The copy's name: as given, or its own, or that of the only copy there is.

    Raises:
        ValueError: it cannot be a package's name, or there are several copies.
    """
    if given.package is not None:
        name = str(given.package)
        if not name.isidentifier() or keyword.iskeyword(name):
            raise ValueError(f"--package: {name!r} cannot be imported; it takes one name without dots")
        return name
    found: list[str] = [path.parent.name for path in sorted(given.dest.glob(f"*/{MANIFEST}"))]
    if choice is not None or not found:
        return (choice or Choice()).default_name
    if len(found) > 1:
        raise ValueError(f"there are several copies in {given.dest}: say --package {' or '.join(found)}")
    return found[0]


def _vendored(home: Path, report: Report) -> int:
    print(_title(home, report))
    if report.recorded == report.current and not report.edits:
        print("up to date")
        return DONE
    if report.recorded is not None:
        lines = [*report.drift, *(f"given up: {line}" for line in report.edits)]
        print("\n".join(f"  {line}" for line in lines or ["only the manifest changed"]))
    if not (home.parent / "__init__.py").exists():
        print(f"note: {home.parent} has no __init__.py; add an empty one if it is part of a package")
    print("declare in the package around it:")
    print("\n".join(f"  {line}" for line in report.current.requires))
    return DONE


def _checked(home: Path, report: Report) -> int:
    print(_title(home, report))
    for heading, lines in (("changed upstream since", report.drift), ("edited here", report.edits)):
        if lines:
            print(f"{heading}:\n" + "\n".join(f"  {line}" for line in lines))
    if not report.drift and not report.edits:
        print("up to date and unedited")
    return (DRIFT if report.drift else DONE) + (EDITED if report.edits else DONE)


def _title(home: Path, report: Report) -> str:
    old, new = report.recorded, report.current
    versions = new.version if old is None or old.version == new.version else f"{old.version} -> {new.version}"
    layers = "generated client" if new.choice.low_level_only else "both layers"
    return f"{home}: {DISTRIBUTION} {versions}, {layers}, {len(new.files)} files"


def _fail(message: str, code: int) -> int:
    print(f"error: {message}", file=sys.stderr)
    return code
