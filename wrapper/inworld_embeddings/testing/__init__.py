"""For the test suites of people who use this package: clients without a network, a served emulator, faults, a log.

`inworld_embeddings.testing.plugin` offers the same as pytest fixtures; docs/use/testing.md shows both. Importing this loads
neither httpx nor numpy: what needs them comes with the first use of a name.
"""

from typing import TYPE_CHECKING, Any

from .._settings import TEST_KEY

if TYPE_CHECKING:
    from inworld_embeddings_emulator.faults import Faults

    from .emulated import (
        EmulatorOptions,
        FakeEngine,
        LocalOptions,
        LoggedRequest,
        RequestLog,
        ServedEmulator,
        async_local_client,
        emulator,
        fake_vectors,
        local_client,
    )

__all__ = [
    "TEST_KEY",
    "EmulatorOptions",
    "FakeEngine",
    "Faults",
    "LocalOptions",
    "LoggedRequest",
    "RequestLog",
    "ServedEmulator",
    "async_local_client",
    "emulator",
    "fake_vectors",
    "local_client",
]

if not TYPE_CHECKING:  # else no misspelt name would be told

    def __getattr__(name: str) -> Any:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from . import emulated  # noqa: PLC0415 - see above

        return getattr(emulated, name)
