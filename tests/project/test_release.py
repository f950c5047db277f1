"""The program behind a release can say no."""

from tools.release import check_release

SECTIONS = [
    "[Unreleased]",
    "[1.2.3] - 2026-01-31\n\n- A thing.",
    "[1.2.2] - 2026-01-01",
    "[1.2.1]\n\n- No date.",
]
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
