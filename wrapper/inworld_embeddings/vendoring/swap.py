"""Puts a folder in another's place at once: whoever looks, even after a kill, finds the old one or the new one."""

import ctypes
import os
import shutil
import sys
from pathlib import Path

from .tree import Tree

_AT_FDCWD, _RENAME_EXCHANGE = -100, 2


def put(tree: Tree, home: Path) -> None:
    """Writes a tree as the folder `home`, in place of what is there.

    Linux exchanges the two folders in one step. Elsewhere it takes two renames; if the program is killed just between
    them, the old folder is put back by the next `recover`.

    Args:
        tree: The files of the new folder.
        home: Need not exist yet; its parents are made.
    """
    recover(home)
    staged = _scratch(home) / "new"
    try:
        for name, content in tree.items():
            path = staged / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        if not home.exists():
            staged.rename(home)
        elif not exchange(staged, home):
            home.rename(_scratch(home) / "old")
            staged.rename(home)
    finally:
        recover(home)


def recover(home: Path) -> None:
    """Undoes what a killed `put` left half done, and removes its scratch folder."""
    old = _scratch(home) / "old"
    if old.exists() and not home.exists():
        old.rename(home)
    shutil.rmtree(_scratch(home), ignore_errors=True)


def exchange(one: Path, other: Path) -> bool:
    """Swaps two folders of one file system in one step; False where the system cannot."""
    if not sys.platform.startswith("linux"):
        return False
    rename = getattr(ctypes.CDLL(None), "renameat2", None)  # not in every C library
    if rename is None:
        return False
    done = rename(_AT_FDCWD, os.fsencode(one), _AT_FDCWD, os.fsencode(other), _RENAME_EXCHANGE)
    return bool(done == 0)


def _scratch(home: Path) -> Path:
    return home.with_name(f".{home.name}.vendoring")  # beside it: on the same file system
