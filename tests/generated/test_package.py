"""The package as it lies on disk: exports, typing marker, banner, imports, strict typing."""

import ast
import importlib.resources
import sys
from pathlib import Path

import inworld_embeddings_client as package

FOLDER = Path(str(importlib.resources.files(package)))
MODULES = {path.relative_to(FOLDER).as_posix(): path.read_text("utf-8") for path in FOLDER.rglob("*.py")}


def test_the_root_exports_every_name():
    assert {"embed", "EmbedRequest", "ServiceProvider", "AuthenticatedClient"} <= set(package.__all__)
    assert all(hasattr(package, name) for name in package.__all__)
    assert "py.typed" in {path.name for path in FOLDER.iterdir()}


def test_it_imports_httpx_and_attrs_only_and_its_own_modules_relatively():
    assert [name for name, text in MODULES.items() if package.__name__ in text] == []
    nodes = [node for text in MODULES.values() for node in ast.walk(ast.parse(text))]
    imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(n.module) for n in nodes if isinstance(n, ast.ImportFrom) and not n.level}
    assert {name.split(".")[0] for name in imported} - sys.stdlib_module_names == {"httpx", "attrs"}
