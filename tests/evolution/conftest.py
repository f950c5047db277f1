"""The drill's cases: which ones, the changed spec of each, and a copy of the project that has it."""

import copy
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tools.spec.document import load

ROOT = Path(__file__).resolve().parents[2]
EVERY = os.environ.get("EVOLUTION") == "1"
KEYS = {"title", "change", "move", "wire", "python", "said", "generates", "wrapper", "use", "short"}


@dataclass(frozen=True)
class Case:
    """A case, with the spec as it is and as it would be."""

    name: str
    told: dict
    old: dict
    new: dict


def merged(target, patch):
    """The target with an RFC 7396 merge patch in it."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def moved(target, renames):
    """The target with keys renamed, in place of the ones there were."""
    if isinstance(renames, str) or not renames:
        return target
    return {
        (renames[key] if isinstance(renames.get(key), str) else key): moved(value, renames.get(key))
        for key, value in target.items()
    }


def read(path):
    told = yaml.safe_load(path.read_text("utf-8"))
    assert told.keys() <= KEYS, path
    old = load((ROOT / "openapi.yaml").read_text("utf-8"))
    return Case(path.stem, told, old, merged(moved(copy.deepcopy(old), told.get("move")), told["change"]))


@pytest.fixture(autouse=True)
def _current(case):
    """Skips a case that has come true: its file can go."""
    if case.new == case.old:
        pytest.skip("the spec already says so")


def pytest_generate_tests(metafunc):
    if "case" in metafunc.fixturenames:
        cases = [read(path) for path in sorted((Path(__file__).parent / "cases").glob("*.yaml"))]
        chosen = [case for case in cases if EVERY or case.told.get("short")]
        metafunc.parametrize("case", chosen, ids=lambda case: case.name)


@pytest.fixture
def project(case, tmp_path):
    """A copy of what generate.py reads and writes, with the changed spec."""
    folder = tmp_path / "project"
    skip = shutil.ignore_patterns("__pycache__")
    for name in ("templates", "generated"):
        shutil.copytree(ROOT / name, folder / name, ignore=skip)
    for name in ("generator-config.yaml", "pyproject.toml"):
        shutil.copyfile(ROOT / name, folder / name)
    (folder / "openapi.yaml").write_text(json.dumps(case.new), "utf-8")
    return folder


@pytest.fixture(scope="session")
def mypy_cache(tmp_path_factory):
    return tmp_path_factory.mktemp("mypy")
