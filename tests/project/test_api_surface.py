"""The public surface is what the snapshot says, and a change of it can be read."""

import shutil
from pathlib import Path

import pytest

pytest.importorskip("griffe")
import api_surface

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def changed(tmp_path):
    """A copy of the package with one text replaced in a file; its surface against the snapshot."""

    def change(name, old, new):
        copy = tmp_path / "inworld_embeddings"
        shutil.copytree(
            ROOT / "wrapper/inworld_embeddings", copy, ignore=shutil.ignore_patterns("*.bin", "__pycache__")
        )
        text = (copy / name).read_text("utf-8")
        assert old in text
        (copy / name).write_text(text.replace(old, new), "utf-8")
        lines = api_surface.surface(api_surface.load(tmp_path))
        return api_surface.differences(api_surface.SNAPSHOT.read_text("utf-8"), "\n".join(lines))

    return change


def test_the_surface_is_as_accepted(capsys):
    assert api_surface.main([]) == 0, capsys.readouterr().out


def test_a_parameter_renamed_is_one_line_less_and_one_more(changed):
    lines = changed("options.py", "    rate_limit: Annotated[", "    pace: Annotated[")
    assert sorted(line.partition(": ")[0] for line in lines) == [
        "+inworld_embeddings.options.ClientOptions.pace",
        "-inworld_embeddings.options.ClientOptions.rate_limit",
    ]


def test_a_name_that_goes_is_told(changed):
    lines = changed("__init__.py", '    "TLSError",\n', "")
    assert "-class inworld_embeddings.TLSError(APIConnectionError)" in lines
    assert "+class inworld_embeddings.errors.TLSError(APIConnectionError)" in lines


def test_what_is_private_is_not_told(changed):
    assert changed("client.py", "def _merged(", "def _options_of_a_call(") == []


def test_a_new_version_is_no_change(changed):
    assert changed("_version.py", '__version__ = "', '__version__ = "99.') == []
