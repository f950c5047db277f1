"""Compares vectors by cosine similarity: enough for a demo, a test or a small search."""

from typing import TYPE_CHECKING, Any

from .errors import InvalidInputError
from .result import EmbeddingResult

if TYPE_CHECKING:
    from numpy.typing import ArrayLike
else:  # for typing.get_type_hints, without loading numpy
    ArrayLike = Any


def similarity(a: "ArrayLike", b: "ArrayLike") -> Any:
    """The cosine similarity of each vector of ``a`` to each of ``b``, as float32.

    The service's vectors may not be of unit length, so both sides are normalised. A vector of zeros has similarity 0, a
    text without a vector NaN.

    Args:
        a: One vector, shape (dim,), or several, shape (n, dim): arrays, lists, or an `EmbeddingResult`.
        b: The same, shape (dim,) or (m, dim).

    Returns:
        A number for two vectors; shape (n,) or (m,) where one side is one vector; else shape (n, m).

    Raises:
        InvalidInputError: two results of different models or engines, which do not live in one space.
        ValueError: another dimension.
    """
    import numpy as np  # noqa: PLC0415 - loaded when there are vectors

    if isinstance(a, EmbeddingResult) and isinstance(b, EmbeddingResult):
        spaces = [f"{one.engine or 'the service'} with {one.model}" for one in (a, b)]
        if spaces[0] != spaces[1]:
            raise InvalidInputError(
                f"Vectors of {spaces[0]} and of {spaces[1]} cannot be compared. Embed all texts with one of them."
            )
    left, right = np.asarray(a, np.float32), np.asarray(b, np.float32)
    lengths = np.multiply.outer(np.linalg.norm(left, axis=-1), np.linalg.norm(right, axis=-1))
    return (left @ right.T) / np.where(lengths == 0, np.float32(1), lengths)


def rank(query: "ArrayLike", vectors: "ArrayLike") -> list[tuple[int, float]]:
    """(index, `similarity`) of each row, most similar first; equal similarities keep their order.

    Of equal vectors they are equal but for the last digit, in which NumPy may round each row another way.

    Args:
        query: Shape (dim,).
        vectors: Shape (n, dim), or an `EmbeddingResult`; its texts without a vector are left out.
    """
    import numpy as np  # noqa: PLC0415 - loaded when there are vectors

    scores = similarity(vectors, query)
    order = np.argsort(-scores, kind="stable")
    return [(int(index), float(scores[index])) for index in order if scores[index] == scores[index]]
