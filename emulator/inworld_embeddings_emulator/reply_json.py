"""Writes vectors as the response body."""

from collections.abc import Sequence

import msgspec

_encode = msgspec.json.Encoder().encode

VECTOR_START = b'{"values":'
"""How a vector begins in an answer."""


def embeddings_body(vectors: Sequence[Sequence[float]]) -> bytes:
    """``{"embeddings":[{"values":[…]},…]}``, each number in its shortest form, whole ones without a point.

    Raises:
        ValueError: a number is not finite.
    """
    body = _encode({"embeddings": [{"values": vector} for vector in vectors]})
    if b"null" in body:
        raise ValueError("a vector holds a number that is not finite")
    return body.replace(b".0,", b",").replace(b".0]", b"]")
