"""The package as it lies on disk: exports, typing marker, banner, imports, strict typing."""

import ast
import sys
from pathlib import Path

import inworld_embeddings_client as package

FOLDER = Path(package.__file__).parent
MODULES = [path.read_text("utf-8") for path in FOLDER.rglob("*.py")]


def test_the_root_exports_every_name_and_has_types():
    assert {"embed", "EmbedRequest", "ServiceProvider", "AuthenticatedClient"} <= set(package.__all__)
    assert (FOLDER / "py.typed").exists()


def test_it_imports_httpx_and_attrs_only_and_its_own_modules_relatively():
    nodes = [node for text in MODULES for node in ast.walk(ast.parse(text))]
    imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(n.module) for n in nodes if isinstance(n, ast.ImportFrom) and not n.level}
    assert {name.split(".")[0] for name in imported} - sys.stdlib_module_names == {"httpx", "attrs"}
