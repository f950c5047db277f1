"""The rewrite: one statement in one module, by the syntax tree."""

import sys
import tomllib
from pathlib import Path

import pytest

from inworld_embeddings.vendoring.choice import Choice
from inworld_embeddings.vendoring.imports import ImportsError, absolute_imports, made_relative

GENERATED = "inworld_embeddings_client"

SEAM = '''"""from inworld_embeddings_client import x"""
from inworld_embeddings_client import (  # from inworld_embeddings_client import
    Client,
)
def later():
    é = 1; from inworld_embeddings_client.models import Status
    return "from inworld_embeddings_client import x"
'''.encode()


def test_only_the_statement_changes():
    made = made_relative(SEAM, GENERATED, "._client", allowed=True).decode()
    assert (
        made
        == '''"""from inworld_embeddings_client import x"""
from ._client import (  # from inworld_embeddings_client import
    Client,
)
def later():
    é = 1; from ._client.models import Status
    return "from inworld_embeddings_client import x"
'''
    )


@pytest.mark.parametrize(
    "line",
    [
        "import inworld_embeddings_client",
        "import os, inworld_embeddings_client.models as m",
        "import_module('inworld_embeddings_client')",
        "importlib.import_module('inworld_embeddings_client.api')",
        "__import__('inworld_embeddings_client')",
        "from \\\n  inworld_embeddings_client import x",
    ],
)
def test_what_cannot_be_rewritten_is_refused_and_named(line):
    with pytest.raises(ImportsError, match="line 2 imports inworld_embeddings_client"):
        made_relative(b"\n" + line.encode(), GENERATED, "._client", allowed=True)


def test_longer_names_are_other_names():
    source = b"from inworld_embeddings_client_extras import x\nimport inworld_embeddings_clients\n"
    assert made_relative(source, GENERATED, "._client", allowed=False) == source


def test_relative_imports_are_none():
    assert absolute_imports(b"from . import a\nfrom .b import c\nimport_module('.d', __name__)\n") == []


@pytest.mark.parametrize(
    "line", [b"from inworld_embeddings_client import x\n", b"import inworld_embeddings.errors\n"]
)
def test_another_module_than_the_seam_may_name_neither_package(source, line):
    source.wrapper["options.py"], kept = source.wrapper["options.py"] + line, source.wrapper["options.py"]
    try:
        with pytest.raises(ImportsError, match=r"options\.py: line \d+ imports inworld_embeddings"):
            Choice().tree(source)
    finally:
        source.wrapper["options.py"] = kept


def test_one_file_of_both_layers_is_rewritten(source):
    tree = Choice(testing=True).tree(source)
    changed = [name for name in source.wrapper if name in tree and tree[name] != source.wrapper[name]]
    assert changed == ["_seam.py"]
    assert all(tree[f"_client/{name}"] == content for name, content in source.generated.items())


def test_the_low_level_requirements_are_what_it_imports(source):
    imported = {
        item.module.partition(".")[0]
        for name, content in source.generated.items()
        if name.endswith(".py")
        for item in absolute_imports(content)
    }
    third_party = imported - set(sys.stdlib_module_names)
    names = {line.partition(">")[0] for line in Choice(low_level_only=True).requires(source)}
    assert names == third_party == {"attrs", "httpx"}


def test_the_sample_sdk_declares_what_a_copy_needs(source):
    sample = Path(__file__).resolve().parents[2] / "examples" / "downstream_sdk" / "pyproject.toml"
    project = tomllib.loads(sample.read_text("utf-8"))["project"]
    assert tuple(project["dependencies"]) == source.requires
