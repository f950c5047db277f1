"""Copies this client into another package's tree, under its own name, and says later what became of the copy.

`python -m inworld_embeddings.vendoring`, `inworld-embeddings vendor` and ``tools/vendor.py`` all run `main`; see
docs/maintain/vendoring.md. Standard library only.
"""

import argparse
import hashlib
import io
import json
import keyword
import sys
import tokenize
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import Distribution
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Self

from ._version import VENDORED, __version__

__all__ = ["MANIFEST", "Choice", "Manifest", "Report", "Source", "VendorError", "check", "vendor"]

DISTRIBUTION: Final = "inworld-embeddings"
WRAPPER: Final = "inworld_embeddings"
GENERATED: Final = "inworld_embeddings_client"
EMULATOR: Final = "inworld_embeddings_emulator"
PLACES: Final = {WRAPPER: "", GENERATED: "_client", EMULATOR: "_emulator"}
"""Each package's folder inside a copy."""

MANIFEST: Final = "vendored.json"

Tree = dict[str, bytes]
"""Relative POSIX path to content; text has LF line ends, so that a checkout with CRLF is no difference."""

Manifest = dict[str, Any]
"""As in vendored.json: version, spec_sha256, tools, requires, files (path to sha256), `choice` (a `Choice`)."""


class VendorError(RuntimeError):
    """It was not done; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Source:
    """Everything that can be copied, read once."""

    version: str
    packages: Mapping[str, Tree]  # by name, as in `PLACES`
    licences: Tree
    requires: tuple[str, ...]  # without those of extras

    @classmethod
    def here(cls) -> Self:
        """The distribution that this module belongs to: a checkout, an unpacked sdist, or an installed wheel.

        Raises:
            VendorError: it is itself a copy, or in a zip, or has no licence files.
        """
        if VENDORED:
            raise VendorError("This is a vendored copy. Copy from the distribution itself.")
        home = Path(__file__).resolve().parents[1]
        if not home.is_dir():
            raise VendorError(f"{home} is no folder: unpack it, and run this from there.")
        project = home.with_name("pyproject.toml")
        if home.name == "wrapper" and project.exists():
            folders, legal = [home, home.with_name("generated"), home.with_name("emulator")], home.parent
            requires = tomllib.loads(project.read_text("utf-8"))["project"]["dependencies"]
        else:
            info = home / f"{WRAPPER}-{__version__}.dist-info"
            folders, legal = [home] * 3, info / "licenses"
            requires = [line for line in Distribution.at(info).requires or [] if "extra ==" not in line]
        licences = _read(legal, "LICENSE", "NOTICE", "LICENSES/*")
        if not {"LICENSE", "NOTICE"} <= licences.keys():
            raise VendorError(f"There is no LICENSE or no NOTICE in {legal}; a copy has to carry them.")
        packages = {name: _read(folder / name) for name, folder in zip(PLACES, folders, strict=True)}
        return cls(__version__, packages, licences, tuple(requires))


@dataclass(frozen=True, slots=True)
class Choice:
    """What to copy."""

    low_level_only: bool = False  # the generated client alone
    emulator: bool = False  # local mode; 3.1 MB
    testing: bool = False  # the helpers for test suites, and the emulator that they need

    def __post_init__(self) -> None:
        if not all(isinstance(flag, bool) for flag in asdict(self).values()):
            raise TypeError(f"{', '.join(asdict(self))} must each be True or False.")


@dataclass(frozen=True, slots=True)
class Report:
    """How a copy, its manifest and its source differ."""

    recorded: Manifest | None  # found in the copy; None if there was none
    current: Manifest  # that of a fresh copy
    drift: tuple[str, ...] = ()  # changed in the source since the copy was made: a line a file
    edits: tuple[str, ...] = ()  # changed in the copy itself: a line a file


def check(home: Path, source: Source, choice: Choice | None = None) -> Report:
    """Compares, and changes nothing. Takes the same as `vendor`; without a copy it raises a VendorError."""
    report, _ = _compared(home, source, choice)
    if report.recorded is None:
        raise VendorError(f"{home} is no vendored copy: it has no {MANIFEST}.")
    return report


def vendor(home: Path, source: Source, choice: Choice | None = None, *, force: bool = False) -> Report:
    """Makes the copy, or brings it up to date.

    Args:
        home: The copy's own folder. What is in it and not in the manifest counts as an edit.
        source: Where copies come from.
        choice: What it should hold; by default what its manifest says, and for a new one `Choice()`.
        force: Give up edits, or a manifest that cannot be read.

    Raises:
        VendorError: the copy was edited, its manifest cannot be read, or something else is in that place.
    """
    if home.exists() and any(home.iterdir()) and not (home / MANIFEST).exists():
        raise VendorError(f"{home} is there and is no vendored copy. Choose another DEST or --package.")
    report, tree = _compared(home, source, choice, force=force)
    if report.edits and not force:
        lost = "\n  ".join([f"{home} was edited:", *report.edits])
        raise VendorError(f"{lost}\nAn update would lose that; --force does it all the same.")
    if report.recorded != report.current or report.edits:
        _put(tree, home)
    return report


def fresh_copy(source: Source, choice: Choice) -> tuple[Tree, Manifest]:
    """The files of a copy made now, with licences and manifest; and the manifest.

    Raises:
        VendorError: a module cannot be carried along; see `made_relative`.
    """
    places = {GENERATED: ""} if choice.low_level_only else PLACES
    # The SDK around the copy has commands and a way to be frozen of its own, and jobs need pyarrow.
    left_out = {"__main__.py", "_doctor.py", "cli", "distributed", "integrations", "jobs", "vendoring.py"}
    if not choice.testing:
        left_out.add("testing")
        left_out |= set() if choice.emulator else {"gateway.py", PLACES[EMULATOR]}
    tree = dict(source.licences)
    for package, folder in places.items():
        for file, content in source.packages[package].items():
            name = f"{folder}/{file}".removeprefix("/")
            if name.partition("/")[0] not in left_out and "/_pyinstaller/" not in name:
                tree[name] = made_relative(name, content, places)
    needed = ("attrs", "httpx") if choice.low_level_only else ""
    origin = json.loads(source.packages[GENERATED]["provenance.json"])
    manifest = {
        "note": f"copied from {DISTRIBUTION}; do not edit, run `{DISTRIBUTION} vendor` again",
        "version": source.version,
        "spec_sha256": origin["sha256"]["openapi.yaml"],
        "tools": origin["tools"],
        "choice": choice,
        "requires": [line for line in source.requires if line.startswith(needed)],
        "files": _digests(tree),
    }
    written = f"{json.dumps(manifest, indent=2, default=asdict)}\n"
    return tree | {MANIFEST: written.encode()}, manifest


def made_relative(name: str, content: bytes, places: Mapping[str, str] = PLACES) -> bytes:
    """A file as the copy holds it: its absolute imports of the packages in it become relative.

    It works on tokens, so what stands in a string, a docstring or a comment is never touched. The file's path inside
    the copy decides how many dots an import gets; `places` maps a package to its folder there.

    Raises:
        VendorError: ``import package``, ``import_module("package")``, or a package that is not in the copy.
    """
    if not name.endswith(".py") or WRAPPER.encode() not in content:
        return content
    lines, up = content.decode().split("\n"), "." * (name.count("/") + 1)
    tokens = [token for token in tokenize.tokenize(io.BytesIO(content).readline) if token.string.strip()]
    runs = zip(tokens, tokens[1:], tokens[2:], [*tokens[3:], tokens[-1]], strict=False)
    for first, second, token, after in reversed(list(runs)):
        package = token.string.strip("\"'").partition(".")[0]
        dynamic = first.string in {"import_module", "__import__"} and second.string == "("
        if package not in PLACES or not (token.type == tokenize.NAME or dynamic):
            continue
        row, column = token.start
        if second.string != "from" or package not in places:
            raise VendorError(f"{name}: line {row} imports {package}, which cannot be carried along.")
        # ``from package.module``: for the copy itself, the dot before the module is the last of those that lead up.
        there = up[:-1] if not places[package] and after.string == "." else up + places[package]
        line = lines[row - 1]
        lines[row - 1] = line[:column] + there + line[column + len(package) :]
    return "\n".join(lines).encode()


def _read(folder: Path, *patterns: str) -> Tree:
    """The files of a folder, or those that match, without byte code and hidden ones. No folder is no files."""
    tree = {}
    for path in sorted(path for pattern in patterns or ["**/*"] for path in folder.glob(pattern)):
        name = path.relative_to(folder)
        left_out = any(part == "__pycache__" or part.startswith(".") for part in name.parts)
        if path.is_file() and path.suffix != ".pyc" and not left_out:
            content = path.read_bytes()
            tree[name.as_posix()] = content if b"\0" in content else content.replace(b"\r\n", b"\n")
    return tree


def _digests(tree: Tree) -> dict[str, str]:
    return {name: hashlib.sha256(tree[name]).hexdigest() for name in sorted(tree)}


def _recorded(home: Path, *, force: bool = False) -> Manifest | None:
    """The manifest of the copy in a folder; None if there is none, or by force if it cannot be read."""
    try:
        found = json.loads((home / MANIFEST).read_bytes())
        texts = [found["version"], *found["requires"], *found["files"], *found["files"].values()]
        "".join(texts).encode()  # all of them are texts, which can be printed
        return {**found, "choice": Choice(**found["choice"])}
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        if force:
            return None
        why = f"cannot be read ({type(error).__name__}); --force makes the copy anew."
        raise VendorError(f"{home / MANIFEST} {why}") from None


def _compared(
    home: Path, source: Source, choice: Choice | None, *, force: bool = False
) -> tuple[Report, Tree]:
    """How a copy differs, and the fresh one that it was compared with."""
    recorded = _recorded(home, force=force)
    tree, current = fresh_copy(source, choice or (recorded["choice"] if recorded else Choice()))
    if recorded is None:
        return Report(None, current), tree
    found = _digests({name: content for name, content in _read(home).items() if name != MANIFEST})
    old = recorded["files"]
    return Report(recorded, current, _changes(old, current["files"]), _changes(old, found)), tree


def _changes(old: Mapping[str, str], new: Mapping[str, str]) -> tuple[str, ...]:
    """A line for each file that was added, changed or removed between two sets of hashes, by path."""
    kinds = {name: "changed" for name in old.keys() & new.keys() if old[name] != new[name]}
    kinds |= dict.fromkeys(new.keys() - old.keys(), "added")
    kinds |= dict.fromkeys(old.keys() - new.keys(), "removed")
    return tuple(f"{kind} {name}" for name, kind in sorted(kinds.items()))


def _put(tree: Tree, home: Path) -> None:
    """Writes a tree aside, then renames it to `home`: what fails before that leaves the old copy."""
    home.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=home.parent, prefix=".vendoring-") as aside:
        new, old = Path(aside, "new"), Path(aside, "old")
        for name, content in tree.items():
            (new / name).parent.mkdir(parents=True, exist_ok=True)
            (new / name).write_bytes(content)
        if home.exists():
            home.rename(old)
        new.rename(home)


# The program. It needs no extra; where click is installed, `cli.vendor` reads the same arguments in its place.

ABOUT: Final = f"Copy {DISTRIBUTION} into another package's tree, or bring such a copy up to date."
CODES: Final = "Exit codes: 0 copied, or up to date; 1 --check: edited or behind; 2 not done, and why."
DEST: Final = "Folder to copy into, such as src/acme_sdk/_vendor."
OPTIONS: Final[dict[str, tuple[str | None, str]]] = {
    "package": ("NAME", "Name the copy. The default is its own name."),
    "check": (None, "Change nothing; say what differs."),
    "force": (None, "Give up edits of the copy."),
    "low-level-only": (None, "Copy the generated client alone."),
    "with-emulator": (None, "Copy local mode too, which is 3.1 MB."),
    "with-testing": (None, "Copy local mode, and the helpers for test suites."),
}
"""What a value is called, None for a flag, and the help. Without any of the last three, what was asked for last is copied."""


def main(arguments: Sequence[str], prog: str | None = None) -> int:
    """Reads arguments and runs the program, whose help names its exit codes; returns one of them."""
    parser = argparse.ArgumentParser(prog=prog, description=ABOUT, epilog=CODES)
    parser.add_argument("dest", type=Path, metavar="DEST", help=DEST)
    for name, (value, text) in OPTIONS.items():
        of_value = {"metavar": value} if value else {"action": "store_true"}
        parser.add_argument(f"--{name}", help=text, **of_value)  # type: ignore[arg-type]
    try:
        given = vars(parser.parse_args(arguments))
    except SystemExit as stop:  # argparse has said what there is to say
        return int(stop.code or 0)
    return run(check_only=given.pop("check"), **given)


def run(
    dest: Path,
    package: str | None,
    *,
    low_level_only: bool,
    with_emulator: bool,
    with_testing: bool,
    check_only: bool,
    force: bool,
) -> int:
    """Runs the program on arguments that were read; returns its exit code."""
    asked = Choice(low_level_only, with_emulator, with_testing)
    choice = None if asked == Choice() else asked
    try:
        home, source = dest.resolve() / _name(dest, package, choice), Source.here()
        report = check(home, source, choice) if check_only else vendor(home, source, choice, force=force)
    except (VendorError, ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    _tell(home, report, checked=check_only)
    return 1 if check_only and (report.drift or report.edits) else 0


def _name(dest: Path, name: str | None, choice: Choice | None) -> str:
    """The copy's name: as given, or that of the only copy there is, or its own."""
    if name is not None:
        if not name.isidentifier() or keyword.iskeyword(name):
            raise ValueError(f"--package takes one name without dots that can be imported, not {name!r}.")
        return name
    found: list[str] = sorted(path.parent.name for path in dest.glob(f"*/{MANIFEST}"))
    if choice or not found:
        return GENERATED if choice and choice.low_level_only else WRAPPER
    if len(found) > 1:
        raise ValueError(f"There are several copies in {dest}: say --package {' or '.join(found)}.")
    return found[0]


def _tell(home: Path, report: Report, *, checked: bool) -> None:
    old, new = report.recorded, report.current
    print(f"{home}: {DISTRIBUTION} {new['version']}, {len(new['files'])} files")
    if old and report.drift:
        print(f"changed upstream since {old['version']}:", *report.drift, sep="\n  ")
    if report.edits:
        print("edited here:" if checked else "edited here, and given up:", *report.edits, sep="\n  ")
    if old and not report.drift and not report.edits:
        print("up to date and unedited")
    if not checked:
        print("declare in the package around it:", *new["requires"], sep="\n  ")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], prog=f"python -m {__package__}.vendoring"))
