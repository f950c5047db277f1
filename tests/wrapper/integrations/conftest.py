"""Adapters, each in an environment of its framework: ``nox -s integrations -- NAME``. Elsewhere its tests are skipped."""

import base64
import importlib
import os
import platform
import re
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest

from inworld_embeddings.testing import emulator, fake_vectors
from support.processes import program

KEY = base64.b64encode(b"local:local").decode()
"""The emulator's; the tests look for it in everything that is stored."""

ANIMALS = ["A cat sleeps on the sofa.", "The stock market fell today.", "Dogs like to run in the park."]
PETS = "a kitten on a couch"
"""Is about the first of `ANIMALS`, which local mode knows."""


def framework(name):
    """A framework's package. In its own session it must be there: nothing is skipped silently."""
    return importlib.import_module(name) if os.environ.get("INTEGRATIONS") else pytest.importorskip(name)


@pytest.fixture
def served():
    """An emulator on a port, whose vectors have 8 numbers, and faults to set."""
    with emulator(dimension=8) as made:
        yield made


@pytest.fixture
def settings(served):
    return {"api_key": KEY, "base_url": served.url}


@pytest.fixture
def key(monkeypatch):
    monkeypatch.setenv("INWORLD_API_KEY", KEY)


def assert_right(vectors, texts):
    assert np.array_equal(np.float32(vectors), np.float32(fake_vectors(texts, 8)))


def assert_no_key(*places):
    """Neither in these, nor in any file below a folder."""
    for place in places:
        files = [file for file in place.rglob("*") if file.is_file()] if isinstance(place, Path) else []
        assert KEY not in str([place, *(file.read_bytes() for file in files)])


def in_fresh_process(code, **environ):
    """What a program prints that has nothing of this one but its environment."""
    done = program(code, "-", "-W", "default", preamble="", environ=environ)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


PAGE = (Path(__file__).parents[3] / "docs/use/frameworks.md").read_text("utf-8")


def example_of(name):
    """A framework's example on the page."""
    code = f"integrations.{name.replace('-', '_')} ", f"[{name}]"
    blocks = re.findall(r"```\w+\n(.*?)```", PAGE, re.DOTALL)
    return next(block for block in blocks if any(map(block.count, code)))


PACKAGES = {
    "chroma": ["chromadb"],
    "haystack": ["haystack-ai"],
    "lancedb": ["lancedb"],
    "langchain": ["langchain-core", "langchain-tests", "mem0ai"],
    "llama-index": ["llama-index-core"],
    "llm": ["llm"],
    "pydantic-ai": ["pydantic-ai-slim"],
}


def pytest_sessionfinish(session):
    """Notes in the matrix of docs/use/frameworks.md what passed, if the session was told to."""
    name, _, page = os.environ.get("INTEGRATIONS", "").partition(" ")
    if not page or session.testsfailed:
        return
    tried = ", ".join(f"{package} {version(package)}" for package in PACKAGES[name])
    passed = len(session.config.pluginmanager.get_plugin("terminalreporter").stats["passed"])
    lines = sum(map(bool, example_of(name).splitlines()))
    row = f"| `{name}` | {tried} | {platform.python_version()} | {lines} | {passed} pass | {datetime.now(UTC).date()} |"
    Path(page).write_text(re.sub(rf"^\| `{name}` \|.*$", row, PAGE, flags=re.MULTILINE), "utf-8")
