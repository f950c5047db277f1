"""The public surface is what the snapshot says, and a change of it can be read."""

import shutil
from pathlib import Path

import pytest

pytest.importorskip("griffe")
from tools.release import api_surface

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def changed(tmp_path):
    """A copy of both packages with one text replaced in a file; its surface against the snapshot."""

    def change(name, old, new):
        skip = shutil.ignore_patterns("*.bin", "__pycache__", "build_table")
        for folder in ("wrapper", "emulator"):
            shutil.copytree(ROOT / folder, tmp_path / folder, ignore=skip)
        path = tmp_path / name
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new), "utf-8")
        snapshot = api_surface.SNAPSHOT.read_text("utf-8").splitlines()
        return api_surface.differences(snapshot, api_surface.lines(tmp_path))

    return change


def test_the_surface_is_as_accepted(capsys):
    assert api_surface.main([]) == 0, capsys.readouterr().out


CHANGES = {
    "a name that goes": (
        *("wrapper/inworld_embeddings/__init__.py", '    "TLSError",\n', ""),
        ["+inworld_embeddings.errors.TLSError", "-inworld_embeddings.TLSError"],
    ),
    "what is private": (
        "wrapper/inworld_embeddings/client.py",
        "def _merged(",
        "def _options_of_a_call(",
        [],
    ),
    "a version": ("wrapper/inworld_embeddings/_version.py", '__version__ = "', '__version__ = "99.', []),
}


@pytest.mark.parametrize(("name", "old", "new", "told"), CHANGES.values(), ids=CHANGES)
def test_a_change_is_told_by_its_lines(changed, name, old, new, told):
    found = {line.partition(": ")[0] for line in changed(name, old, new)}
    assert set(told) <= found
    assert bool(found) is bool(told)
