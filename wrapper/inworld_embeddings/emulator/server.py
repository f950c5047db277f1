"""The emulator on a socket: `EmulatorServer` for tests, `serve` for a terminal."""

import contextlib
import signal
import sys
import threading
from collections.abc import Collection, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Self, TextIO

from .auth import TEST_KEY
from .handle import Emulator
from .hosts import check_bind
from .listener import Listener
from .messages import Handler

if TYPE_CHECKING:
    from .engines import Engine


class EmulatorServer:
    """Serves a handler from a thread of its own, between `start` and `stop` or inside a ``with`` block.

    Args:
        emulator: Answers the requests; by default a new `Emulator`.
        host: Address to listen on.
        port: 0 picks a free one.
        allowed_hosts: Names it answers to beside loopback and its own address.
        log: Where a line for each answer goes; by default nowhere.

    Raises:
        ConfigurationError: another address than loopback with the published test key.
    """

    def __init__(
        self,
        emulator: Handler | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        allowed_hosts: Collection[str] = (),
        log: TextIO | None = None,
    ) -> None:
        self._handler = emulator or Emulator()
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
            target=self._listener.serve_forever, args=(0.05,), daemon=True, name="emulator"
        ).start()
        return self

    def stop(self, grace: float = 5.0) -> None:
        """Lets answers under way finish for up to ``grace`` seconds, then closes. Harmless when not running."""
        listener, self._listener = self._listener, None
        if listener:
            listener.stop(grace)

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


def serve(
    host: str = "127.0.0.1",
    port: int = 8080,
    *,
    api_key: str = TEST_KEY,
    engine: "Engine | None" = None,
    allowed_hosts: Collection[str] = (),
    out: TextIO | None = None,
    log: TextIO | None = None,
) -> None:
    """Serves until SIGINT or SIGTERM; prints how to reach it and what its vectors are.

    Args:
        host: Address to listen on. Other than loopback needs an ``api_key`` of its own.
        port: 0 picks a free one.
        api_key: The one ``key:secret`` it answers to.
        engine: Makes the vectors; by default the built-in one.
        allowed_hosts: Names it answers to beside loopback and its own address.
        out: Where the notice goes; by default standard output.
        log: Where a line for each answer goes; by default standard error.

    Raises:
        ConfigurationError: as `EmulatorServer` and `Emulator`.
        OSError: the address is taken.
    """
    emulator = Emulator(engine, api_key)
    server = EmulatorServer(
        emulator, host=host, port=port, allowed_hosts=allowed_hosts, log=log or sys.stderr
    )
    with _stop_signal() as stopped, server:
        output = out or sys.stdout
        output.write(_notice(server, emulator, built_in=engine is None))
        output.flush()
        while not stopped.wait(0.5):  # in steps: on Windows an endless wait cannot be interrupted
            pass


def _notice(server: EmulatorServer, emulator: Emulator, *, built_in: bool) -> str:
    engine = emulator.engine
    meaning = "English search is meaningful, other languages match by spelling only. " if built_in else ""
    reach = (
        f"export INWORLD_EMULATOR_HOST={server.address}"
        if emulator.uses_test_key
        else f'Reach it with base_url="{server.url}" and the api_key it was given, base64-encoded.'
    )
    return (
        f"Emulator of the embeddings API on {server.url}\n"
        f"Stand-in vectors from the engine {engine.name}, {engine.dimension} dimensions. {meaning}"
        "Never mix them with vectors of the real API.\n"
        f"{reach}\n"
    )


@contextlib.contextmanager
def _stop_signal() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set, if this is the main thread, where alone Python allows it."""
    stopped = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stopped
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda *_: stopped.set()) for number in numbers]
    try:
        yield stopped
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
