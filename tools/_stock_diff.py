"""Show how the generator's own templates changed between two versions, those that ours override first."""

import difflib
from pathlib import Path

from _files import normalised


def stock_diff(old: Path, new: Path, overridden: list[str]) -> dict[str, str]:
    """Return the unified diff of each template that differs, by its name.

    Args:
        old: The templates folder of the version that ours came from.
        new: That of the installed version.
        overridden: Names of our templates; they come first.
    """
    names = {path.relative_to(folder).as_posix() for folder in (old, new) for path in folder.rglob("*.jinja")}
    found = {
        name: _diff(old / name, new / name, name)
        for name in sorted(names, key=lambda n: (n not in overridden, n))
    }
    return {name: text for name, text in found.items() if text}


def _diff(old: Path, new: Path, name: str) -> str:
    return "".join(difflib.unified_diff(_lines(old), _lines(new), f"old/{name}", f"new/{name}"))


def _lines(path: Path) -> list[str]:
    return normalised(path.read_bytes()).decode().splitlines(keepends=True) if path.exists() else []
