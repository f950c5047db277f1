"""The emulator on a socket, in a thread of its own."""

import threading
from collections.abc import Collection
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from .faults.layer import layered
from .handle import Emulator
from .hosts import check_bind
from .listener import Listener
from .messages import Handler

if TYPE_CHECKING:
    from .faults import Faults, Scripted


class EmulatorServer:
    """Serves a handler from a thread of its own, between `start` and `stop` or inside a ``with`` block.

    Args:
        emulator: Answers the requests; by default a new `Emulator`.
        host: Address to listen on.
        port: 0 picks a free one.
        allowed_hosts: Names it answers to beside loopback and its own address.
        log: Where a line for each answer goes; by default nowhere.
        faults: What goes wrong, see `faults.grammar`; by default nothing but what a request's header asks for.
        chaos: Whether whoever has the key may change that by a call.

    Raises:
        ConfigurationError: another address than loopback with the published test key, or faults that cannot be.
    """

    def __init__(
        self,
        emulator: Handler | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        allowed_hosts: Collection[str] = (),
        log: TextIO | None = None,
        faults: "Faults | Scripted | None" = None,
        chaos: bool = False,
    ) -> None:
        self._handler = layered(emulator or Emulator(), faults, chaos=chaos)
        check_bind(host, uses_test_key=self._handler.uses_test_key)
        self._host, self._port, self._allowed_hosts, self._log = host, port, tuple(allowed_hosts), log
        self._listener: Listener | None = None

    def start(self) -> Self:
        """Binds and serves.

        Raises:
            OSError: the address is taken.
            RuntimeError: it is running already.
        """
        if self._listener:
            raise RuntimeError("the server is running already")
        self._listener = Listener(
            self._handler, self._host, self._port, allowed_hosts=self._allowed_hosts, log=self._log
        )
        threading.Thread(
            target=self._listener.serve_forever, args=(0.02,), daemon=True, name="emulator"
        ).start()
        return self

    def stop(self, grace: float = 5.0) -> None:
        """Lets answers under way finish for up to ``grace`` seconds, then closes. Harmless when not running."""
        listener, self._listener = self._listener, None
        if listener:
            listener.stop(grace)

    @property
    def faults(self) -> "Faults":
        """The faults of its requests: to change, and to count."""
        return self._handler.faults

    @property
    def address(self) -> str:
        """``host:port``, as ``INWORLD_EMULATOR_HOST`` takes it.

        Raises:
            RuntimeError: it is not running.
        """
        if not self._listener:
            raise RuntimeError("the server is not running")
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{host}:{self._listener.server_address[1]}"

    @property
    def url(self) -> str:
        """Base URL for a client. Raises as `address` does."""
        return f"http://{self.address}"

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()
