"""Say whether this tree may be released as a tag: `check_release.py TAG [--notes FILE]`.

The tag has to be ``v`` and the version, and the changelog needs a dated section of that version with something in it,
which ``--notes`` writes to a file. Standard library only. Exit codes: 0 yes, 1 no, with every reason.
"""

import argparse
import re
import runpy
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def notes_of(version: str, changelog: str) -> str | None:
    """The changelog's dated section of a version."""
    head = rf"^## \[{re.escape(version)}\] - \d{{4}}-\d{{2}}-\d{{2}}$"
    found = re.search(head + r"((?:\n(?!## \[).*)*)", changelog, re.MULTILINE)
    return found[1].strip() if found else None


def reasons(tag: str, version: str, changelog: str) -> list[str]:
    """Why not."""
    notes = notes_of(version, changelog)
    checks = {
        f"the tag is {tag}, the version v{version}": tag != f"v{version}",
        f"CHANGELOG.md has no section [{version}] with a date": notes is None,
        f"CHANGELOG.md: [{version}] is empty": notes == "",
    }
    return [reason for reason, holds in checks.items() if holds]


def main(arguments: list[str], root: Path = ROOT) -> int:
    """Run the program; see above for the exit codes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("tag")
    parser.add_argument("--notes", type=Path, help="write the changelog's section there")
    given = parser.parse_args(arguments)
    changelog = (root / "CHANGELOG.md").read_text("utf-8")
    version = runpy.run_path(str(root / "wrapper/inworld_embeddings/_version.py"))["__version__"]
    against = reasons(given.tag, version, changelog)
    print("\n".join(against) or f"{given.tag} may be released")
    if given.notes and not against:
        given.notes.write_text(f"{notes_of(version, changelog)}\n", "utf-8")
    return 1 if against else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
