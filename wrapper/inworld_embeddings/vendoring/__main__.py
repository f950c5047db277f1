"""The program: its arguments, what it prints, its exit codes. It needs no extra."""

import argparse
import keyword
import sys
from collections.abc import Sequence
from pathlib import Path

from . import DISTRIBUTION, MANIFEST, Choice, EditedError, Report, Source, VendorError, check, vendor

DONE, DRIFT, UNUSABLE, EDITED, BOTH = range(5)

_CODES = """\
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
        asked = Choice(given.low_level_only, not given.without_emulator, given.with_testing)
        choice = asked if given.with_emulator or asked != Choice() else None
        home = given.dest.resolve() / _name(given, choice)
        if given.check:
            report = check(home, Source.here(), choice)
        else:
            report = vendor(home, Source.here(), choice, force=given.force)
    except SystemExit as stop:  # argparse has said what there is to say
        return int(stop.code or 0)
    except (VendorError, ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return EDITED if isinstance(error, EditedError) else UNUSABLE
    _tell(home, report, checked=given.check)
    if not given.check:
        return DONE
    return (DRIFT if report.drift else DONE) + (EDITED if report.edits else DONE)


def _parser(prog: str | None) -> argparse.ArgumentParser:
    about = f"Copy {DISTRIBUTION} into another package's tree, or bring such a copy up to date."
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(prog=prog, description=about, epilog=_CODES, formatter_class=raw)
    add = parser.add_argument
    add("dest", type=Path, metavar="DEST", help="folder to copy into, such as src/acme_sdk/_vendor")
    add("--package", metavar="NAME", help="name of the copy; by default its own")
    add("--check", action="store_true", help="change nothing; say what differs")
    add("--force", action="store_true", help="give up edits of the copy")
    what = parser.add_argument_group(
        "what to copy (by default what was asked for last; one given replaces all)"
    )
    what.add_argument("--low-level-only", action="store_true", help="the generated client alone")
    local = what.add_mutually_exclusive_group()
    local.add_argument("--with-emulator", action="store_true", help="local mode too (the default; 3.1 MB)")
    local.add_argument("--without-emulator", action="store_true", help="no local mode")
    what.add_argument("--with-testing", action="store_true", help="the helpers for test suites too")
    return parser


def _name(given: argparse.Namespace, choice: Choice | None) -> str:
    """The copy's name: as given, or that of the only copy there is, or its own."""
    if given.package is not None:
        if not given.package.isidentifier() or keyword.iskeyword(given.package):
            raise ValueError(f"--package takes one name without dots that can be imported: {given.package!r}")
        return str(given.package)
    # What a killed run left aside has the name of its copy before the first dot.
    manifests = Path(given.dest).glob(f"*/{MANIFEST}")
    found = sorted({path.parent.name.partition(".")[0] for path in manifests})
    if choice or not found:
        return (choice or Choice()).default_name
    if len(found) > 1:
        raise ValueError(f"there are several copies in {given.dest}: say --package {' or '.join(found)}")
    return found[0]


def _tell(home: Path, report: Report, *, checked: bool) -> None:
    old, new = report.recorded, report.current
    before = f"{old['version']} -> " if old and old["version"] != new["version"] else ""
    layers = "generated client" if new["choice"].low_level_only else "both layers"
    print(f"{home}: {DISTRIBUTION} {before}{new['version']}, {layers}, {len(new['files'])} files")
    if report.drift:
        print("changed upstream since:", *report.drift, sep="\n  ")
    if report.edits:
        print("edited here:" if checked else "edited here, and given up:", *report.edits, sep="\n  ")
    if old and not report.drift and not report.edits:
        print("up to date and unedited")
    if checked:
        return
    if not (home.parent / "__init__.py").exists():
        print(f"note: {home.parent} has no __init__.py; add an empty one if it is part of a package")
    print("declare in the package around it:", *new["requires"], sep="\n  ")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], prog=f"python -m {__package__}"))
