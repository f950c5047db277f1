"""Which part may import which. The arrows point one way; a new one is a decision, made here."""

import ast
import graphlib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "wrapper" / "inworld_embeddings"
EMULATOR = ROOT / "emulator" / "inworld_embeddings_emulator"
GENERATED = ROOT / "generated" / "inworld_embeddings_client"
OTHERS = {"inworld_embeddings_emulator": "emulator", "inworld_embeddings_client": "generated"}

FACTS = {"_version", "errors", "models", "options", "result"}
"""Plain types and names that anything may know."""

PURE = {
    **dict.fromkeys(["chunking", "_decoding", "_redaction", "_retry", "details"], ()),
    "_batching": {"chunking", "details"},
    "_error_mapping": {"_redaction", "details"},
    "_jwt": {"_error_mapping", "_redaction", "details"},
    "_throttle": {"_retry"},
}
"""Decisions without I/O, clock, environment, randomness or threads, and what they may know beside facts."""

ALLOWED = {
    **{part: {*may, *FACTS} for part, may in PURE.items()},
    "errors": {"result"},  # for a type
    "models": {"errors"},
    "options": {"cache", "errors", "models"},
    "cache": {"errors", "result"},
    "result": {"errors"},
    "_version": {"_api"},
    "ranking": {"errors", "result"},
    "_api": {"generated"},
    "_settings": {"_redaction", *FACTS},
    "auth": {"_http", "_error_mapping", "_jwt", "_redaction", "_settings", *FACTS},
    "_http": {"_error_mapping", "_retry", "_settings", *FACTS},
    "_engine": {"_api", "cache", "_http", "_settings", "auth", *PURE, *FACTS},
    "client": {
        *("_api", "_batching", "_engine", "_redaction", "_retry", "_settings", "cache", "emulator"),
        *FACTS,
    },
    "testing": {"_settings", "client", "emulator", *FACTS},
    "gateway": {"client", "emulator", *FACTS},  # the API behind the face
    "vendoring": {"_version"},
    "_doctor": {
        *("_decoding", "_error_mapping", "_http", "_redaction", "_retry", "_settings", "client"),
        *FACTS,
    },
    "integrations": {"_redaction", "_settings", "client", *FACTS},
    "distributed": {"_engine", "_retry", "_throttle", "client", "jobs", *FACTS},
    "jobs": {"_batching", "_engine", "_retry", "_settings", "cache", "client", *FACTS},
    "cli": {
        *("_doctor", "_settings", "client", "distributed", "emulator"),
        *("gateway", "jobs", "ranking", "vendoring", "", *FACTS),
    },
    "__main__": {"cli"},
    "": {"auth", "cache", "chunking", "client", "ranking", *FACTS},
}

IMPURE = {"asyncio", "logging", "os", "random", "socket", "subprocess", "sys", "threading", "time"}


def imported(path, package=PACKAGE):
    """(module, name) of every import in a file, wherever it stands; relative ones begin with the package's name."""
    here = [package.name, *path.relative_to(package).parent.parts]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = here[: len(here) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from ((module, alias.name) for alias in node.names)


def part_of(path):
    first = path.relative_to(PACKAGE).with_suffix("").parts[0]
    return "" if first == "__init__" else first


PARTS = {item.stem for item in PACKAGE.iterdir()}
FILES = {path: list(imported(path)) for path in sorted(PACKAGE.rglob("*.py"))}
ARROWS = [(path, part_of(path), module, name) for path, pairs in FILES.items() for module, name in pairs]


def part_named(module, name):
    """The part of the package, or the other package, that an import names; None for everything else."""
    head, _, rest = module.partition(".")
    if head == PACKAGE.name:
        return rest.split(".")[0] if rest else (name if name in PARTS else "")
    return OTHERS.get(head)


def test_a_part_imports_only_what_it_may():
    assert {part_of(path) for path in FILES} == set(ALLOWED)
    breaches = [
        f"{path.relative_to(ROOT)} imports {name or module}"
        for path, part, module, name in ARROWS
        if name != "__version__" and part_named(module, name) not in {None, part, *ALLOWED[part]}
    ]
    assert breaches == []


def test_decisions_are_pure():
    """httpx and ssl are there for the types of their errors only."""
    impure = [(part, module) for _, part, module, _ in ARROWS if module.split(".")[0] in IMPURE]
    assert [(part, module) for part, module in impure if part in PURE] == []


def modules_named(imports):
    """The modules of the package that a file imports, wherever the import stands, by their files."""
    for module, name in imports:
        head, *rest = module.split(".")
        if head == PACKAGE.name:
            place = PACKAGE.joinpath(*rest)
            candidates = [place / f"{name}.py", place / str(name) / "__init__.py", place.with_suffix(".py")]
            yield next((file for file in candidates if file.exists()), place / "__init__.py")


def test_no_module_imports_itself_in_a_circle():
    """Imports inside functions and for type checkers count. An error and a result each name the other's type."""
    arrows = {path: set(modules_named(imports)) - {path} for path, imports in FILES.items()}
    arrows[PACKAGE / "errors.py"].discard(PACKAGE / "result.py")
    graphlib.TopologicalSorter(arrows).prepare()  # raises CycleError, which names the circle


def test_the_emulator_knows_only_public_types_of_the_client():
    pairs = [pair for path in EMULATOR.rglob("*.py") for pair in imported(path, EMULATOR)]
    named = {module for module, _ in pairs if module.split(".")[0] == PACKAGE.name}
    assert named == {"inworld_embeddings.errors", "inworld_embeddings.models"}


def test_the_generated_client_needs_httpx_and_attrs_only():
    modules = {module for path in GENERATED.rglob("*.py") for module, _ in imported(path, GENERATED)}
    named = {module.split(".")[0] for module in modules} - sys.stdlib_module_names
    assert named == {"httpx", "attrs", GENERATED.name}
