"""An emulator on a port of its own, for code in other threads, processes and languages."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .._settings import emulator_credential
from ..client import AsyncEmbeddingClient, EmbeddingClient
from ..emulator.engines.hashed import DIMENSION
from ..emulator.faults import NOTHING, Faults, Scripted
from ..emulator.handle import Emulator
from ..emulator.server import EmulatorServer
from .clients import engine_of, faults_of
from .log import RequestLog

if TYPE_CHECKING:
    from ..emulator.engines import Engine


class ServedEmulator:
    """A running emulator.

    Attributes:
        faults: What goes wrong: to change, and to count.
        log: What it was asked.
        address: ``host:port``.
        url: Base URL for clients.
    """

    def __init__(self, server: EmulatorServer, log: RequestLog) -> None:
        self.faults: Faults = server.faults
        self.log = log
        self.address = server.address
        self.url = server.url

    @property
    def env(self) -> dict[str, str]:
        """What another process needs in its environment, so that its clients come here."""
        return {"INWORLD_EMULATOR_HOST": self.address}

    def client(self) -> EmbeddingClient:
        """A new client of it."""
        return EmbeddingClient(base_url=self.url, api_key=emulator_credential().reveal())

    def async_client(self) -> AsyncEmbeddingClient:
        """A new client of it for asyncio."""
        return AsyncEmbeddingClient(base_url=self.url, api_key=emulator_credential().reveal())


@contextmanager
def emulator(
    *,
    faults: "Faults | Scripted" = NOTHING,
    seed: int = 0,
    dimension: int = DIMENSION,
    engine: "Engine | None" = None,
    log: RequestLog | None = None,
    chaos: bool = False,
) -> Iterator[ServedEmulator]:
    """An emulator on a free port of 127.0.0.1, as long as the ``with`` block lasts.

    Args:
        faults: What goes wrong, such as ``"status=503 x2, ok"``; or `Faults`.
        seed: Of the probabilities in it. `Faults` have their own.
        dimension: Of the vectors, which are `fake_vectors`.
        engine: Makes other vectors.
        log: Takes down what it is asked; by default a new one.
        chaos: Whether other processes may change the faults by a call.

    Raises:
        ConfigurationError: a setting that cannot be.
    """
    log = RequestLog() if log is None else log
    server = EmulatorServer(
        Emulator(engine_of(engine, dimension)), faults=faults_of(faults, seed, log), chaos=chaos
    )
    server.start()
    try:
        yield ServedEmulator(server, log)
    finally:
        server.stop(grace=0.0)
