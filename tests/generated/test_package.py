"""The package as it lies on disk: exports, typing marker, banner, relative imports, strict typing."""

import ast
import importlib.resources
import json
import subprocess
import sys
from pathlib import Path

import pytest

from support.programs import mypy_strict

import inworld_embeddings_client as package

FOLDER = Path(str(importlib.resources.files(package)))
MODULES = sorted(FOLDER.rglob("*.py"))

IMPORTER = """
from typing import assert_type

import httpx
from inworld_embeddings_client import (
    UNSET, AuthenticatedClient, Client, Embedding, EmbedRequest, EmbedRequestInput, EmbedResponse, ModelId,
    ServiceProvider, Status, UnexpectedStatus, Unset, embed,
)

model = ModelId(model="m", service_provider=ServiceProvider("SERVICE_PROVIDER_NEW"))
body = EmbedRequest(inputs=[EmbedRequestInput(text="a")], model=model)
bare = Client(timeout=5, headers={"a": "b"}, httpx_args={"auth": ("a", "b")})
client = AuthenticatedClient(token="k").with_headers({"a": "b"})
assert_type(client, AuthenticatedClient)
assert_type(client.token, str)
assert_type(embed.sync_raw(client=bare, body=body), httpx.Response)
assert_type(embed.sync_detailed(client=client, body=body).status_code, int)
parsed = embed.sync(client=client, body=body)
assert_type(parsed, EmbedResponse | Status | None)
if isinstance(parsed, EmbedResponse) and not isinstance(parsed.embeddings, Unset):
    assert_type(parsed.embeddings, list[Embedding])
    assert_type(parsed.embeddings[0].values, list[float])
"""


@pytest.mark.parametrize(
    "name",
    [
        "EmbedRequest",
        "EmbedRequestInput",
        "EmbedResponse",
        "Embedding",
        "ModelId",
        "ServiceProvider",
        "Status",
        "ProtobufAny",
        "Client",
        "AuthenticatedClient",
        "Response",
        "UnexpectedStatus",
        "UNSET",
        "Unset",
        "embed",
    ],
)
def test_name_is_exported_at_the_root(name):
    assert name in package.__all__
    assert hasattr(package, name)


def test_every_model_has_a_name_without_the_protocols_prefix():
    assert not [name for name in package.__all__ if name.startswith(("V1", "Rpc"))]


def test_py_typed_is_there():
    assert (FOLDER / "py.typed").is_file()


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.relative_to(FOLDER).as_posix())
def test_banner_names_the_source_and_the_command(module):
    first = module.read_text("utf-8").splitlines()[0]
    assert first.startswith("# generated from openapi.yaml, do not edit")
    assert "nox -s generate" in first


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.relative_to(FOLDER).as_posix())
def test_imports_of_its_own_are_relative(module):
    text = module.read_text("utf-8")
    absolute = [
        node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom) and not node.level
    ]
    assert not [node for node in absolute if (node.module or "").startswith(package.__name__)]
    assert package.__name__ not in text


def test_it_needs_httpx_and_attrs_only():
    nodes = [node for module in MODULES for node in ast.walk(ast.parse(module.read_text("utf-8")))]
    roots = {
        alias.name.split(".")[0] for node in nodes if isinstance(node, ast.Import) for alias in node.names
    }
    roots |= {
        str(node.module).split(".")[0]
        for node in nodes
        if isinstance(node, ast.ImportFrom) and not node.level
    }
    assert roots - sys.stdlib_module_names == {"httpx", "attrs"}


def test_provenance_names_inputs_and_tools_and_no_time():
    provenance = json.loads((FOLDER / "provenance.json").read_text("utf-8"))
    assert provenance.keys() == {"note", "sha256", "tools"}
    assert {"openapi.yaml", "generator-config.yaml", "templates/client.py.jinja"} <= provenance[
        "sha256"
    ].keys()
    assert provenance["tools"].keys() == {"openapi-python-client", "ruff"}


def test_mypy_strict_accepts_the_package_and_an_importer(tmp_path):
    importer = tmp_path / "importer.py"
    importer.write_text(IMPORTER)
    done = mypy_strict(FOLDER, importer, cwd=FOLDER.parent, cache=tmp_path / "cache")
    assert done.returncode == 0, done.stdout
