"""A change between two versions of the spec, how much it matters, and what follows for the version and the changelog. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum


class Impact(IntEnum):
    """How much a change matters to someone who uses the package, from nothing up. The value is the exit code."""

    NONE = 0
    COSMETIC = 3
    """Words, examples, order: code that worked works, and nothing new can be done."""
    ADDITIVE = 4
    """Code that worked works, and something new can be done or may come back."""
    BREAKING = 5
    """Code that worked may fail, be refused, or mean something else."""

    def __str__(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Change:
    """One change: on the "wire" or in "Python" (the generated package's names), where, and what."""

    impact: Impact
    side: str
    place: str
    text: str

    def __str__(self) -> str:
        return f"{self.place}: {self.text}" if self.place else self.text


def worst(changes: Sequence[Change]) -> Impact:
    """Return the greatest impact of all changes."""
    return max((change.impact for change in changes), default=Impact.NONE)


def next_version(version: str, impact: Impact) -> str:
    """Return the version that a release with these changes needs, after semantic versioning.

    Before 1.0 the second number counts what breaks and the third everything else.
    """
    major, minor, patch = (int(part) for part in re.findall(r"\d+", version)[:3])
    if impact is Impact.NONE:
        return version
    if impact is Impact.BREAKING:
        return f"{major + 1}.0.0" if major else f"0.{minor + 1}.0"
    if impact is Impact.ADDITIVE and major:
        return f"{major}.{minor + 1}.0"
    return f"{major}.{minor}.{patch + 1}"


def markdown(changes: Sequence[Change], version: str) -> str:
    """Return the report: a verdict, the changes by class and side, the next version and a changelog entry."""
    impact = worst(changes)
    if impact is Impact.NONE:
        return "Verdict: nothing changed\n"
    lines = [f"Verdict: {impact}", "", f"Version {version} → {next_version(version, impact)}", ""]
    for level in sorted(Impact, reverse=True):
        for side in ("wire", "Python"):
            found = [f"- {change}" for change in changes if (change.impact, change.side) == (level, side)]
            lines += [f"### {str(level).capitalize()}, {side}", "", *found, ""] if found else []
    entry = ["### Proposed changelog entry", "", "```markdown", changelog(changes), "```", ""]
    return "\n".join([*lines, *entry])


def changelog(changes: Sequence[Change]) -> str:
    """Return an entry for CHANGELOG.md: a line for each change that matters, or one for all the others."""
    parts = []
    for level, heading in ((Impact.BREAKING, "Changed (breaking)"), (Impact.ADDITIVE, "Added")):
        found = [f"- API: {change}." for change in changes if change.impact is level]
        parts += [f"### {heading}\n", *found, ""] if found else []
    words = ["### Changed\n", "- API: descriptions and examples follow the published page."]
    return "\n".join(parts or words).rstrip()
