"""The public names: every one importable and documented, and the surface what the snapshot says."""

from importlib.metadata import version

import pytest

import inworld_embeddings
from inworld_embeddings import errors


def test_every_public_name_imports_and_has_a_docstring():
    for name in inworld_embeddings.__all__:
        value = getattr(inworld_embeddings, name)
        assert name.startswith("__") or name.isupper() or value.__doc__, name


def test_every_error_is_exported():
    classes = {n for n, v in vars(errors).items() if isinstance(v, type) and issubclass(v, Exception)}
    assert classes <= set(inworld_embeddings.__all__)


def test_the_version_is_the_distributions():
    assert version("inworld-embeddings") == inworld_embeddings.__version__


def test_the_surface_is_as_accepted(capsys):
    pytest.importorskip("griffe")
    from tools.release import api_surface

    assert api_surface.main([]) == 0, capsys.readouterr().out
