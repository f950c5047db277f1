"""generated/ on a copy of the project: reproducible, unchanged if anything fails, and strict about what it is made with."""

import shutil

import pytest

from support.programs import edit, unchanged
from tools import ToolError
from tools.generate.__main__ import main
from tools.generate.package import write

PACKAGE = "generated/inworld_embeddings_client"


def test_the_project_is_up_to_date(capsys):
    assert main(["--check"]) == 0, capsys.readouterr().out


def test_the_program_says_what_differs_what_broke_and_what_cannot_be_made(project, capsys):
    def said(code, *arguments):
        assert main([*arguments], project) == code
        return "".join(capsys.readouterr())

    assert "tests/fixtures/spec: 8 files differ\n  missing: " in said(1, "--check")
    said(0)
    edit(project / "openapi.yaml", "  - url: https://api.inworld.ai", "  - url: https://other.example")
    said(0)
    assert "address: the first server is https://other.example" in said(1, "--check")
    edit(project / "openapi.yaml", "/ml/v1alpha/embedding:embed:", "/ml/v1/embedding:embed:")
    assert "the spec has no /ml/v1alpha/embedding:embed" in said(2, "--replace")
    assert "handle.py, emulator/inworld_embeddings_emulator/playground/static/api.js" in said(1, "--check")
    edit(project / "openapi.yaml", "openapi: 3.0.0", "openapi: [")
    assert "openapi.yaml: not readable" in said(2, "--check")


def test_a_deleted_folder_is_restored_byte_for_byte(project):
    with unchanged(project):
        shutil.rmtree(project / "generated")
        assert "missing: client.py" in write(project)
    assert write(project) == []


def test_check_names_what_differs_and_changes_nothing(project):
    package = project / PACKAGE
    edit(project / f"{PACKAGE}/models/status.py", "code", "kode")
    (package / "extra.py").write_text("")
    (package / "py.typed").unlink()
    (package / "__pycache__").mkdir()  # byte code is no difference
    (package / "__pycache__" / "x.pyc").write_bytes(b"")
    differences = ["not generated: extra.py", "differs: models/status.py", "missing: py.typed"]
    with unchanged(project):
        assert write(project, check=True) == differences


PINS, CONFIG = "pyproject.toml", "generator-config.yaml"
ERRORS, STOCK = "templates/errors.py.jinja", "templates/stock/errors.py.jinja"
REFUSED = {
    "another generator": (PINS, "client==0.29.1", "client==0.28.0", "found openapi-python-client==0.29.1"),
    "stock template changed": (STOCK, "UnexpectedStatus(", "Other(", r"-class Other\(Exception\):\n\+class UnexpectedStatus"),
    "misspelt override": (CONFIG, "V1AlphaModelId", "V1alphaModelId", "V1alphaModelId"),
    "two classes in one module": (CONFIG, "module_name: model_id", "module_name: embedding", "schema v1alphaModelId was lost"),
    "hook that fails": (CONFIG, "ruff format", "ruff formatt", "failed"),
    "package that does not import": (ERRORS, "_EXCERPT = 500", "_EXCERPT = 1 // 0", "ZeroDivision"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "old", "new", "said"), REFUSED.values(), ids=REFUSED)
def test_it_refuses_and_leaves_everything(project, name, old, new, said):
    edit(project / name, old, new)
    edit(project / f"{PACKAGE}/models/status.py", "code", "kode")  # so that there would be something to write
    with unchanged(project), pytest.raises(ToolError, match=said):
        write(project)
