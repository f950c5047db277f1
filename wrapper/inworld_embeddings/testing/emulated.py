"""Clients over an emulator, in the test's own process or on a port; what it was asked; the vectors it makes."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypedDict, Unpack

from inworld_embeddings_emulator.engines import Engine
from inworld_embeddings_emulator.engines.hashed import DIMENSION, HashEngine
from inworld_embeddings_emulator.faults import NOTHING, Faults, asked
from inworld_embeddings_emulator.handle import Emulator
from inworld_embeddings_emulator.messages import Reply, Request
from inworld_embeddings_emulator.server import EmulatorServer

from .._settings import emulator_credential
from ..client import AsyncEmbeddingClient, EmbeddingClient
from ..options import CallOptions

FakeEngine = HashEngine
"""Makes the vectors of `fake_vectors`. ``FakeEngine(dimension)`` is an engine for any client or emulator."""


def fake_vectors(texts: Iterable[str], dimension: int = DIMENSION) -> list[list[float]]:
    """What an emulator with a `FakeEngine` answers: a unit vector of that dimension for each text, in order.

    They are the same on every Python and platform, and have no meaning: similar texts are not near each other.
    """
    return FakeEngine(dimension).embed(list(texts))


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """One request, and what became of it.

    Attributes:
        method: Such as ``POST``.
        path: Such as ``/ml/v1alpha/embedding:embed``, without a query.
        texts: The texts, in order; none if the request could not be read. They stay out of the repr.
        model: Name of the model, empty if absent.
        status: HTTP status of the response; None if the connection was dropped instead.
        faults: Labels of the faults in the response, such as ``("status=503",)``.
    """

    method: str
    path: str
    texts: tuple[str, ...] = field(repr=False)
    model: str
    status: int | None
    faults: tuple[str, ...]

    def __len__(self) -> int:
        """How many texts it had."""
        return len(self.texts)


class RequestLog:
    """The requests of an emulator in the order in which they were answered. Thread-safe."""

    def __init__(self) -> None:
        self._requests: list[LoggedRequest] = []  # whose methods are atomic

    @property
    def requests(self) -> list[LoggedRequest]:
        """The requests so far."""
        return self._requests.copy()

    @property
    def texts(self) -> list[str]:
        """The texts of all requests. Those of a request that was sent again are there again."""
        return [text for request in self.requests for text in request.texts]

    @property
    def statuses(self) -> list[int | None]:
        """The status of each response; None where the connection was dropped."""
        return [request.status for request in self.requests]

    def clear(self) -> None:
        """Forgets them."""
        self._requests.clear()

    def note(self, request: Request, reply: Reply, faults: tuple[str, ...]) -> None:
        """Takes down an exchange. This is what `Faults.watch` wants."""
        message = asked(request)
        status = None if isinstance(reply.carriage.end, str) else reply.status
        self._requests.append(
            LoggedRequest(request.method, request.route, message.texts, message.model, status, faults)
        )

    def __len__(self) -> int:
        return len(self._requests)

    def __repr__(self) -> str:
        return f"<RequestLog of {len(self)} requests>"


class EmulatorOptions(TypedDict, total=False):
    """What an emulator for a test is like.

    Attributes:
        faults: What goes wrong, such as ``"status=503 x2, ok"``; or `Faults`, to change it later.
        seed: Of the probabilities in it. `Faults` have their own. 0 by default.
        dimension: Of the vectors, which are `fake_vectors`.
        engine: Makes other vectors; ``inworld_embeddings_emulator.engines.default_engine()`` makes those of
            `EmbeddingClient.local`.
        log: Takes down what is sent.
    """

    faults: Faults | str
    seed: int
    dimension: int
    engine: Engine | None
    log: RequestLog | None


class LocalOptions(EmulatorOptions, CallOptions, total=False):
    """Those of the emulator, and those of `EmbeddingClient.embed`."""


def local_client(**options: Unpack[LocalOptions]) -> EmbeddingClient:
    """A client whose requests are answered in this process: no key, no network.

    Args:
        **options: Any of `EmulatorOptions`; others as for `EmbeddingClient`.

    Raises:
        ConfigurationError: a setting that cannot be.
    """
    engine, faults, rest = _emulated(**options)
    return EmbeddingClient.local(engine, faults=faults, **rest)


def async_local_client(**options: Unpack[LocalOptions]) -> AsyncEmbeddingClient:
    """The same as `local_client` for asyncio."""
    engine, faults, rest = _emulated(**options)
    return AsyncEmbeddingClient.local(engine, faults=faults, **rest)


def _emulated(
    *,
    faults: Faults | str = NOTHING,
    seed: int = 0,
    dimension: int = DIMENSION,
    engine: Engine | None = None,
    log: RequestLog | None = None,
    **rest: Unpack[CallOptions],
) -> tuple[Engine, Faults, CallOptions]:
    """The engine, the faults, which tell the log of each exchange, and the options that are not the emulator's."""
    made = faults if isinstance(faults, Faults) else Faults(faults, seed=seed)
    if log is not None:
        made.watch(log.note)
    return FakeEngine(dimension) if engine is None else engine, made, rest


class ServedEmulator:
    """A running emulator, for code in other threads, processes and languages.

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
def emulator(*, chaos: bool = False, **options: Unpack[EmulatorOptions]) -> Iterator[ServedEmulator]:
    """An emulator on a free port of 127.0.0.1, as long as the ``with`` block lasts.

    Args:
        chaos: Whether other processes may change the faults by a call.
        **options: Any of `EmulatorOptions`.

    Raises:
        ConfigurationError: a setting that cannot be.
        TypeError: an unknown keyword.
    """
    given = options.get("log")
    log = options["log"] = RequestLog() if given is None else given
    engine, faults, unknown = _emulated(**options)
    if unknown:
        raise TypeError(f"emulator() has no argument {', '.join(unknown)}.")
    server = EmulatorServer(Emulator(engine), faults=faults, chaos=chaos)
    server.start()
    try:
        yield ServedEmulator(server, log)
    finally:
        server.stop(grace=0.0)
