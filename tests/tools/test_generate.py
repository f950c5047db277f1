"""generate.py on a copy of the project: reproducible, all or nothing, and strict about what it runs with."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

PACKAGE = "generated/inworld_embeddings_client"


def test_the_project_is_up_to_date(root, run_tool):
    done = run_tool("generate.py", "--check", "--root", root)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_deleted_folder_is_restored_byte_for_byte(project, run_tool, everything):
    before = everything(project)
    shutil.rmtree(project / "generated")
    done = run_tool("generate.py", "--root", project)
    assert done.returncode == 0, done.stderr
    assert everything(project) == before


def test_generating_again_writes_nothing(project, run_tool):
    before = {path: path.stat().st_mtime_ns for path in (project / PACKAGE).rglob("*.py")}
    assert run_tool("generate.py", "--root", project).returncode == 0
    assert {path: path.stat().st_mtime_ns for path in (project / PACKAGE).rglob("*.py")} == before


def drift_one_byte(package):
    path = package / "models" / "status.py"
    path.write_bytes(path.read_bytes().replace(b"code", b"kode", 1))


def drift_extra(package):
    (package / "extra.py").write_text("")


def drift_missing(package):
    (package / "py.typed").unlink()


@pytest.mark.parametrize(
    ("drift", "said"),
    [
        (drift_one_byte, "differs: models/status.py"),
        (drift_extra, "not generated: extra.py"),
        (drift_missing, "missing: py.typed"),
    ],
)
def test_check_finds_drift_names_the_fix_and_changes_nothing(project, run_tool, everything, drift, said):
    drift(project / PACKAGE)
    before = everything(project)
    done = run_tool("generate.py", "--check", "--root", project)
    assert done.returncode == 1
    assert said in done.stdout
    assert "nox -s generate" in done.stdout
    assert everything(project) == before


def test_check_does_not_mind_line_ends_and_byte_code(project, run_tool):
    for path in (project / PACKAGE).rglob("*.py"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    (project / PACKAGE / "__pycache__").mkdir()
    (project / PACKAGE / "__pycache__" / "x.pyc").write_bytes(b"")
    assert run_tool("generate.py", "--check", "--root", project).returncode == 0


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
        "openapi-python-client==0.28.0",
    ),
    "another ruff": (edit("pyproject.toml", '"ruff==0.17.6"', '"ruff==0.17.5"'), "ruff==0.17.5"),
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
def test_it_refuses_and_leaves_everything(project, run_tool, everything, change, said):
    change(project)
    drift_one_byte(project / PACKAGE)  # so that there would be something to write
    before = everything(project)
    done = run_tool("generate.py", "--root", project)
    assert done.returncode == 2
    assert said in done.stderr
    assert everything(project) == before


def test_wrong_versions_are_refused_with_the_command(project, run_tool):
    edit("pyproject.toml", "client==0.29.1", "client==0.28.0")(project)
    said = run_tool("generate.py", "--root", project).stderr
    assert "found openapi-python-client 0.29.1" in said
    assert "nox -s generate" in said


def test_accept_stock_records_the_installed_templates(project, run_tool, root):
    unrecorded(project)
    assert run_tool("generate.py", "--root", project, "--accept-stock").returncode == 0
    record = "templates/stock.json"
    assert (project / record).read_bytes() == (root / record).read_bytes()


@pytest.mark.skipif(os.name == "nt", reason="signals")
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_run_leaves_everything(project, root, everything, how):
    drift_one_byte(project / PACKAGE)
    before = everything(project)
    command = [sys.executable, "-B", str(root / "tools" / "generate.py"), "--root", str(project)]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as run:
        time.sleep(
            0.4
        )  # any moment will do: the outcome is the old tree or, on a very fast machine, the new one
        os.killpg(run.pid, how)
    assert everything(project) == before or run.returncode == 0
