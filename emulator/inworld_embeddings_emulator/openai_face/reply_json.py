"""Writes the bodies of answers that went well."""

from base64 import b64encode
from collections.abc import Sequence
from struct import Struct

import msgspec

_encode = msgspec.json.Encoder().encode


def embeddings_body(
    vectors: Sequence[Sequence[float]], texts: Sequence[str], model: str, *, base64: bool
) -> bytes:
    """The list of embeddings, with `tokens` of the texts as usage.

    Args:
        vectors: One for each text, all of one length.
        texts: What was embedded.
        model: The name that was asked for.
        base64: Write each vector as base64 of its little-endian float32 values, not as numbers.
    """
    floats = Struct(f"<{len(vectors[0])}f")
    data = [
        {
            "object": "embedding",
            "index": index,
            "embedding": b64encode(floats.pack(*vector)).decode() if base64 else vector,
        }
        for index, vector in enumerate(vectors)
    ]
    count = sum(map(tokens, texts))
    usage = {"prompt_tokens": count, "total_tokens": count}
    return _encode({"object": "list", "data": data, "model": model, "usage": usage})


def tokens(text: str) -> int:
    """An estimate, not a count: a token for every 4 bytes of UTF-8 or part of them."""
    return -(-len(text.encode()) // 4)


def models_body(names: Sequence[str]) -> bytes:
    """The list of models."""
    return _encode({"object": "list", "data": [_model(name) for name in names]})


def model_body(name: str) -> bytes:
    """One model."""
    return _encode(_model(name))


def _model(name: str) -> dict[str, str | int]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "inworld-embeddings"}
