"""A folder of files as a mapping: read it, hash it, compare two of them."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

Tree = dict[str, bytes]
"""Relative POSIX path to content; text has LF line ends, so that a checkout with CRLF is no difference."""

_BYTE_CODE = (".pyc", ".pyo")


def normalised(content: bytes) -> bytes:
    """Text with LF line ends; what holds a NUL is no text and stays as it is."""
    return content if b"\0" in content else content.replace(b"\r\n", b"\n")


def read(folder: Path) -> Tree:
    """Every file below a folder but byte code and hidden files; nothing if there is no folder."""
    tree = {}
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in inside.parts)
        if (
            path.is_file()
            and not hidden
            and "__pycache__" not in inside.parts
            and path.suffix not in _BYTE_CODE
        ):
            tree[inside.as_posix()] = normalised(path.read_bytes())
    return tree


def digests(tree: Tree) -> dict[str, str]:
    """The sha256 of each file, in hex."""
    return {name: hashlib.sha256(tree[name]).hexdigest() for name in sorted(tree)}


def changes(old: Mapping[str, str], new: Mapping[str, str]) -> tuple[str, ...]:
    """A line for each file that was added, changed or removed between two sets of hashes, by path."""

    def kind(name: str) -> str:
        return "added" if name not in old else "removed" if name not in new else "changed"

    return tuple(
        f"{kind(name)} {name}" for name in sorted(old.keys() | new.keys()) if old.get(name) != new.get(name)
    )
