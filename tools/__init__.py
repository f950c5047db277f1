"""Programs for this project, none of which is installed: run them by `nox`, or as `python -m tools.spec.sync` from here.

`spec/` takes the published spec, compares it and holds our code against it; `generate/` makes code and fixtures of it;
`regenerate.py` does both in order. `release/` is what a release needs.
"""

import functools
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec

P = ParamSpec("P")


class ToolError(Exception):
    """A program cannot go on. The first line says why, more may follow."""


def program(main: Callable[P, int]) -> Callable[P, int]:
    """Let a program that cannot go on end with exit code 2 and say why."""

    @functools.wraps(main)
    def run(*args: P.args, **kwargs: P.kwargs) -> int:
        try:
            return main(*args, **kwargs)
        except (ToolError, OSError) as error:
            print(error, file=sys.stderr)
            return 2

    return run


def git(root: Path, *arguments: str) -> str:
    """Return what git says of the repository that a folder is in."""
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        raise ToolError(done.stderr.strip())
    return done.stdout


def contents(folder: Path) -> dict[str, bytes]:
    """Return what is in each file below a folder, without byte code."""
    files = [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def replaced(folder: Path, new: dict[str, bytes], *, check: bool = False) -> list[str]:
    """Give a folder these contents, unless it has them or only checking, and return a line for each difference."""
    old = contents(folder)
    changes = dict.fromkeys(new.keys() - old.keys(), "missing")
    changes |= dict.fromkeys(old.keys() - new.keys(), "not generated")
    changes |= {name: "differs" for name in old.keys() & new.keys() if old[name] != new[name]}
    if changes and not check:
        shutil.rmtree(folder, ignore_errors=True)
        for name, content in new.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
    return [f"{changes[name]}: {name}" for name in sorted(changes)]
