"""Response bytes to one float32 array, strictly.

What is valid, and what the error says, is the strict decoder's to tell; the fast one only reads what it can vouch for. Both
accept the same bodies, and values equal ``float32(float64(text))`` bit for bit.

This module is loaded with the engine, before the first request, and numpy with it: where numpy does not work, nothing
has been paid for yet.
"""

import re
import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, Generic, TypeVar

import msgspec
import numpy as np

from ..errors import APIResponseValidationError
from .fast_decoder import FastDecoder
from .rows import filled, rows_at_a_time

if TYPE_CHECKING:
    from ..result import Vectors

Number = TypeVar("Number")


class _Embedding(msgspec.Struct, Generic[Number]):
    values: list[Number]


class _Response(msgspec.Struct, Generic[Number]):
    embeddings: list[_Embedding[Number]]


_strict = msgspec.json.Decoder(_Response[float])
_literal = msgspec.json.Decoder(_Response[msgspec.Raw])
_fast = FastDecoder(lambda body: len(_strict.decode(body).embeddings))
renew_after_fork = _fast.renew


def decode(
    body: bytes | bytearray, count: int, dimension: int | None = None, out: "Vectors | None" = None
) -> "Vectors":
    """The vectors of a 200 body.

    Args:
        body: The JSON text.
        count: Number of texts that were asked for.
        dimension: Length every vector must have, if it is known already.
        out: Where they are to stand, of shape (count, dimension) and C-contiguous; overwritten even if an error is
            raised. Default: a new array.

    Returns:
        float32 array of shape (count, dim), C-contiguous, every number finite; ``out``, if it has that shape.

    Raises:
        APIResponseValidationError: anything else than ``count`` equally long vectors of finite JSON numbers.
    """
    vectors = _fast(body, count, out)
    vectors = decode_strict(body, count, out) if vectors is None else _signed(body, vectors)
    if dimension is not None and vectors.shape[1] != dimension:
        raise APIResponseValidationError(
            f"Vectors have {vectors.shape[1]} dimensions where earlier ones had {dimension}: "
            "the model behind the service seems to have changed.",
            retryable=False,
        )
    return vectors


def decode_strict(body: bytes | bytearray, count: int, out: "Vectors | None" = None) -> "Vectors":
    """As `decode`, through typed JSON: slower, and the judge of what is valid.

    Raises:
        APIResponseValidationError: see `decode`.
    """
    try:
        response = _strict.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        content = isinstance(error, msgspec.ValidationError) or body.lstrip().startswith(b"{")
        raise APIResponseValidationError(
            f"The 200 body is no embeddings answer: {error}", content=content
        ) from None
    return _signed(body, _checked_array([embedding.values for embedding in response.embeddings], count, out))


def _checked_array(rows: list[list[float]], count: int, out: "Vectors | None") -> "Vectors":
    if len(rows) != count:
        raise APIResponseValidationError(f"Asked for {count} vectors, got {len(rows)}.", content=True)
    dimension = len(rows[0])
    for index, row in enumerate(rows):
        if not row or len(row) != dimension:
            raise APIResponseValidationError(
                f"embeddings[{index}] has {len(row)} values where embeddings[0] has {dimension}.",
                content=True,
            )
    try:
        return filled(count, dimension, _packed(rows, dimension), out)
    except FloatingPointError:
        raise APIResponseValidationError("A value does not fit into float32.", content=True) from None


def _packed(rows: list[list[float]], dimension: int) -> Iterator[bytes]:
    pack, step = (
        struct.Struct(f"{dimension}d").pack,
        rows_at_a_time(dimension),
    )  # faster than numpy over a list
    for start in range(0, len(rows), step):
        yield b"".join([pack(*row) for row in rows[start : start + step]])


_NEGATIVE_ZERO = re.compile(rb"-0\s*[,\]]")


def _signed(body: bytes | bytearray, vectors: "Vectors") -> "Vectors":
    """The sign of each ``-0``: an integer to JSON parsers, which lose it, and a float32 that Go's protojson writes so."""
    zero = vectors == 0
    if zero.any() and _NEGATIVE_ZERO.search(body):
        texts = [embedding.values for embedding in _literal.decode(body).embeddings]
        for row, column in np.argwhere(zero):
            if bytes(texts[row][column]).startswith(b"-"):
                vectors[row, column] = -0.0
    return vectors
