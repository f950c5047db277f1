"""Clients over an emulator inside the test's own process."""

from typing import TYPE_CHECKING, TypeVar, Unpack

from ..client import AsyncEmbeddingClient, BaseClient, EmbeddingClient
from ..emulator.engines.hashed import DIMENSION
from ..emulator.faults import NOTHING, Faults, Scripted
from .fakes import FakeEngine
from .log import RequestLog

if TYPE_CHECKING:
    from ..emulator.engines import Engine
    from ..options import CallOptions

C = TypeVar("C", bound=BaseClient)


def local_client(
    *,
    faults: "Faults | Scripted" = NOTHING,
    seed: int = 0,
    dimension: int = DIMENSION,
    engine: "Engine | None" = None,
    log: RequestLog | None = None,
    **options: Unpack["CallOptions"],
) -> EmbeddingClient:
    """A client whose requests are answered in this process: no key, no network.

    Args:
        faults: What goes wrong, such as ``"status=503 x2, ok"``; or `Faults`, to change it later.
        seed: Of the probabilities in it. `Faults` have their own.
        dimension: Of the vectors, which are `fake_vectors`.
        engine: Makes other vectors; ``emulator.engines.default_engine()`` makes those of `EmbeddingClient.local`.
        log: Takes down what is sent.
        **options: As for `EmbeddingClient`.

    Raises:
        ConfigurationError: a setting that cannot be.
    """
    return _local(EmbeddingClient, faults_of(faults, seed, log), engine_of(engine, dimension), options)


def async_local_client(
    *,
    faults: "Faults | Scripted" = NOTHING,
    seed: int = 0,
    dimension: int = DIMENSION,
    engine: "Engine | None" = None,
    log: RequestLog | None = None,
    **options: Unpack["CallOptions"],
) -> AsyncEmbeddingClient:
    """The same as `local_client` for asyncio."""
    return _local(AsyncEmbeddingClient, faults_of(faults, seed, log), engine_of(engine, dimension), options)


def _local(kind: type[C], faults: Faults, engine: "Engine", options: "CallOptions") -> C:
    return kind.local(engine, faults=faults, **options)


def faults_of(faults: "Faults | Scripted", seed: int, log: RequestLog | None) -> Faults:
    """The faults as an object that the log watches."""
    made = faults if isinstance(faults, Faults) else Faults(faults, seed=seed)
    if log is not None:
        made.watch(log.note)
    return made


def engine_of(engine: "Engine | None", dimension: int) -> "Engine":
    """The engine, or one of fake vectors."""
    return FakeEngine(dimension) if engine is None else engine
