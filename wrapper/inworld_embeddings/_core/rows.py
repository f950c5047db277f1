"""From float64 numbers to the rows of one float32 array."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ..result import Vectors

    Block = bytes | memoryview

AT_A_TIME = 8192
"""Numbers that are converted in one go: enough to forget what a call into numpy costs, and little enough for a cache."""


def rows_at_a_time(dimension: int) -> int:
    """Rows of this dimension that make a block."""
    return max(1, AT_A_TIME // dimension)


def filled(count: int, dimension: int, blocks: "Iterable[Block]", out: "Vectors | None") -> "Vectors":
    """An array of shape (count, dimension): ``out`` if it has that shape, else a new one.

    Args:
        count: Number of rows.
        dimension: Length of each.
        blocks: Whole rows as float64, in their order, finite.
        out: Where they are to stand.

    Raises:
        FloatingPointError: a number does not fit into float32.
    """
    fits = out is not None and out.shape == (count, dimension)
    vectors = out if out is not None and fits else np.empty((count, dimension), dtype=np.float32)
    at = 0
    with np.errstate(over="raise"):
        for block in blocks:
            numbers = np.frombuffer(block).reshape(-1, dimension)
            vectors[at : at + len(numbers)] = numbers
            at += len(numbers)
    return vectors
