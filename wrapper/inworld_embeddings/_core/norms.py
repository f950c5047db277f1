"""Finds vectors that are valid and yet suspicious: all zero, or of an enormous norm (catalogue D07)."""

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from ..result import Vectors

HUGE: Final = 1e6
"""Models give norms of about 1 to 50."""


def zeros(vectors: "Vectors") -> list[int]:
    """The rows that are zero throughout, of an array of shape (n, dim)."""
    candidates = np.flatnonzero(
        vectors[:, 0] == 0
    )  # looking at whole rows would cost as much as reading them
    return [int(row) for row in candidates if not vectors[row].any()]


def huge(vectors: "Vectors") -> int:
    """How many rows have a norm over `HUGE`."""
    most = HUGE / vectors.shape[1] ** 0.5
    if vectors.max() <= most and vectors.min() >= -most:  # then no row can
        return 0
    with np.errstate(over="ignore"):
        return int((np.einsum("ij,ij->i", vectors, vectors) > HUGE**2).sum())
