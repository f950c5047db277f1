"""What makes the emulator's vectors: the `Engine` protocol, and the built-in engine that needs nothing installed."""

from collections.abc import Sequence
from functools import cache
from threading import Lock
from typing import Protocol

__all__ = ["Engine", "default_engine"]

_LOCK = Lock()


class Engine(Protocol):
    """Makes vectors of texts. Called from several threads at once."""

    @property
    def name(self) -> str:
        """Which vectors these are; two engines whose vectors differ have different names."""
        ...

    @property
    def dimension(self) -> int:
        """Length of every vector."""
        ...

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector of `dimension` finite floats for each text, in the order of the texts."""
        ...


def default_engine() -> Engine:
    """The built-in engine, `inworld-local-minilm-ngram-v1`; its table is read when this is first called."""
    with _LOCK:
        return _load()


@cache
def _load() -> Engine:
    from .local import LocalEngine  # noqa: PLC0415 - importing the emulator must not pay for its table

    return LocalEngine.load()
