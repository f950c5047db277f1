"""The public names: every one importable, documented, and known to type checkers as well as at run time."""

from importlib.metadata import version

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
