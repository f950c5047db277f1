"""Reads the answer of an OpenAI-compatible ``/v1/embeddings``: floats or base64, put in order, all of it checked."""

import binascii
import sys
from array import array
from base64 import b64decode
from collections.abc import Sequence
from math import isfinite

import msgspec

from .errors import EngineError


class _Row(msgspec.Struct):
    embedding: list[float] | str
    index: int | None = None


class _Answer(msgspec.Struct):
    data: list[_Row]


_decode = msgspec.json.Decoder(_Answer).decode


def vectors_of(body: bytes, count: int, dimension: int | None = None) -> list[list[float]]:
    """The vectors in an answer, in the order of the texts.

    Args:
        body: The answer. Embeddings may be lists of numbers or base64 of little-endian float32. Rows are put in
            order by ``index``; where no row has one, their own order counts.
        count: Number of texts that were sent.
        dimension: Length every vector must have; None where only their being equal is asked for.

    Raises:
        EngineError: anything else than one finite vector for each text.
    """
    rows = _in_order(_parsed(body), count)
    vectors = [row.embedding if isinstance(row.embedding, list) else _floats(row.embedding) for row in rows]
    _check(vectors, dimension)
    return vectors


def _parsed(body: bytes) -> list[_Row]:
    try:
        return _decode(body).data
    except msgspec.ValidationError:
        raise EngineError("the backend's answer is not a list of embeddings") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise EngineError("the backend's answer is not JSON") from None


def _in_order(rows: list[_Row], count: int) -> list[_Row]:
    if len(rows) != count:
        raise EngineError(f"the backend answered {count} texts with {len(rows)} embeddings")
    if all(row.index is None for row in rows):
        return rows
    placed = {row.index: row for row in rows}
    if set(placed) != set(range(count)):
        raise EngineError("the indexes in the backend's answer are not those of the texts")
    return [placed[index] for index in range(count)]


def _floats(encoded: str) -> list[float]:
    try:
        raw = b64decode(encoded, validate=True)
        values = array("f", raw)
    except (binascii.Error, ValueError):
        raise EngineError("an embedding in the backend's answer is not base64 of float32 values") from None
    if sys.byteorder == "big":
        values.byteswap()
    return values.tolist()


def _check(vectors: Sequence[Sequence[float]], dimension: int | None) -> None:
    lengths = {len(vector) for vector in vectors}
    if len(lengths) > 1 or 0 in lengths:
        raise EngineError("the backend's embeddings are empty or differ in length")
    if dimension is not None and lengths - {dimension}:
        raise EngineError(f"the backend's embeddings have {lengths.pop()} dimensions, not {dimension}")
    if not all(isfinite(value) for vector in vectors for value in vector):
        raise EngineError("an embedding in the backend's answer holds a number that is not finite")
