"""The programs of tools/, run on copies of the project's inputs so that no test touches the project."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from _page import extract

ROOT = Path(__file__).parents[2]

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def root() -> Path:
    """The project itself; read only."""
    return ROOT


@pytest.fixture
def saved_page() -> Path:
    """The published page as it once was."""
    return Path(__file__).parent / "pages" / "create-embeddings.md"


@pytest.fixture
def page(saved_page: Path, root: Path, tmp_path: Path) -> Path:
    """The page that would give the spec there is now."""
    text = saved_page.read_text("utf-8")
    path = tmp_path / "create-embeddings.md"
    path.write_text(text.replace(extract(text).text, (root / "openapi.yaml").read_text("utf-8")), "utf-8")
    return path


@pytest.fixture
def run_tool() -> Run:
    """Run `tools/NAME ARGUMENTS...` and return what it said."""

    def run(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-B", str(ROOT / "tools" / name), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    return run


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of everything generate.py reads, and of what it wrote."""
    folder = tmp_path / "project"
    folder.mkdir()
    for name in ("openapi.yaml", "generator-config.yaml", "pyproject.toml"):
        shutil.copyfile(ROOT / name, folder / name)
    skip = shutil.ignore_patterns("__pycache__")
    for name in ("templates", "generated"):
        shutil.copytree(ROOT / name, folder / name, ignore=skip)
    return folder


@pytest.fixture
def everything() -> Callable[[Path], dict[str, bytes]]:
    """Read a folder, byte for byte and hidden files too, to see that nothing changed and nothing was left behind."""
    return lambda folder: {
        str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }
