"""Copies this client into another package's tree, under its own name, and says later what became of the copy.

`python -m inworld_embeddings.vendoring`, `inworld-embeddings vendor` and ``tools/vendor.py`` are the program around it;
see docs/vendoring.md. Standard library only.
"""

import hashlib
import io
import json
import re
import shutil
import tokenize
import tomllib
from dataclasses import asdict, dataclass
from importlib.metadata import Distribution
from pathlib import Path
from typing import Any, Final, Self

from .._version import VENDORED, __version__

__all__ = ["MANIFEST", "Choice", "Manifest", "Report", "Source", "VendorError", "check", "vendor"]

DISTRIBUTION: Final = "inworld-embeddings"
WRAPPER: Final = "inworld_embeddings"
GENERATED: Final = "inworld_embeddings_client"
CLIENT: Final = "_client"  # the generated client's folder inside the copy
SEAM: Final = "_api.py"  # imports the generated client; the one module that a copy changes
MANIFEST: Final = "vendored.json"

Tree = dict[str, bytes]
"""Relative POSIX path to content; text has LF line ends, so that a checkout with CRLF is no difference."""

Manifest = dict[str, Any]
"""As in vendored.json: version, spec_sha256, tools, requires, files (path to sha256), `choice` (a `Choice`)."""


class VendorError(RuntimeError):
    """It was not done; nothing was changed."""


class EditedError(VendorError):
    """The copy was edited where it lies, and an update would lose that."""


@dataclass(frozen=True, slots=True)
class Source:
    """Everything that can be copied, read once, and the requirements without those of extras."""

    version: str
    wrapper: Tree
    generated: Tree
    licences: Tree
    requires: tuple[str, ...]

    @classmethod
    def here(cls) -> Self:
        """The distribution that this module belongs to: a checkout, an unpacked sdist, or an installed wheel.

        Raises:
            VendorError: it is itself a copy, or has no licence files.
        """
        if VENDORED:
            raise VendorError("this is a vendored copy; copy from the distribution itself")
        wrapper = Path(__file__).resolve().parents[1]
        project = wrapper.parents[1] / "pyproject.toml"
        if wrapper.parent.name == "wrapper" and project.exists():
            generated, legal = project.with_name("generated"), project.parent
            requires = tomllib.loads(project.read_text("utf-8"))["project"]["dependencies"]
        else:
            info = wrapper.parent / f"{WRAPPER}-{__version__}.dist-info"
            generated, legal = wrapper.parent, info / "licenses"
            requires = [line for line in Distribution.at(info).requires or [] if "extra ==" not in line]
        licences = _read(legal, "LICENSE", "NOTICE", "LICENSES/*")
        if not {"LICENSE", "NOTICE"} <= licences.keys():
            raise VendorError(f"no LICENSE and NOTICE in {legal}; a copy has to carry them")
        return cls(__version__, _read(wrapper), _read(generated / GENERATED), licences, tuple(requires))


@dataclass(frozen=True, slots=True)
class Choice:
    """What to copy. The testing helpers without the emulator are a ValueError."""

    low_level_only: bool = False  # the generated client alone
    emulator: bool = True  # local mode; 3.1 MB
    testing: bool = False  # the helpers for test suites

    def __post_init__(self) -> None:
        if self.testing and not self.emulator:
            raise ValueError("the testing helpers need the emulator")

    @property
    def default_name(self) -> str:
        """What the copy is called if nobody says otherwise."""
        return GENERATED if self.low_level_only else WRAPPER


@dataclass(frozen=True, slots=True)
class Report:
    """How a copy, its manifest and its source differ."""

    recorded: Manifest | None  # found in the copy; None if there was none
    current: Manifest  # that of a fresh copy
    drift: tuple[str, ...]  # changed in the source since the copy was made: a line a file or requirement
    edits: tuple[str, ...]  # changed in the copy itself: a line a file


def check(home: Path, source: Source, choice: Choice | None = None) -> Report:
    """Compares, and changes nothing. Takes the same as `vendor`; without a copy it raises a VendorError."""
    recorded = _recorded(home)
    if recorded is None:
        raise VendorError(f"{home} is no vendored copy: it has no {MANIFEST}")
    return _compared(home, recorded, fresh_copy(source, choice or recorded["choice"]))


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
    _recover(home)
    if home.exists() and any(home.iterdir()) and not (home / MANIFEST).exists():
        raise VendorError(f"{home} is there and is no vendored copy; choose another place or --package")
    recorded = _recorded(home, force=force)
    tree = fresh_copy(source, choice or (recorded["choice"] if recorded else Choice()))
    report = _compared(home, recorded, tree)
    if report.edits and not force:
        edits = "\n  ".join([f"{home} was edited:", *report.edits])
        raise EditedError(f"{edits}\nAn update would lose that; --force does it all the same.")
    if report.recorded != report.current or report.edits:
        _put(tree, home)
    return report


def fresh_copy(source: Source, choice: Choice) -> Tree:
    """The files of a copy made now, with licences and manifest.

    Raises:
        VendorError: a module cannot be carried along; see `made_relative`.
    """
    files, requires = source.generated, list(source.requires)
    if choice.low_level_only:
        requires = [line for line in requires if line.startswith(("attrs", "httpx"))]
    else:
        files = {f"{CLIENT}/{name}": content for name, content in files.items()}
        left_out = {"__main__", "cli", "vendoring"}  # the SDK around the copy has commands of its own
        left_out |= set() if choice.emulator else {"emulator", "gateway"}
        left_out |= set() if choice.testing else {"testing"}
        for name, content in source.wrapper.items():
            if name.partition("/")[0].removesuffix(".py") not in left_out:
                files[name] = content
    tree = {name: made_relative(name, content) for name, content in files.items()} | source.licences
    origin = json.loads(source.generated["provenance.json"])
    manifest = {
        "note": f"copied from {DISTRIBUTION}; do not edit, run `{DISTRIBUTION} vendor` again",
        "version": source.version,
        "spec_sha256": origin["sha256"]["openapi.yaml"],
        "tools": origin["tools"],
        "choice": asdict(choice),
        "requires": requires,
        "files": _digests(tree),
    }
    return tree | {MANIFEST: (json.dumps(manifest, indent=2) + "\n").encode()}


def made_relative(name: str, content: bytes) -> bytes:
    """A file as the copy holds it: in the seam, ``from inworld_embeddings_client`` becomes ``from ._client``.

    Works on tokens, so what stands in a string, a docstring or a comment is never touched.

    Raises:
        VendorError: another module imports either package by its absolute name, or the seam by another statement.
    """
    if not name.endswith(".py") or WRAPPER.encode() not in content:
        return content
    lines = content.decode().split("\n")
    tokens = [token for token in tokenize.tokenize(io.BytesIO(content).readline) if token.string.strip()]
    for first, second, token in reversed(list(zip(tokens, tokens[1:], tokens[2:], strict=False))):
        package = token.string.strip("\"'").partition(".")[0]
        dynamic = first.string in {"import_module", "__import__"} and second.string == "("
        if package in {WRAPPER, GENERATED} and (token.type == tokenize.NAME or dynamic):
            row, column = token.start
            if name != SEAM or second.string != "from" or package != GENERATED:
                raise VendorError(f"{name}: line {row} imports {package}, which cannot be carried along")
            line = lines[row - 1]
            lines[row - 1] = f"{line[:column]}.{CLIENT}{line[column + len(package) :]}"
    return "\n".join(lines).encode()


def _read(folder: Path, *patterns: str) -> Tree:
    """The files of a folder, or those that match, without byte code and hidden ones. No folder is no files."""
    tree = {}
    for path in sorted(path for pattern in patterns or ["**/*"] for path in folder.glob(pattern)):
        name = path.relative_to(folder)
        left_out = any(part == "__pycache__" or part.startswith(".") for part in name.parts)
        if path.is_file() and path.suffix != ".pyc" and not left_out:
            content = path.read_bytes()
            binary = b"\0" in content
            tree[name.as_posix()] = content if binary else content.replace(b"\r\n", b"\n")
    return tree


def _digests(tree: Tree) -> dict[str, str]:
    return {name: hashlib.sha256(tree[name]).hexdigest() for name in sorted(tree)}


def _parsed(manifest: bytes) -> Manifest:
    found = json.loads(manifest)
    shaped = {"version": str(found["version"]), "choice": Choice(**found["choice"])}
    return {**found, **shaped, "requires": list(found["requires"]), "files": dict(found["files"])}


def _recorded(home: Path, *, force: bool = False) -> Manifest | None:
    """The manifest of the copy in a folder; None if there is none, or by force if it cannot be read."""
    try:
        return _parsed((home / MANIFEST).read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, TypeError, KeyError) as error:  # cut, edited, or with a merge conflict in it
        if force:
            return None
        raise VendorError(
            f"{home / MANIFEST} cannot be read ({type(error).__name__}); --force makes the copy anew"
        ) from None


def _compared(home: Path, recorded: Manifest | None, fresh: Tree) -> Report:
    current = _parsed(fresh[MANIFEST])
    if recorded is None:
        return Report(None, current, (), ())
    found = _digests(_read(home))
    del found[MANIFEST]
    known = [_parts(line) for line in recorded["requires"]]
    needs = [f"requires {line}" for line in current["requires"] if _parts(line) not in known]
    drift = (*_changes(recorded["files"], current["files"]), *needs)
    return Report(recorded, current, drift, _changes(recorded["files"], found))


def _parts(requirement: str) -> set[str]:
    """For comparing: a wheel's metadata and a pyproject write the same requirement differently."""
    return set(re.findall(r"[<>=!~]*[\w.'-]+", requirement.replace(" ", "").replace('"', "'")))


def _changes(old: dict[str, str], new: dict[str, str]) -> tuple[str, ...]:
    """A line for each file that was added, changed or removed between two sets of hashes, by path."""
    kinds = {name: "changed" for name in old.keys() & new.keys() if old[name] != new[name]}
    kinds |= dict.fromkeys(new.keys() - old.keys(), "added")
    kinds |= dict.fromkeys(old.keys() - new.keys(), "removed")
    return tuple(f"{kind} {name}" for name, kind in sorted(kinds.items()))


def _put(tree: Tree, home: Path) -> None:
    """Writes a tree aside and renames it to `home`. If it is killed in between, the next run recovers."""
    new, old = _asides(home)
    try:
        for name, content in tree.items():
            (new / name).parent.mkdir(parents=True, exist_ok=True)
            (new / name).write_bytes(content)
        if home.exists():
            home.rename(old)
        new.rename(home)
    finally:
        _recover(home)


def _recover(home: Path) -> None:
    """Puts back the copy that a killed `_put` left aside, and removes what it wrote."""
    new, old = _asides(home)
    if old.exists() and not home.exists():
        old.rename(home)
    for left in (new, old):
        if left.exists():
            shutil.rmtree(left)


def _asides(home: Path) -> tuple[Path, Path]:
    """Where `_put` writes, and where it moves the old copy."""
    return home.with_name(f"{home.name}.vendoring-new"), home.with_name(f"{home.name}.vendoring-old")
