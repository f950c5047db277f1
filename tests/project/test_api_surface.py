"""The public surface is what the snapshot says, and a change of it can be read."""

import shutil
from pathlib import Path

import pytest

pytest.importorskip("griffe")
from tools.release import api_surface

ROOT = Path(__file__).resolve().parents[2]


def test_the_surface_is_as_accepted(capsys):
    assert api_surface.main([]) == 0, capsys.readouterr().out


def test_a_name_that_goes_is_told_and_what_is_private_or_the_version_is_not(tmp_path):
    skip = shutil.ignore_patterns("*.bin", "__pycache__", "build_table")
    for folder in ("wrapper", "emulator"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=skip)
    for name, old, new in (
        ("__init__.py", '    "TLSError",\n', ""),
        ("client.py", "def _merged(", "def _options_of_a_call("),
        ("_version.py", '__version__ = "', '__version__ = "99.'),
    ):
        path = tmp_path / "wrapper" / "inworld_embeddings" / name
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new), "utf-8")
    snapshot = api_surface.SNAPSHOT.read_text("utf-8").splitlines()
    found = api_surface.differences(snapshot, api_surface.lines(tmp_path))
    assert {line.partition("TLSError")[0] for line in found} == {
        "+inworld_embeddings.errors.",
        "-inworld_embeddings.",
    }
