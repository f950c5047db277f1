"""The public surface is what the snapshot says, and a change of it can be read."""

from pathlib import Path

import pytest

pytest.importorskip("griffe")
from tools.release import api_surface

ROOT = Path(__file__).resolve().parents[2]


def test_the_surface_is_as_accepted(capsys):
    assert api_surface.main([]) == 0, capsys.readouterr().out
