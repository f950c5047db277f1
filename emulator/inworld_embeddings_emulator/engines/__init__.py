"""What makes the emulator's vectors: the `Engine` protocol, the built-in engine, and others by name.

`named` makes the others: vectors of a hash, of a sentence-transformers model, or of a server that speaks
OpenAI's ``/v1/embeddings``.
"""

import re
from collections.abc import Sequence
from functools import cache
from typing import Final, Protocol
from urllib.parse import quote

from inworld_embeddings.errors import ConfigurationError

from ..messages import lock_of_the_process
from .hashed import HashEngine

__all__ = ["Engine", "EngineError", "HashEngine", "default_engine", "named"]


class Engine(Protocol):
    """Makes vectors of texts. Called from several threads at once.

    Attributes:
        name: Which vectors these are; two engines whose vectors differ have different names. Printable ASCII.
        dimension: Length of every vector.

    An engine may have a ``meaning`` too: what its vectors are good for, in words for the terminal and the playground.
    """

    @property
    def name(self) -> str: ...
    @property
    def dimension(self) -> int: ...

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One vector of `dimension` finite floats for each text, in the order of the texts.

        Whatever it raises becomes a server error; of an `EngineError` the message is shown.
        """
        ...


class EngineError(Exception):
    """The engine could not make the vectors. Its message never holds a text, a key or a part of a response."""


_LOCK: Final = lock_of_the_process()


def default_engine() -> Engine:
    """The built-in engine, `inworld-local-minilm-ngram-v2`; its table is read when this is first called.

    Raises:
        ConfigurationError: the table cannot be read.
    """
    with _LOCK:  # `cache` alone may load it once for each thread that asks meanwhile
        return _load()


@cache
def _load() -> Engine:
    from .local import LocalEngine, Table  # noqa: PLC0415 - importing the emulator must not pay for its table

    return LocalEngine(Table.load())


def named(spec: str, *, api_key: str | None = None) -> Engine:
    """The engine that a short text describes.

    Args:
        spec: ``local``; ``hash`` or ``hash:DIMENSION``; ``st:FOLDER`` or ``st:ID``; ``openai:URL#MODEL``.
        api_key: For the server behind ``openai:``, if it asks for one.

    Raises:
        ConfigurationError: not such a text, or an engine that cannot be made; says what can be done.

    Example:
        >>> named("hash:3").embed(["a"])
        [[0.7240446, -0.4568072, 0.5168043]]
    """
    kind, _, rest = spec.partition(":")
    if api_key is not None and kind != "openai":
        raise ConfigurationError(f"The engine {kind!r} takes no key; only openai:URL#MODEL does.")
    if kind == "local" and not rest:
        return default_engine()
    if kind == "hash" and re.fullmatch("[0-9]{0,9}", rest):
        return HashEngine(int(rest)) if rest else HashEngine()
    if kind == "st" and rest:
        from .sentence_transformers import SentenceTransformersEngine  # noqa: PLC0415 - as above

        return SentenceTransformersEngine(rest)
    url, _, model = rest.partition("#")
    if kind == "openai" and url and model:
        from .openai_compatible import OpenAICompatibleEngine  # noqa: PLC0415 - as above

        return OpenAICompatibleEngine(url, model, api_key)
    raise ConfigurationError(
        f"There is no engine {kind!r} of that form. Choose from: local (the built-in one), hash or hash:DIMENSION, such "
        "as hash:256 (meaningless, for plumbing), st:FOLDER_OR_ID (sentence-transformers), openai:URL#MODEL (any "
        "OpenAI-compatible server, such as openai:http://127.0.0.1:11434/v1#all-minilm)."
    )


def header_name(kind: str, name: str) -> str:
    """``kind:name`` in printable ASCII, fit for a header; whatever else is in the name is percent-encoded."""
    return f"{kind}:{quote(name.strip(), safe='/:@+ ,=()[]')}"
