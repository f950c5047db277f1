"""Programs that several tests run: `serve` with a small engine, and mypy as strict as it gets."""

import os
import shutil
import subprocess
import sys


def serve(*options, **environment):
    """`serve` on a free port, its output to be read."""
    command = [sys.executable, "-m", "inworld_embeddings", "serve", "--port", "0", "--engine", "hash:4"]
    settings = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([*command, *options], **pipes, text=True, env=settings)


def mypy_strict(*targets, cwd, cache):
    """Whether mypy accepts them, by its exit code, and what it said; no configuration is read."""
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir", str(cache)]
    return subprocess.run(
        [*command, *map(str, targets)], cwd=cwd, capture_output=True, text=True, check=False
    )


def copy_of_inputs(root, folder):
    """A copy of everything that becomes code, and of the code."""
    folder.mkdir()
    for name in ("openapi.yaml", "generator-config.yaml", "pyproject.toml"):
        shutil.copyfile(root / name, folder / name)
    for name in ("templates", "generated"):
        shutil.copytree(root / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder
