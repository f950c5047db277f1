"""A copy of the project's inputs, and programs that import from such a copy."""

import os
import shutil
import subprocess
import sys


def run_with(folders, program, *arguments):
    """A program that imports from these folders: its exit code and what it said."""
    environment = {"PYTHONPATH": os.pathsep.join(map(str, folders)), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def copy_of_inputs(root, folder):
    """A copy of everything that becomes code, and of the code."""
    folder.mkdir()
    for name in ("openapi.yaml", "generator-config.yaml", "pyproject.toml"):
        shutil.copyfile(root / name, folder / name)
    for name in ("templates", "generated"):
        shutil.copytree(root / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder
