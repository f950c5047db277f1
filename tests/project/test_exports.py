"""The public names: every one importable and documented, and the surface what the snapshot says."""

import pytest

import inworld_embeddings
from inworld_embeddings import errors


def test_every_error_is_exported_and_every_public_name_has_a_docstring():
    classes = {n for n, v in vars(errors).items() if isinstance(v, type) and issubclass(v, Exception)}
    assert classes <= set(inworld_embeddings.__all__)
    for name in inworld_embeddings.__all__:
        assert name.startswith("__") or name.isupper() or getattr(inworld_embeddings, name).__doc__, name


def test_the_surface_is_as_accepted(capsys):
    pytest.importorskip("griffe")
    from tools.release import api_surface

    assert api_surface.main([]) == 0, capsys.readouterr().out
