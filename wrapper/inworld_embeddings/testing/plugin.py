"""Fixtures for pytest. Opt in with ``pytest_plugins = ["inworld_embeddings.testing.plugin"]`` or ``-p``.

All fixtures of one test share its faults and its log. The marker sets them up:
``@pytest.mark.inworld(faults="status=503 x2, ok", dimension=256, seed=7)``.
"""

import difflib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import pytest

from .. import testing

if TYPE_CHECKING:
    from inworld_embeddings_emulator.engines import Engine

    from ..client import AsyncEmbeddingClient, EmbeddingClient
    from . import Faults, RequestLog, ServedEmulator

ARGUMENTS: Final = ("faults", "seed", "dimension", "engine")
"""What the marker takes."""


def pytest_configure(config: pytest.Config) -> None:
    """Makes the marker known."""
    told = "what the inworld_* fixtures of a test are like."
    config.addinivalue_line("markers", f"inworld({', '.join(ARGUMENTS)}): {told}")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Refuses a misspelled marker also on a test that does not get to use it."""
    marked(item)


def marked(item: pytest.Item) -> dict[str, Any]:
    """The marker's arguments; those nearer to the test count.

    Raises:
        pytest.UsageError: an argument that there is not.
    """
    found: dict[str, Any] = {}
    for marker in reversed(list(item.iter_markers("inworld"))):
        if marker.args:
            raise pytest.UsageError(f"@pytest.mark.inworld takes keywords only: {', '.join(ARGUMENTS)}.")
        found |= marker.kwargs
    for name in [name for name in found if name not in ARGUMENTS]:
        near = difflib.get_close_matches(name, ARGUMENTS, 1)
        hint = f" Did you mean {near[0]}?" if near else ""
        told = f"has no argument {name!r}.{hint} There are: {', '.join(ARGUMENTS)}."
        raise pytest.UsageError(f"@pytest.mark.inworld {told}")
    return found


@pytest.fixture
def inworld_log() -> "RequestLog":
    """What the emulator behind the other fixtures of this test is asked."""
    return testing.RequestLog()


@pytest.fixture
def inworld_faults(request: pytest.FixtureRequest, inworld_log: "RequestLog") -> "Faults":
    """The faults of this test: ``inworld_faults("status=503 x2, ok")`` sets them. At first as the marker says, or its parameter."""
    given = marked(request.node)
    script = getattr(request, "param", given.get("faults", "ok"))
    faults = testing.Faults(script, seed=given.get("seed", 0))
    faults.watch(inworld_log.note)
    return faults


@pytest.fixture
def inworld_engine(request: pytest.FixtureRequest) -> "Engine":
    """What makes the vectors: a `FakeEngine` of the marker's dimension, or the engine of the marker, or its parameter."""
    given = marked(request.node)
    engine: Engine | None = getattr(request, "param", given.get("engine"))
    if engine is not None:
        return engine
    return testing.FakeEngine(given["dimension"]) if "dimension" in given else testing.FakeEngine()


@pytest.fixture
def inworld_client(inworld_engine: "Engine", inworld_faults: "Faults") -> "Iterator[EmbeddingClient]":
    """A client whose requests are answered in this process."""
    with testing.local_client(engine=inworld_engine, faults=inworld_faults) as client:
        yield client


@pytest.fixture
def inworld_async_client(inworld_engine: "Engine", inworld_faults: "Faults") -> "AsyncEmbeddingClient":
    """The same for asyncio, whichever plugin runs the loop. It holds nothing that would need closing."""
    return testing.async_local_client(engine=inworld_engine, faults=inworld_faults)


@pytest.fixture
def inworld_emulator(
    inworld_engine: "Engine", inworld_faults: "Faults", inworld_log: "RequestLog"
) -> "Iterator[ServedEmulator]":
    """An emulator on a free port, for this test."""
    with testing.emulator(engine=inworld_engine, faults=inworld_faults, log=inworld_log) as running:
        yield running


@pytest.fixture
def inworld_env(inworld_emulator: "ServedEmulator", monkeypatch: pytest.MonkeyPatch) -> "ServedEmulator":
    """The served emulator, and the environment that sends every client without a ``base_url`` to it."""
    for name, value in inworld_emulator.env.items():
        monkeypatch.setenv(name, value)
    return inworld_emulator


@pytest.fixture(scope="session")
def inworld_session_emulator() -> "Iterator[ServedEmulator]":
    """One emulator for the whole session, with faults and a log of its own; the marker does not concern it."""
    with testing.emulator() as running:
        yield running
