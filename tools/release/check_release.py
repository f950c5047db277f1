"""Say whether this tree may be released as a tag: `check_release.py TAG [--notes FILE]`.

The tag has to be ``v`` and the version, and the changelog needs a dated section of that version with something in it,
which ``--notes`` writes to a file. Standard library only. Exit codes: 0 yes, 1 no, with every reason.
"""

import argparse
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_VERSION = re.compile(r'^__version__ = "([^"]+)"$', re.MULTILINE)
_SECTION = re.compile(r"^## \[(?P<name>[^\]]+)\](?P<rest>.*)\n(?P<body>(?:(?!## \[).*\n?)*)", re.MULTILINE)
_DATE = re.compile(r" - \d{4}-\d{2}-\d{2}$")


def section(changelog: str, version: str) -> re.Match[str] | None:
    """The changelog's section of a version."""
    return next((found for found in _SECTION.finditer(changelog) if found["name"] == version), None)


def reasons(tag: str, version: str, changelog: str) -> list[str]:
    """Why not."""
    found = section(changelog, version)
    checks = {
        f"the tag is {tag}, the version v{version}": tag != f"v{version}",
        f"CHANGELOG.md has no section [{version}]": found is None,
        f"CHANGELOG.md: [{version}] has no date": found is not None
        and not _DATE.match(found["rest"].rstrip()),
        f"CHANGELOG.md: [{version}] is empty": found is not None and not found["body"].strip(),
    }
    return [reason for reason, holds in checks.items() if holds]


def main(arguments: list[str], root: Path = ROOT) -> int:
    """Run the program; see above for the exit codes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("tag")
    parser.add_argument("--notes", type=Path, help="write the changelog's section there")
    given = parser.parse_args(arguments)
    source = (root / "wrapper" / "inworld_embeddings" / "_version.py").read_text("utf-8")
    changelog = (root / "CHANGELOG.md").read_text("utf-8")
    version = _VERSION.findall(source)[0]
    against = reasons(given.tag, version, changelog)
    print("\n".join(against) or f"{given.tag} may be released")
    found = section(changelog, version)
    if given.notes and found and not against:
        given.notes.write_text(found["body"].strip() + "\n", "utf-8")
    return 1 if against else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
