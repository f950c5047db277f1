"""The rewrite of one import in one module, and updates that are killed or fail."""

import ast
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from inworld_embeddings.vendoring import (
    CLIENT,
    MANIFEST,
    SEAM,
    Choice,
    Source,
    VendorError,
    fresh_copy,
    made_relative,
    vendor,
)

BEFORE = '''"""from inworld_embeddings_client import x"""
from inworld_embeddings_client import (  # from inworld_embeddings_client import
    Client,
)
def later():
    é = 1; from inworld_embeddings_client.models import Status; from inworld_embeddings_client import b
    return "from inworld_embeddings_client import x"  # \f from \u2028 inworld_embeddings_client import x
'''
AFTER = '''"""from inworld_embeddings_client import x"""
from ._client import (  # from inworld_embeddings_client import
    Client,
)
def later():
    é = 1; from ._client.models import Status; from ._client import b
    return "from inworld_embeddings_client import x"  # \f from \u2028 inworld_embeddings_client import x
'''


def test_only_the_statement_changes():
    assert made_relative(SEAM, BEFORE.encode()).decode() == AFTER


@pytest.mark.parametrize(
    "line",
    [
        "import inworld_embeddings_client",
        "import os, inworld_embeddings_client.models as m",
        "import_module('inworld_embeddings_client')",
        "importlib.import_module(\n'inworld_embeddings_client.api')",
        "__import__('inworld_embeddings_client')",
        "from inworld_embeddings import errors",
    ],
)
def test_what_cannot_be_rewritten_is_refused_and_named(line):
    with pytest.raises(VendorError, match=rf"{SEAM}: line [23] imports inworld_embeddings"):
        made_relative(SEAM, b"\n" + line.encode())


@pytest.mark.parametrize(
    "line", ["from inworld_embeddings_client import x", "def f():\n    import inworld_embeddings.errors"]
)
def test_another_module_than_the_seam_may_name_neither_package(line):
    with pytest.raises(VendorError, match=r"options\.py: line \d imports inworld_embeddings"):
        made_relative("options.py", line.encode())


@pytest.mark.parametrize(
    "line",
    [
        "from inworld_embeddings_client_extras import x\nimport inworld_embeddings_clients",
        "from . import a\nfrom .b import c\nimport_module('.inworld_embeddings', __name__)",
        "log = getLogger('inworld_embeddings')  # import inworld_embeddings",
    ],
)
def test_longer_names_relative_imports_and_strings_stay(line):
    assert made_relative("options.py", line.encode()) == line.encode()


def test_one_file_of_both_layers_is_rewritten(source):
    tree = fresh_copy(source, Choice(testing=True))
    changed = [name for name in source.wrapper if name in tree and tree[name] != source.wrapper[name]]
    assert changed == [SEAM]
    assert all(tree[f"{CLIENT}/{name}"] == content for name, content in source.generated.items())


def test_the_low_level_requirements_are_what_it_imports(source, tmp_path):
    imported = set()
    for name, content in source.generated.items():
        for node in ast.walk(ast.parse(content)) if name.endswith(".py") else ():
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                imported.add(node.module.partition(".")[0])
    report = vendor(tmp_path / "low", source, Choice(low_level_only=True))
    names = {line.partition(">")[0] for line in report.current["requires"]}
    assert names == imported - set(sys.stdlib_module_names) == {"attrs", "httpx"}


def test_the_sample_sdk_declares_what_a_copy_needs(source):
    sample = Path(__file__).resolve().parents[2] / "examples" / "downstream_sdk" / "pyproject.toml"
    project = tomllib.loads(sample.read_text("utf-8"))["project"]
    assert tuple(project["dependencies"]) == source.requires


KILLED_AT_EACH_STEP = """
import contextlib, io, os, shutil, sys
from pathlib import Path
from inworld_embeddings.vendoring import Choice, Source, _read, fresh_copy, vendor
from inworld_embeddings.vendoring.__main__ import main

def source(**wrapper):
    generated = {"provenance.json": b'{"sha256": {"openapi.yaml": ""}, "tools": {}}'}
    return Source("1", {name.replace("_", "/"): text for name, text in wrapper.items()}, generated, {}, ())

OLD = source(a=b"old", b_c=b"old", b_gone=b"old", emulator_x=b"old")
NEW = source(a=b"new", b_c=b"new", d_e_f=b"new", emulator_x=b"new")
SMALL = Choice(emulator=False)
old, new = fresh_copy(OLD, SMALL), fresh_copy(NEW, SMALL)
Source.here = lambda: NEW
home, update = Path(sys.argv[1]) / "vectors", sys.argv[2] == "update"
arguments = [str(home.parent), *([] if update else ["--package", "vectors", "--without-emulator"])]
STEPS = {"open", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.scandir", "shutil.rmtree"}

def run():
    with contextlib.redirect_stdout(io.StringIO()):
        return main(arguments)

def die_at(step):
    left = step
    def hook(event, _):
        nonlocal left
        left -= event in STEPS
        if left < 0:
            os._exit(9)
    sys.addaudithook(hook)

outcomes = []
for step in range(1000):
    shutil.rmtree(home, ignore_errors=True)
    if update:
        vendor(home, OLD, SMALL)
    child = os.fork()
    if not child:
        die_at(step)
        os._exit(run())
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    found = _read(home)
    outcomes.append({"old": found == old, "new": found == new, "none": not home.exists()})
    assert any(outcomes[-1].values()), (step, found)
    assert run() == 0, step
    assert _read(home) == new, step
    assert [path.name for path in home.parent.iterdir()] == ["vectors"], step
    if code == 0:
        break
assert outcomes[0]["old" if update else "none"] and outcomes[-1]["new"]
print(len(outcomes), sum(outcome["none"] for outcome in outcomes))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills children")
@pytest.mark.parametrize("run", ["first", "update"])
def test_killed_at_any_step_a_copy_is_whole_or_the_next_run_mends_it(tmp_path, run):
    command = [sys.executable, "-c", KILLED_AT_EACH_STEP, str(tmp_path), run]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    steps, without = map(int, done.stdout.split())
    assert steps > 15
    assert without > 0, "between the two renames too"


def test_a_failure_leaves_the_old_copy(tmp_path, source):
    home, small = tmp_path / "copy", Choice(low_level_only=True)
    vendor(home, source, small)
    before = (home / MANIFEST).read_bytes()
    broken = {**source.generated, "a": b"a file", "a/b.py": b"below a file"}
    with pytest.raises(OSError, match="irectory|exists"):
        vendor(home, Source("2", {}, broken, source.licences, source.requires))
    assert [path.name for path in tmp_path.iterdir()] == ["copy"]
    assert (home / MANIFEST).read_bytes() == before
