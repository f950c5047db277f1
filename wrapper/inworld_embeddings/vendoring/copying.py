"""Makes a vendored copy, brings it up to date, and compares it with where it came from."""

from dataclasses import dataclass
from pathlib import Path

from . import swap
from .choice import Choice
from .manifest import MANIFEST, Manifest, ManifestError
from .source import Source
from .tree import Tree, changes, digests, read


class VendorError(RuntimeError):
    """It was not done; nothing was changed."""


class EditedError(VendorError):
    """The copy was edited where it lies, and an update would lose that."""


@dataclass(frozen=True, slots=True)
class Report:
    """How a copy, its record and its source differ.

    Attributes:
        recorded: The manifest found in the copy; None if there was no copy.
        current: What the manifest of a fresh copy would be.
        drift: What changed upstream since the copy was made, a line a file.
        edits: What was changed in the copy itself, a line a file.
    """

    recorded: Manifest | None
    current: Manifest
    drift: tuple[str, ...]
    edits: tuple[str, ...]


def check(home: Path, source: Source, choice: Choice | None = None) -> Report:
    """Compares; changes nothing.

    Args:
        home: The copy's own folder.
        source: Where copies come from.
        choice: What the copy should hold; by default what its manifest says.

    Raises:
        VendorError: there is no copy, or its manifest cannot be read.
    """
    recorded = _recorded(home)
    if recorded is None:
        raise VendorError(f"{home} is no vendored copy: it has no {MANIFEST}")
    return _compared(home, source, choice, recorded)[0]


def vendor(home: Path, source: Source, choice: Choice | None = None, *, force: bool = False) -> Report:
    """Makes the copy, or brings it up to date: all of it or nothing.

    Args:
        home: The copy's own folder. What is in it and not in the manifest counts as an edit.
        source: Where copies come from.
        choice: What it should hold; by default what its manifest says, and for a new one `Choice()`.
        force: Give up edits, or a manifest that cannot be read.

    Raises:
        EditedError: the copy was edited, and `force` is not set.
        VendorError: there is something else in that place, or the manifest cannot be read.
    """
    swap.recover(home)
    recorded = _recorded(home, force=force)
    if recorded is None and home.exists() and any(home.iterdir()) and not (home / MANIFEST).exists():
        raise VendorError(f"{home} is there and is no vendored copy; choose another place or --package")
    report, tree = _compared(home, source, choice, recorded)
    if report.edits and not force:
        raise EditedError(f"{home} was edited:\n" + "\n".join(f"  {line}" for line in report.edits))
    if report.recorded != report.current or report.edits:
        swap.put(tree | {MANIFEST: report.current.content()}, home)
    return report


def _recorded(home: Path, *, force: bool = False) -> Manifest | None:
    try:
        return Manifest.read(home)
    except ManifestError as error:
        if force:
            return None
        raise VendorError(f"{error}; --force makes the copy anew") from None


def _compared(
    home: Path, source: Source, choice: Choice | None, recorded: Manifest | None
) -> tuple[Report, Tree]:
    wanted = choice or (recorded.choice if recorded else Choice())
    tree = wanted.tree(source)
    current = Manifest.of(source, wanted, tree)
    if recorded is None:
        return Report(None, current, changes({}, current.files), ()), tree
    found = read(home)
    found.pop(MANIFEST, None)
    drift = changes(recorded.files, current.files) + _requirements(recorded, current)
    return Report(recorded, current, drift, changes(recorded.files, digests(found))), tree


def _requirements(old: Manifest, new: Manifest) -> tuple[str, ...]:
    """A line for each new requirement. A wheel's metadata and a pyproject write the same one differently."""
    known = {_bare(line) for line in old.requires}
    return tuple(f"requires {line}" for line in new.requires if _bare(line) not in known)


def _bare(requirement: str) -> str:
    return requirement.replace('"', "'").translate(dict.fromkeys(map(ord, "() ")))
