"""Copies in a temporary folder, and processes in which the original cannot be imported."""

import subprocess
import sys
import sysconfig

import pytest

from inworld_embeddings.vendoring import Choice, Source, vendor

BLOCK = """
import sys
class _Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, _Blocked())
sys.path[:0] = {paths}
"""
ORIGINAL = ("inworld_embeddings", "inworld_embeddings_client")
DEPENDENCIES = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]


@pytest.fixture(scope="session")
def source():
    return Source.here()


@pytest.fixture
def acme(tmp_path, source):
    """Makes a copy below a package of its own, and returns the folder to import the package from."""

    def make(package="acme", choice=None, upstream=source):
        vendored = tmp_path / package / "_vendor"
        vendored.mkdir(parents=True)
        (tmp_path / package / "__init__.py").touch()
        (vendored / "__init__.py").touch()
        choice = choice or Choice()
        vendor(vendored / choice.default_name, upstream, choice)
        return tmp_path

    return make


@pytest.fixture
def alone():
    """Runs a program with the dependencies and some folders, but not the original. Returns what it prints."""

    def run(program, *folders, blocked=ORIGINAL):
        setup = BLOCK.format(blocked=tuple(blocked), paths=[*map(str, folders), *DEPENDENCIES])
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-W", "error", "-c", setup + program], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run
