"""Put several files and folders in their places at once: after a kill at any moment, the next run makes it all or nothing."""

import json
import shutil
from pathlib import Path

from _files import replace_file

_SWAP = ".regenerate-swap"


def publish(work: Path, root: Path, names: list[str]) -> None:
    """Replace `root / name` by `work / name` for every name; a name that `work` lacks is left alone.

    Everything is staged on the target's file system first. From the moment the list of names is written, an
    interruption is finished by `recover`; before it, undone.
    """
    recover(root)
    swap = root / _SWAP
    there = [name for name in names if (work / name).exists()]
    try:
        for name in there:
            _copy(work / name, swap / "new" / name)
        replace_file(swap / "ready.json", json.dumps(there).encode())
    finally:
        recover(root)


def recover(root: Path) -> None:
    """Finish, or undo, what a killed `publish` left half done, and remove its scratch folder."""
    swap = root / _SWAP
    if (swap / "ready.json").exists():
        for name in json.loads((swap / "ready.json").read_text("utf-8")):
            if (swap / "new" / name).exists():
                _put(swap / "new" / name, root / name, swap / "old" / name)
    shutil.rmtree(swap, ignore_errors=True)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copyfile(source, target)


def _put(staged: Path, target: Path, old: Path) -> None:
    """A file is replaced in one step, a folder in two: aside, then in its place."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if staged.is_file():
        staged.replace(target)
        return
    if target.exists():
        old.parent.mkdir(parents=True, exist_ok=True)
        target.rename(old)
    staged.rename(target)
