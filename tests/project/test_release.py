"""The programs behind a release can say no, and the workflow may do no more than it has to."""

import re
from pathlib import Path

import pytest
import yaml

from tools.release import check_release

ROOT = Path(__file__).resolve().parents[2]
CHANGELOG = """# Changelog

## [Unreleased]

## [1.2.3] - 2026-01-31

### Added

- A thing.

## [1.2.2] - 2026-01-01

## [1.2.1]

- No date.
"""


@pytest.mark.parametrize(
    ("tag", "version", "says"),
    [
        ("v1.2.3", "1.2.3", []),
        ("v1.2.4", "1.2.3", ["the tag is v1.2.4, the version v1.2.3"]),
        ("v1.2", "1.2", ["CHANGELOG.md has no section [1.2] with a date"]),
        ("v1.2.2", "1.2.2", ["CHANGELOG.md: [1.2.2] is empty"]),
        ("v1.2.1", "1.2.1", ["CHANGELOG.md has no section [1.2.1] with a date"]),
    ],
)
def test_a_release_needs_its_tag_and_its_section(tag, version, says):
    assert check_release.reasons(tag, version, CHANGELOG) == says


WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text("utf-8"))
STEPS = [step for job in WORKFLOW["jobs"].values() for step in job["steps"]]


def test_only_the_job_that_publishes_may_and_it_runs_no_code_of_ours():
    granted = {name: job["permissions"] for name, job in WORKFLOW["jobs"].items()}
    assert WORKFLOW["permissions"] == {}
    assert granted == {
        "build": {"contents": "read"},
        "attest": {"attestations": "write", "id-token": "write"},
        "publish": {"id-token": "write"},
        "announce": {"contents": "write"},
    }
    for name in ("attest", "publish"):
        assert all("uses" in step for step in WORKFLOW["jobs"][name]["steps"]), name
    assert WORKFLOW["jobs"]["publish"]["environment"] == "pypi"


def test_actions_are_pinned_by_version():
    used = [step["uses"] for step in STEPS if "uses" in step]
    assert used
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@v\d+\.\d+\.\d+", name) for name in used), used
