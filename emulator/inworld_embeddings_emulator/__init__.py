"""The API's HTTP contract, served locally: in process or on loopback, with stand-in vectors.

One pure function, `Emulator.handle`, is the whole of it. `LocalTransport` carries requests to it inside a process,
`EmulatorServer` and `serve` over a socket. See docs/use/local-mode.md for what is known and what is assumed.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .handle import TEST_KEY, Emulator
from .messages import Handler, Reply, Request

if TYPE_CHECKING:
    from .server import EmulatorServer
    from .serving import serve
    from .transport import LocalTransport

__all__ = ["TEST_KEY", "Emulator", "EmulatorServer", "Handler", "LocalTransport", "Reply", "Request", "serve"]

_LATER = {"EmulatorServer": "server", "serve": "serving", "LocalTransport": "transport"}


if not TYPE_CHECKING:  # else no misspelt name would be told

    def __getattr__(name: str) -> Any:
        """Imports the carriers when they are asked for: the server needs no httpx, local mode no sockets."""
        if name not in _LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
