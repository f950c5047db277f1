"""For the test suites of people who use this package: clients without a network, a served emulator, faults, a log.

`inworld_embeddings.testing.plugin` offers the same as pytest fixtures; docs/testing.md shows both. Importing this loads
neither httpx nor numpy: what needs them comes with the first use of a name.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..emulator.auth import TEST_KEY
    from ..emulator.faults import Faults
    from .clients import async_local_client, local_client
    from .fakes import FakeEngine, fake_vectors
    from .log import LoggedRequest, RequestLog
    from .served import ServedEmulator, emulator

__all__ = [
    "TEST_KEY",
    "FakeEngine",
    "Faults",
    "LoggedRequest",
    "RequestLog",
    "ServedEmulator",
    "async_local_client",
    "emulator",
    "fake_vectors",
    "local_client",
]

_HOME = {
    "TEST_KEY": "..emulator.auth",
    "Faults": "..emulator.faults",
    "async_local_client": ".clients",
    "local_client": ".clients",
    "FakeEngine": ".fakes",
    "fake_vectors": ".fakes",
    "LoggedRequest": ".log",
    "RequestLog": ".log",
    "ServedEmulator": ".served",
    "emulator": ".served",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - see above

    return getattr(import_module(_HOME[name], __name__), name)
