"""Engines by what one types: ``local``, ``hash:256``, ``st:FOLDER``, ``openai:URL#MODEL``."""

from typing import TYPE_CHECKING, Final

from inworld_embeddings.errors import ConfigurationError

if TYPE_CHECKING:
    from . import Engine

CHOICES: Final = (
    "local (the built-in one), hash or hash:DIMENSION (meaningless, for plumbing), "
    "st:FOLDER_OR_ID (sentence-transformers), openai:URL#MODEL (any OpenAI-compatible server, "
    "such as openai:http://127.0.0.1:11434/v1#all-minilm)"
)


def named(spec: str, *, api_key: str | None = None) -> "Engine":
    """The engine that a short text describes.

    Args:
        spec: ``local``; ``hash`` or ``hash:DIMENSION``; ``st:FOLDER`` or ``st:ID``; ``openai:URL#MODEL``. The first
            word may be written out: ``sentence-transformers``, ``openai-compatible``.
        api_key: For the server behind ``openai:``, if it asks for one.

    Raises:
        ConfigurationError: not such a text, or an engine that cannot be made; says what can be done.

    Example:
        >>> named("hash:3").embed(["a"])
        [[0.7240446, -0.4568072, 0.5168043]]
    """
    kind, _, rest = spec.partition(":")
    if api_key is not None and kind not in ("openai", "openai-compatible"):
        raise ConfigurationError(f"The engine {kind!r} takes no key; only openai:URL#MODEL does.")
    match kind, rest:
        case "local", "":
            from . import default_engine  # noqa: PLC0415 - only what is asked for is loaded

            return default_engine()
        case "hash", _:
            return _hash(rest)
        case (("st" | "sentence-transformers"), str()) if rest:
            from .sentence_transformers import SentenceTransformersEngine  # noqa: PLC0415

            return SentenceTransformersEngine(rest)
        case (("openai" | "openai-compatible"), str()) if rest:
            return _openai(rest, api_key)
    raise ConfigurationError(f"There is no engine {kind!r} of that form. Choose from: {CHOICES}.")


def _hash(dimension: str) -> "Engine":
    from .hashed import DIMENSION, HashEngine  # noqa: PLC0415

    if dimension and not (dimension.isascii() and dimension.isdigit() and len(dimension) < 10):
        raise ConfigurationError("hash:DIMENSION needs a whole number, such as hash:256.")
    return HashEngine(int(dimension or DIMENSION))


def _openai(rest: str, api_key: str | None) -> "Engine":
    from .openai_compatible import OpenAICompatibleEngine  # noqa: PLC0415

    url, _, model = rest.partition("#")
    if not (url and model):
        raise ConfigurationError(
            "openai:URL#MODEL needs both, such as openai:http://127.0.0.1:11434/v1#all-minilm."
        )
    return OpenAICompatibleEngine(url, model, api_key)
