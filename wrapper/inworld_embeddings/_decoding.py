"""Response bytes to one float32 array, strictly, and what is odd about it. Pure.

The strict decoder says what is valid, and words what is wrong. The fast one reads only what it can vouch for, and leaves
the rest to the strict one. Both accept the same bodies, and their values equal ``float32(float64(text))`` bit for bit.

This module is loaded with the engine, before the first request, and numpy with it: where numpy does not work, nothing
has been paid for yet.
"""

import re
import struct
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import msgspec
import numpy as np

from .errors import APIResponseValidationError

if TYPE_CHECKING:
    from .result import Vectors

Parser: Any
try:
    from simdjson import Parser
except ImportError:  # no wheel for this Python
    Parser = None

AT_A_TIME: Final = 8192
"""Numbers that are converted in one go: enough to forget what a call into numpy costs, and few enough for a cache."""
HUGE: Final = 1e6
"""A norm beyond this is odd: models give norms of about 1 to 50."""

Number = TypeVar("Number")


class _Embedding(msgspec.Struct, Generic[Number]):
    values: list[Number]


class _Response(msgspec.Struct, Generic[Number]):
    embeddings: list[_Embedding[Number]]


_strict = msgspec.json.Decoder(_Response[float])
_literal = msgspec.json.Decoder(_Response[msgspec.Raw])
_NEGATIVE_ZERO = re.compile(rb"-0\s*[,\]]")


class Decoder:
    """Decodes response bodies, one at a time: every session has one of its own, as its parser is not for two threads.

    Args:
        fast: Whether to try simdjson first, if it is installed.
    """

    def __init__(self, *, fast: bool = True) -> None:
        self._fast = fast and Parser is not None
        self._parser: Any = None

    def decode(
        self, body: bytes | bytearray, count: int, dimension: int | None = None, out: "Vectors | None" = None
    ) -> "Vectors":
        """The vectors of a 200 body.

        Args:
            body: The JSON text.
            count: Number of texts that were asked for, 1 or more.
            dimension: Length every vector must have, if it is known already.
            out: Where they are to stand, C-contiguous; overwritten even if an error is raised. Default, and if its
                shape is not (count, dimension): a new array.

        Returns:
            float32 array of shape (count, dimension), C-contiguous, every number finite.

        Raises:
            APIResponseValidationError: anything else than ``count`` equally long vectors of finite JSON numbers.
        """
        try:
            vectors = self._decode_fast(body, count, out) if self._fast else None
        except Exception:  # noqa: BLE001 - whatever it is, the strict decoder words it
            vectors = None
        if vectors is None:
            vectors = _decode_strict(body, count, out)
        if (vectors == 0).any() and _NEGATIVE_ZERO.search(body):
            _restore_signs(body, vectors)
        if dimension is not None and vectors.shape[1] != dimension:
            raise APIResponseValidationError(
                f"Vectors have {vectors.shape[1]} dimensions where earlier ones had {dimension}: "
                "the model behind the service seems to have changed.",
                retryable=False,
            )
        return vectors

    def _decode_fast(self, body: bytes | bytearray, count: int, out: "Vectors | None") -> "Vectors":
        """As `decode`, through simdjson; any exception means that the strict decoder has to judge the body.

        simdjson flattens nested arrays and takes the first of two equal keys without a word, so it is given nothing but
        lists of numbers, some rows at a time so that text, tape and numbers stay in the cache. The strict decoder
        judges what is left of the body without them.
        """
        # Put back after a clean parse only: an object of a failed one may still be alive, and then simdjson refuses.
        parser, self._parser = self._parser or Parser(), None
        lists, frame = _cut_out_lists(body, count)
        # With exactly one bracket for each list, there is no room for a list that stands elsewhere.
        if frame.count(b"[") != count + 1 or len(_strict.decode(frame).embeddings) != count:
            raise ValueError
        dimension = bytes(lists[0]).count(b",") + 1
        if out is None or out.shape != (count, dimension):
            out = np.empty((count, dimension), dtype=np.float32)
        step = max(1, AT_A_TIME // dimension)
        with np.errstate(over="raise"):
            for at in range(0, count, step):
                rows = parser.parse(b"[%b]" % b",".join(lists[at : at + step]))
                if set(map(len, rows)) != {dimension}:
                    raise ValueError
                out[at : at + step] = np.frombuffer(rows.as_buffer(of_type="d")).reshape(-1, dimension)
                del rows  # the parser refuses to go on while it is alive
        self._parser = parser
        return out


def _cut_out_lists(body: bytes | bytearray, count: int) -> tuple[list[memoryview], bytearray]:
    """The first ``count`` lists inside the outermost one, with their brackets, and the body with each of them empty."""
    view, lists, frame = memoryview(body), [], bytearray()
    done, end = 0, body.find(b"[")
    for _ in range(count):
        start = body.find(b"[", end + 1)
        end = body.find(b"]", start)
        if start < 0 or end < 0:
            raise ValueError
        lists.append(view[start : end + 1])
        frame += view[done : start + 1]
        done = end
    return lists, frame + view[done:]


def _decode_strict(body: bytes | bytearray, count: int, out: "Vectors | None") -> "Vectors":
    """As `Decoder.decode`, through typed JSON: slower, and the judge of what is valid.

    Raises:
        APIResponseValidationError: see `Decoder.decode`.
    """
    try:
        embeddings = _strict.decode(body).embeddings
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        content = isinstance(error, msgspec.ValidationError) or body.lstrip().startswith(b"{")
        message = f"HTTP 200, but the body is no embeddings response: {error}"
        raise APIResponseValidationError(message, content=content) from None
    if len(embeddings) != count:
        raise APIResponseValidationError(
            f"Vectors in the response: {len(embeddings)}; texts in the request: {count}.", content=True
        )
    dimension = len(embeddings[0].values)
    for index, embedding in enumerate(embeddings):
        if not dimension or len(embedding.values) != dimension:
            raise APIResponseValidationError(
                f"embeddings[{index}] has {len(embedding.values)} values where embeddings[0] has {dimension}.",
                content=True,
            )
    if out is None or out.shape != (count, dimension):
        out = np.empty((count, dimension), dtype=np.float32)
    step = max(1, AT_A_TIME // dimension)
    pack = struct.Struct(f"{dimension}d").pack  # faster than numpy over a list
    try:
        with np.errstate(over="raise"):
            for at in range(0, count, step):
                block = b"".join([pack(*embedding.values) for embedding in embeddings[at : at + step]])
                out[at : at + step] = np.frombuffer(block).reshape(-1, dimension)
    except FloatingPointError:
        raise APIResponseValidationError(
            "A number in the response is too large for float32.", content=True
        ) from None
    return out


def _restore_signs(body: bytes | bytearray, vectors: "Vectors") -> None:
    """The sign of each ``-0``: an integer to JSON parsers, which lose it, and a float32 that Go's protojson writes so."""
    texts = [embedding.values for embedding in _literal.decode(body).embeddings]
    for row, column in np.argwhere(vectors == 0):
        if bytes(texts[row][column]).startswith(b"-"):
            vectors[row, column] = -0.0


def extra_fields(body: bytes | bytearray) -> dict[str, Any]:
    """What a valid body holds beside the vectors, as JSON has it.

    ``embeddings`` is there if one of them has a field more, with the further fields of each. What is valid beside the point
    only, such as a number that no double holds, makes all of it be left out.
    """
    try:
        fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        rows = msgspec.json.decode(fields.pop("embeddings"), type=list[dict[str, msgspec.Raw]])
        each = [
            {name: msgspec.json.decode(raw) for name, raw in row.items() if name != "values"} for row in rows
        ]
        extra = {name: msgspec.json.decode(raw) for name, raw in fields.items()}
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return {}
    return extra | ({"embeddings": each} if any(each) else {})


def oddities(vectors: "Vectors") -> tuple[list[int], int]:
    """The rows that are zero throughout, and how many rows have a norm over `HUGE` (catalogue row D07).

    Such vectors are valid and yet suspicious. Takes finite vectors of shape (n, dim).
    """
    with np.errstate(over="ignore"):
        squares = np.einsum("ij,ij->i", vectors, vectors)
    zero, huge = squares == 0, squares > HUGE**2  # the square of a tiny number is 0 too
    if not (zero | huge).any():
        return [], 0
    return [int(row) for row in np.flatnonzero(zero) if not vectors[row].any()], int(huge.sum())
