"""Files and folders of files: read them newline-normalised, compare them, and replace them all or not at all."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

Tree = dict[str, bytes]
"""The files of a folder: relative POSIX path to newline-normalised content."""


def normalised(content: bytes) -> bytes:
    """Return the content with LF line ends, so that a checkout with CRLF is no difference."""
    return content.replace(b"\r\n", b"\n")


def digest(path: Path) -> str:
    """Return the sha256 of a file's newline-normalised content, in hex."""
    return hashlib.sha256(normalised(path.read_bytes())).hexdigest()


def read_tree(folder: Path) -> Tree:
    """Return every file under the folder but byte code; nothing if there is no folder."""
    return {
        path.relative_to(folder).as_posix(): normalised(path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def differences(old: Tree, new: Tree) -> list[str]:
    """Return a line for each file that is missing, extra or changed in `old`, in order of path."""

    def kind(name: str) -> str:
        return "missing" if name not in old else "not generated" if name not in new else "differs"

    return [
        f"{kind(name)}: {name}" for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name)
    ]


def replace_file(path: Path, content: bytes) -> None:
    """Write a file so that a reader, or a crash, sees the old content or the new, never a part."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


Rename = Callable[[Path, Path], object]


def replace_folder(new: Path, target: Path, swap: Path, rename: Rename = os.rename) -> None:
    """Put a copy of the folder `new` in the place of `target`; on any failure `target` is what it was.

    Args:
        new: The finished folder, on any file system.
        target: The folder to replace; it may not exist yet.
        swap: A scratch folder on the target's file system, outside of it. It is gone afterwards.
        rename: Moves a folder within the file system; a test's way to make it fail.
    """
    recover_folder(target, swap)
    staged, old = swap / "new", swap / "old"
    try:
        shutil.copytree(new, staged)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            rename(target, old)
        rename(staged, target)
    finally:
        recover_folder(target, swap)


def recover_folder(target: Path, swap: Path) -> None:
    """Undo what a killed `replace_folder` left half done, and remove its scratch folder."""
    old = swap / "old"
    if old.exists() and not target.exists():
        old.rename(target)
    shutil.rmtree(swap, ignore_errors=True)
