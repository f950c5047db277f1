"""The page in front of an emulator, and its JavaScript under Node.js where that is installed."""

import json
import shutil
import subprocess

import pytest

from inworld_embeddings_emulator import Emulator
from inworld_embeddings_emulator.engines import named
from inworld_embeddings_emulator.playground import page_files


@pytest.fixture
def emulator():
    return Emulator(named("hash:8"))


@pytest.fixture(scope="session")
def modules(tmp_path_factory):
    """The page's modules where Node.js takes them for modules."""
    if not shutil.which("node"):
        pytest.skip("Node.js is not installed")
    folder = tmp_path_factory.mktemp("modules")
    for path, content in page_files().items():
        (folder / (path.rpartition("/")[2] or "index.html")).write_bytes(content)
    (folder / "package.json").write_text('{"type": "module"}')
    return folder


@pytest.fixture
def js(modules):
    """What a module's function returns: ``js("vectors.cosine", a, b)``."""

    def call(function, *arguments):
        module, _, name = function.partition(".")
        program = (
            f"import {{ readFileSync }} from 'node:fs'; import {{ {name} }} from './{module}.js';"
            f"const back = {name}(...JSON.parse(readFileSync(0)));"
            "process.stdout.write(JSON.stringify({ back }))"
        )
        command = ["node", "--input-type=module", "-e", program]
        pipes = {"input": json.dumps(arguments), "capture_output": True, "encoding": "utf-8"}
        done = subprocess.run(command, cwd=modules, **pipes)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["back"]

    return call
