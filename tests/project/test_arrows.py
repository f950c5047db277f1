"""Which part may import which. The arrows point one way; a new one is a decision, made here."""

import ast
import graphlib
from pathlib import Path

import pytest

from inworld_embeddings.vendoring import made_relative

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "wrapper" / "inworld_embeddings"

FACTS = {"_version", "errors", "models", "options", "result"}
"""Plain types and names that anything may know."""

PURE = {
    "_batching": {"details"},
    "_decoding": set(),
    "_error_mapping": {"_redaction", "details"},
    "_jwt": {"_error_mapping", "_redaction", "details"},
    "_redaction": set(),
    "_retry": set(),
    "_throttle": {"_retry"},
    "details": set(),
}
"""Decisions without I/O, clock, environment, randomness or threads, and what they may know beside facts."""

ALLOWED = {
    **{part: {*may, *FACTS} for part, may in PURE.items()},
    "errors": {"result"},  # for a type
    "models": {"errors"},
    "options": {"errors", "models"},
    "result": {"errors"},
    "_version": {"_api"},
    "ranking": {"result"},
    "_api": set(),
    "_settings": {"_redaction", *FACTS},
    "auth": {"_error_mapping", "_jwt", "_redaction", "_settings", *FACTS},
    "_http": {"_error_mapping", "_retry", "_settings", *FACTS},
    "_engine": {"_api", "_http", "_settings", "auth", *PURE, *FACTS},
    "client": {"_api", "_batching", "_engine", "_redaction", "_retry", "_settings", "emulator", *FACTS},
    "testing": {"_settings", "client", "emulator", *FACTS},
    "gateway": {"client", "emulator", *FACTS},  # the API behind the face
    "vendoring": {"_version"},
    "cli": {"client", "emulator", "gateway", "ranking", "vendoring", "", *FACTS},
    "__main__": {"cli"},
    "": {"auth", "client", *FACTS},
}

EXCEPTIONS = {("errors.py", "result.py")}

IMPURE = {"asyncio", "logging", "os", "random", "socket", "subprocess", "sys", "threading", "time"}


def part_of(path):
    first = path.relative_to(PACKAGE).with_suffix("").parts[0]
    return "" if first == "__init__" else first


def imported(path):
    """(module, name) of every import in a file, wherever it stands; relative ones begin with the package's name."""
    here = ["inworld_embeddings", *path.relative_to(PACKAGE).parent.parts]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = here[: len(here) - node.level + 1] if node.level else []
            yield from (
                (".".join([*base, *([node.module] if node.module else [])]), alias.name)
                for alias in node.names
            )


def parts_imported(path):
    parts = {item.stem for item in PACKAGE.iterdir()}
    for module, name in imported(path):
        head, _, rest = module.partition(".")
        if head == "inworld_embeddings_emulator":
            yield "emulator"
        if head == "inworld_embeddings":
            yield rest.split(".")[0] if rest else (name if name in parts else "")


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_part_imports_only_what_it_may(path):
    found = {part for part in parts_imported(path) if part not in (part_of(path), "__version__")}
    assert found <= ALLOWED[part_of(path)], f"{path} imports {sorted(found - ALLOWED[part_of(path)])}"


@pytest.mark.parametrize("name", PURE)
def test_decisions_are_pure(name):
    """httpx and ssl are there for the types of their errors only."""
    assert not {module.split(".")[0] for module, _ in imported(PACKAGE / f"{name}.py")} & IMPURE


def modules_imported(path):
    """The modules of the package that a file imports, wherever the import stands, by their files."""
    for module, name in imported(path):
        folder = PACKAGE.joinpath(*module.split(".")[1:]) if module.startswith(f"{PACKAGE.name}") else None
        if folder is None or module.split(".")[0] != PACKAGE.name:
            continue
        candidates = [
            folder / f"{name}.py",
            folder / str(name) / "__init__.py",
            folder.with_suffix(".py"),
            folder / "__init__.py",
        ]
        yield next(file for file in candidates if file.exists())


def test_no_module_imports_itself_in_a_circle():
    """Imports inside functions and for type checkers count. The exceptions each name a type of the other."""
    arrows = {path: set(modules_imported(path)) - {path} for path in FILES}
    for one, other in EXCEPTIONS:
        arrows[PACKAGE / one].discard(PACKAGE / other)
    assert list(
        graphlib.TopologicalSorter(arrows).static_order()
    )  # raises CycleError, which names the circle


def test_one_module_names_the_generated_package():
    naming = [
        path.name
        for path in FILES
        if any(m.startswith("inworld_embeddings_client") for m, _ in imported(path))
    ]
    assert naming == ["_api.py"]


EMULATOR = ROOT / "emulator" / "inworld_embeddings_emulator"


def test_the_emulator_knows_only_public_types_of_the_client():
    for path in sorted(EMULATOR.rglob("*.py")):
        tree = list(ast.walk(ast.parse(path.read_text("utf-8"))))
        names = {alias.name for node in tree if isinstance(node, ast.Import) for alias in node.names}
        names |= {node.module for node in tree if isinstance(node, ast.ImportFrom) and not node.level}
        named = {name for name in names if name.split(".")[0] == "inworld_embeddings"}
        assert named <= {"inworld_embeddings.errors"}, path


def test_every_part_has_its_rule():
    assert {part_of(path) for path in FILES} == set(ALLOWED)


def test_the_packages_own_imports_are_relative_so_that_it_can_be_vendored_under_any_name():
    for path in FILES:
        made_relative(path.relative_to(PACKAGE).as_posix(), path.read_bytes())  # raises
