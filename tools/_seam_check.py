"""What the wrapper's seam takes from the generated package, and whether the package has it, in the form it is used in."""

import ast
from collections.abc import Iterator
from pathlib import Path

from _relied import SEAM, Breach
from inworld_embeddings._api import TAKEN

_WRAPPER = Path(__file__).resolve().parent.parent / "wrapper" / "inworld_embeddings"


def seam_breaches(package: Path) -> list[Breach]:
    """Return what the seam relies on and a generated package does not have.

    Args:
        package: The generated package's folder.
    """
    exported = _exported(package / "__init__.py")
    found = []
    for name in _imported():
        if name not in exported:
            there = ", ".join(sorted(exported))
            files = ("generator-config.yaml", SEAM)
            found.append(Breach(f"{package.name}.{name}", f"is gone; there is {there}", files))
        elif (module := exported[name]) is not None:
            found += _handed(package / module, name)
    return found


def _imported() -> list[str]:
    """The names the seam imports from the generated package, which is the only absolute import of ours in it."""
    tree = ast.parse((_WRAPPER / SEAM).read_text("utf-8"))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and not node.level]
    ours = [node for node in imports if (node.module or "").startswith("inworld_embeddings")]
    return [alias.name for node in ours for alias in node.names]


def _exported(init: Path) -> dict[str, Path | None]:
    """The names a generated package exports; for an endpoint, also its module's file."""
    found: dict[str, Path | None] = {}
    for node in ast.parse(init.read_text("utf-8")).body:
        if isinstance(node, ast.ImportFrom):
            is_endpoint = (node.module or "").startswith("api.")
            for alias in node.names:
                file = Path(*(node.module or "").split("."), f"{alias.name}.py")
                found[alias.asname or alias.name] = file if is_endpoint else None
    return found


def _handed(module: Path, name: str) -> Iterator[Breach]:
    """The parts of an endpoint's request that `_api.envelope` does not know to send."""
    handed = {key for node in ast.walk(ast.parse(module.read_text("utf-8"))) for key in _keys(node)}
    for key in sorted(handed - TAKEN):
        yield Breach(f"endpoint {name}", f"hands on `{key}`, which `envelope` does not send", ("_api.py",))


def _keys(node: ast.AST) -> Iterator[str]:
    """The keys that a statement puts into `_kwargs`."""
    if (
        isinstance(node, ast.AnnAssign)
        and isinstance(node.value, ast.Dict)
        and ast.unparse(node.target) == "_kwargs"
    ):
        yield from (
            key.value
            for key in node.value.keys
            if isinstance(key, ast.Constant) and isinstance(key.value, str)
        )
    if isinstance(node, ast.Assign):
        for target in node.targets:
            if isinstance(target, ast.Subscript) and ast.unparse(target.value) == "_kwargs":
                yield str(ast.literal_eval(target.slice))
