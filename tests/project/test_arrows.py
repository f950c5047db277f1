"""Which part may import which. The arrows point one way; a new one is a decision, made here."""

import ast
from pathlib import Path

import pytest

from inworld_embeddings.vendoring.imports import absolute_imports

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "wrapper" / "inworld_embeddings"

FACTS = {"_version", "errors", "models", "options", "result"}
"""Plain types and names that anything may know."""

ALLOWED = {
    "errors": {"result"},  # for a type
    "models": {"errors"},
    "options": {"errors", "models"},
    "result": {"errors"},
    "ranking": {"result"},
    "_core": {"_core", "_version", "errors", "result"},
    "configuration": {"_core", "errors"},
    "auth": {"_core", "configuration", "errors"},
    "recipe": {"configuration", "errors", "options"},
    "_jwt": {"_core", "_engine", "_jwt", "errors"},
    "jwt_auth": {"_core", "_jwt", "configuration", "errors"},
    "_seam": {"_core", "_http"},
    "details": {"_core"},
    "_http": {"_http"},
    "_engine": {"_core", "_engine", "_http", "_seam", "auth", "configuration", *FACTS},
    "_answers": {"errors", "result"},
    "_base": {"_answers", "_core", "_engine", "configuration", "emulator", "recipe", *FACTS},
    "client": {"_base", "_engine", *FACTS},
    "async_client": {"_base", "_engine", *FACTS},
    "emulator": {"_core", "emulator", "errors"},
    "testing": {"client", "async_client", "configuration", "emulator", "testing", "_base", *FACTS},
    "_version": set(),
    "gateway": {"client", "emulator", *FACTS},  # the API behind the face
    "__main__": {"cli"},
    "cli": {"cli", "client", "emulator", "gateway", "ranking", "vendoring", "", *FACTS},
    "provenance": {"_seam", "_version"},
    "vendoring": {"vendoring", "_version"},
    "": {
        "_version",
        "client",
        "async_client",
        "auth",
        "jwt_auth",
        "errors",
        "models",
        "provenance",
        "result",
    },
}

IMPURE = {"asyncio", "httpx", "logging", "os", "random", "socket", "ssl", "subprocess", "sys", "time"}


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
        if head == "inworld_embeddings":
            yield rest.split(".")[0] if rest else (name if name in parts else "")


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_a_part_imports_only_what_it_may(path):
    found = {part for part in parts_imported(path) if part not in (part_of(path), "__version__")}
    assert found <= ALLOWED[part_of(path)], f"{path} imports {sorted(found - ALLOWED[part_of(path)])}"


@pytest.mark.parametrize("path", sorted((PACKAGE / "_core").glob("*.py")), ids=lambda path: path.stem)
def test_the_core_is_pure(path):
    assert not {module.split(".")[0] for module, _ in imported(path)} & IMPURE


def test_one_module_names_the_generated_package():
    naming = [
        path.name
        for path in FILES
        if any(m.startswith("inworld_embeddings_client") for m, _ in imported(path))
    ]
    assert naming == ["_seam.py"]


def test_every_part_has_its_rule():
    assert {part_of(path) for path in FILES} == set(ALLOWED)


def test_the_packages_own_imports_are_relative_so_that_it_can_be_vendored_under_any_name():
    for path in FILES:
        named = {item.module.split(".")[0] for item in absolute_imports(path.read_bytes())}
        assert "inworld_embeddings" not in named, path
        assert path.name == "_seam.py" or "inworld_embeddings_client" not in named, path
