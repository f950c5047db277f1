"""generated/ on a copy of the project: reproducible, unchanged if anything fails, and strict about what it is made with."""

import json
import shutil

import pytest

from tools.generate.inputs import GenerateError, stock_diff
from tools.generate.package import main, write

PACKAGE = "generated/inworld_embeddings_client"


def test_the_project_is_up_to_date(capsys):
    assert main(["--check"]) == 0, capsys.readouterr().out


def test_a_deleted_folder_is_restored_byte_for_byte_and_then_left_alone(project, everything):
    before = everything(project)
    shutil.rmtree(project / "generated")
    assert "missing: client.py" in write(project)
    assert everything(project) == before
    times = {path: path.stat().st_mtime_ns for path in (project / PACKAGE).rglob("*.py")}
    assert write(project) == []
    assert {path: path.stat().st_mtime_ns for path in (project / PACKAGE).rglob("*.py")} == times


def test_check_names_what_differs_and_changes_nothing(project, everything):
    package = project / PACKAGE
    edit(f"{PACKAGE}/models/status.py", "code", "kode")(project)
    (package / "extra.py").write_text("")
    (package / "py.typed").unlink()
    for name in ("client.py", "errors.py"):  # line ends and byte code are no difference
        (package / name).write_bytes((package / name).read_bytes().replace(b"\n", b"\r\n"))
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "x.pyc").write_bytes(b"")
    before = everything(project)
    assert write(project, check=True) == [
        "not generated: extra.py",
        "differs: models/status.py",
        "missing: py.typed",
    ]
    assert everything(project) == before


def edit(name, old, new):
    """A change to one input, as a function of the project's folder."""

    def apply(project):
        path = project / name
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), "utf-8")

    return apply


def unrecorded(project):
    record = project / "templates" / "stock.json"
    hashes = json.loads(record.read_text())
    record.write_text(json.dumps({**hashes, "client.py.jinja": "0" * 64}))


REFUSED = {
    "another generator": (
        edit("pyproject.toml", "client==0.29.1", "client==0.28.0"),
        "found openapi-python-client 0.29.1",
    ),
    "another ruff": (edit("pyproject.toml", '"ruff==0.17.6"', '"ruff==0.17.5"'), "ruff 0.17.5"),
    "unpinned ruff": (edit("pyproject.toml", '"ruff==0.17.6"', '"ruff"'), "must pin"),
    "stock template changed": (unrecorded, "client.py.jinja"),
    "no stock record": (lambda project: (project / "templates/stock.json").unlink(), "client.py.jinja"),
    "override of nothing": (lambda project: (project / "templates/clint.py.jinja").touch(), "clint.py.jinja"),
    "override without record": (
        lambda project: (project / "templates/setup.py.jinja").touch(),
        "setup.py.jinja",
    ),
    "misspelt setting": (
        edit("generator-config.yaml", "docstrings_on_attributes", "docstring_on"),
        "docstring_on",
    ),
    "misspelt override": (
        edit("generator-config.yaml", "V1AlphaModelId", "V1alphaModelId"),
        "V1alphaModelId",
    ),
    "two classes in one module": (
        edit("generator-config.yaml", "module_name: model_id", "module_name: embedding"),
        "ModelId was lost",
    ),
    "broken template": (edit("templates/errors.py.jinja", "class UnexpectedStatus", "class"), "failed"),
    "package that does not import": (
        edit("templates/errors.py.jinja", "_EXCERPT = 500", "_EXCERPT = 1 // 0"),
        "ZeroDivision",
    ),
    "hook that fails": (edit("generator-config.yaml", "ruff format", "ruff formatt"), "failed"),
    "hook that is missing": (edit("generator-config.yaml", "- ruff format", "- rufff format"), "rufff"),
    "spec that is no OpenAPI": (edit("openapi.yaml", "openapi: 3.0.0", "openapi: 2"), "failed"),
    "spec without its server": (
        edit("openapi.yaml", "url: https://api.inworld.ai", "url: /api"),
        "first server",
    ),
    "content type the generator drops": (
        edit("openapi.yaml", "application/json", "application/cbor"),
        "cbor",
    ),
    "no spec": (lambda project: (project / "openapi.yaml").unlink(), "openapi.yaml"),
}


@pytest.mark.parametrize(("change", "said"), REFUSED.values(), ids=REFUSED)
def test_it_refuses_and_leaves_everything(project, everything, change, said):
    change(project)
    edit(f"{PACKAGE}/models/status.py", "code", "kode")(project)  # so that there would be something to write
    before = everything(project)
    with pytest.raises((GenerateError, OSError), match=said):
        write(project)
    assert everything(project) == before


def test_the_stock_templates_of_two_versions_are_compared_ours_first(tmp_path):
    for version, text in (("old", "a\n"), ("new", "b\n")):
        (tmp_path / version / "sub").mkdir(parents=True)
        for name in ("a.jinja", "b.jinja", "sub/c.jinja"):
            (tmp_path / version / name).write_text(text)
        (tmp_path / version / "same.jinja").write_text("same")
    (tmp_path / "new" / "more.jinja").write_text("x\n")
    found = stock_diff(tmp_path / "old", tmp_path / "new", ["sub/c.jinja"])
    assert list(found) == ["sub/c.jinja", "a.jinja", "b.jinja", "more.jinja"]
    assert found["sub/c.jinja"].splitlines()[-2:] == ["-a", "+b"]
