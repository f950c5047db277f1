"""What is released: documented names, the accepted surface, and a tag with its section."""

import pytest

import inworld_embeddings
from inworld_embeddings import errors
from tools.release import check_release


def test_every_error_is_exported_and_every_public_name_has_a_docstring():
    classes = {n for n, v in vars(errors).items() if isinstance(v, type) and issubclass(v, Exception)}
    assert classes <= set(inworld_embeddings.__all__)
    for name in inworld_embeddings.__all__:
        assert name.startswith("__") or name.isupper() or getattr(inworld_embeddings, name).__doc__, name


def test_the_surface_is_as_accepted(capsys):
    pytest.importorskip("griffe")
    from tools.release import api_surface

    assert api_surface.main([]) == 0, capsys.readouterr().out


SECTIONS = ["[Unreleased]", "[1.2.3] - 2026-01-31\n\nA thing.", "[1.2.2] - 2026-01-01", "[1.2.1]\n\nNone."]
CHANGELOG = "".join(f"\n## {section}\n" for section in SECTIONS)
REASONS = {
    ("v1.2.3", "1.2.3"): [],
    ("v1.2.4", "1.2.3"): ["the tag is v1.2.4, the version v1.2.3"],
    ("v1.2.2", "1.2.2"): ["CHANGELOG.md: [1.2.2] is empty"],
    ("v1.2.1", "1.2.1"): ["CHANGELOG.md has no section [1.2.1] with a date"],
}


def test_a_release_needs_its_tag_and_its_section():
    for (tag, version), reasons in REASONS.items():
        assert check_release.reasons(tag, version, CHANGELOG) == reasons
