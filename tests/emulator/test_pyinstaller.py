"""The hook for PyInstaller, which is not installed here: a frozen program was tried by hand."""

import runpy
import sys
from pathlib import Path
from types import SimpleNamespace

import inworld_embeddings
import inworld_embeddings_client
import inworld_embeddings_emulator
from inworld_embeddings_emulator._pyinstaller import hook_dirs


def has_data(package):
    files = Path(package.__file__).parent.rglob("*.*")
    return any(path.suffix not in (".py", ".pyc", ".typed") for path in files)


def test_every_package_with_files_beside_its_modules_is_collected(monkeypatch):
    collecting = SimpleNamespace(collect_data_files=lambda package: [package])
    monkeypatch.setitem(sys.modules, "PyInstaller.utils.hooks", collecting)
    monkeypatch.setitem(sys.modules, "PyInstaller.utils", SimpleNamespace(hooks=collecting))
    monkeypatch.setitem(sys.modules, "PyInstaller", SimpleNamespace())
    [hook] = [path for folder in hook_dirs() for path in Path(folder).glob("hook-inworld_embeddings.py")]
    packages = (inworld_embeddings, inworld_embeddings_client, inworld_embeddings_emulator)
    assert runpy.run_path(str(hook))["datas"] == [p.__name__ for p in packages if has_data(p)]
