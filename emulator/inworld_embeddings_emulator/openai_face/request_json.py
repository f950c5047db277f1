"""Reads the body of ``POST /v1/embeddings`` and refuses what OpenAI would refuse, never echoing a value."""

from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from .errors import OpenAIError

MOST_INPUTS: Final = 2048
"""As OpenAI has it."""

_TOKENS: Final = (
    "Token arrays are not understood here: send strings. "
    "LangChain's OpenAIEmbeddings does with check_embedding_ctx_length=False."
)


@dataclass(frozen=True, slots=True)
class EmbeddingsRequest:
    """The request once it is understood.

    Attributes:
        texts: The inputs in order, none of them empty.
        model: Name of the model, as sent.
        base64: Whether vectors are wanted as base64 of float32 values.
        dimensions: Length of the vectors that was asked for, if any.
    """

    texts: tuple[str, ...] = field(repr=False)
    model: str
    base64: bool
    dimensions: int | None


def parse(body: bytes) -> EmbeddingsRequest:
    """The request in a body. Unknown fields are ignored, ``user`` among them.

    Raises:
        OpenAIError: 400, anything that is not such a request.
    """
    fields = _object(body)
    return EmbeddingsRequest(
        texts=_texts(fields.get("input")),
        model=_model(fields.get("model")),
        base64=_is_base64(fields.get("encoding_format")),
        dimensions=_dimensions(fields.get("dimensions")),
    )


def _object(body: bytes) -> dict[str, Any]:
    try:
        fields = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, ValueError):
        raise OpenAIError(400, "The body could not be parsed as JSON.") from None
    if type(fields) is not dict:
        raise OpenAIError(400, "The body must be a JSON object.")
    return fields


def _model(value: Any) -> str:
    if type(value) is not str or not value.strip() or not value.isprintable():
        raise OpenAIError(400, "'model' must be the name of a model.", param="model")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    texts = [value] if type(value) is str else value
    if type(texts) is not list or not texts:
        raise _bad_input("'input' must be a string or a list of strings, and not empty.")
    if all(type(text) in (int, list) for text in texts):
        raise _bad_input(_TOKENS)
    if len(texts) > MOST_INPUTS:
        raise _bad_input(f"'input' may hold {MOST_INPUTS} strings at most, not {len(texts)}.")
    for index, text in enumerate(texts):
        if type(text) is not str or not text:
            raise _bad_input(f"'input[{index}]' must be a string that is not empty.")
    return tuple(texts)


def _is_base64(value: Any) -> bool:
    if value not in (None, "float", "base64"):
        raise OpenAIError(400, "'encoding_format' must be 'float' or 'base64'.", param="encoding_format")
    return bool(value == "base64")


def _dimensions(value: Any) -> int | None:
    if value is not None and (type(value) is not int or value < 1):
        raise OpenAIError(400, "'dimensions' must be a whole number of 1 or more.", param="dimensions")
    return value


def _bad_input(message: str) -> OpenAIError:
    return OpenAIError(400, message, param="input")
