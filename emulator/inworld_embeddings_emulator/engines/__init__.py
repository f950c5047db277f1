"""What makes the emulator's vectors: the `Engine` protocol, the built-in engine, and others by name.

The built-in one needs nothing installed. `named` makes the others: vectors of a hash, of a sentence-transformers
model, or of any server with an OpenAI-compatible ``/v1/embeddings``.
"""

from collections.abc import Sequence
from functools import cache
from importlib import import_module
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

from .errors import EngineError
from .named import named

if TYPE_CHECKING:
    from .hashed import HashEngine
    from .openai_compatible import OpenAICompatibleEngine
    from .sentence_transformers import SentenceTransformersEngine

__all__ = [
    "Engine",
    "EngineError",
    "HashEngine",
    "OpenAICompatibleEngine",
    "SentenceTransformersEngine",
    "default_engine",
    "named",
]

_LATER = {
    "HashEngine": "hashed",
    "OpenAICompatibleEngine": "openai_compatible",
    "SentenceTransformersEngine": "sentence_transformers",
}
_LOCK = Lock()


class Engine(Protocol):
    """Makes vectors of texts. Called from several threads at once."""

    @property
    def name(self) -> str:
        """Which vectors these are; two engines whose vectors differ have different names. Printable ASCII."""
        ...

    @property
    def dimension(self) -> int:
        """Length of every vector."""
        ...

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector of `dimension` finite floats for each text, in the order of the texts.

        Whatever it raises is answered as a server error; of an `EngineError` the message is shown.
        """
        ...


def default_engine() -> Engine:
    """The built-in engine, `inworld-local-minilm-ngram-v1`; its table is read when this is first called."""
    with _LOCK:
        return _load()


@cache
def _load() -> Engine:
    from .local import LocalEngine  # noqa: PLC0415 - importing the emulator must not pay for its table

    return LocalEngine.load()


def __getattr__(name: str) -> Any:
    """Imports the other engines when they are asked for: the built-in one must not pay for them."""
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
