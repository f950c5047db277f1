"""Response bytes to one float32 array, strictly.

The fast decoder reads numbers straight from simdjson's tape into the array; it is used only for bodies whose
shape it cannot misread. Everything else, and everything it refuses, is judged by the strict decoder, so both
accept and reject the same bodies. Values equal ``float32(float64(text))``.

This module is loaded with the engine, before the first request, and numpy with it: where numpy does not work, nothing
has been paid for yet.
"""

import struct
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from ..errors import APIResponseValidationError

if TYPE_CHECKING:
    from ..result import Vectors

    Buffer = bytes | memoryview

_Parser: Any
try:
    from simdjson import Parser as _Parser
except ImportError:  # no wheel for this Python
    _Parser = None


class _Embedding(msgspec.Struct):
    values: list[float]


class _Response(msgspec.Struct):
    embeddings: list[_Embedding]


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
    vectors = _decode_fast(body, count, out) if _Parser is not None and _is_plain(body, count) else None
    if vectors is None:
        vectors = decode_strict(body, count, out)
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
    return _checked_array([embedding.values for embedding in response.embeddings], count, out)


_strict = msgspec.json.Decoder(_Response)


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
    pack = struct.Struct(f"{dimension}d").pack  # faster than numpy over a list of floats
    vectors = _filled(count, dimension, out, lambda row: pack(*rows[row]))
    if not np.isfinite(vectors).all():
        raise APIResponseValidationError("A value does not fit into float32.", content=True)
    return vectors


def _is_plain(body: bytes | bytearray, count: int) -> bool:
    """Whether the body can only be ``{"embeddings":[{"values":[…]}, …]}``, by its brackets and colons.

    simdjson flattens nested arrays and takes the first of two equal keys without a word. With exactly one colon
    and one bracket for each level there is room for neither. Both are rare, so finding them costs next to nothing.
    It also skips a byte order mark, which JSON does not allow.
    """
    if body.startswith(b"\xef"):
        return False
    return _count_up_to(body, b"[", count + 2) == count + 1 == _count_up_to(body, b":", count + 2)


def _count_up_to(body: bytes | bytearray, byte: bytes, limit: int) -> int:
    found, position = 0, body.find(byte)
    while position >= 0 and found < limit:
        found, position = found + 1, body.find(byte, position + 1)
    return found


class _FastDecoder:
    """One simdjson parser behind a lock: cheaper than one for each thread, and reused only after a clean parse."""

    def __init__(self) -> None:
        self._parser: Any = None
        self.renew()

    def renew(self) -> None:
        """Starts anew, as in a forked child: another thread may have held the lock, in the middle of a parse."""
        self._lock = threading.Lock()
        self._parser = None

    def __call__(self, body: bytes | bytearray, count: int, out: "Vectors | None" = None) -> "Vectors | None":
        with self._lock:
            try:
                self._parser = self._parser or _Parser()
                vectors = _read(self._parser.parse(body), count, out)
            except Exception:  # noqa: BLE001 - whatever it is, the strict decoder words it
                self._parser = None  # an object of the failed parse may still be alive: never reuse
                return None
        return vectors if vectors is not None and bool(np.isfinite(vectors).all()) else None


_decode_fast = _FastDecoder()
renew_after_fork = _decode_fast.renew


_AT_A_TIME = 8192
"""Numbers that are converted in one go: enough to forget what a call into numpy costs, and little enough for a cache."""


def _read(document: Any, count: int, out: "Vectors | None") -> "Vectors | None":
    """Rows of a parsed document, or None if it does not hold ``count`` rows of one length."""
    rows = [row["values"] for row in document["embeddings"]]
    if len(rows) != count:
        return None
    dimension = len(rows[0])
    if not dimension or any(len(row) != dimension for row in rows):
        return None
    return _filled(count, dimension, out, lambda row: rows[row].as_buffer(of_type="d"))


def _filled(
    count: int, dimension: int, out: "Vectors | None", numbers: "Callable[[int], Buffer]"
) -> "Vectors":
    """An array with a row for each index, from the float64 numbers that ``numbers`` gives for it."""
    fits = out is not None and out.shape == (count, dimension)
    vectors = out if out is not None and fits else np.empty((count, dimension), dtype=np.float32)
    step = max(1, _AT_A_TIME // dimension)
    with np.errstate(over="ignore"):
        for start in range(0, count, step):
            block = b"".join([numbers(row) for row in range(start, min(start + step, count))])
            vectors[start : start + step] = np.frombuffer(block).reshape(-1, dimension)
    return vectors
