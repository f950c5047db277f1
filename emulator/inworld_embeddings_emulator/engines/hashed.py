"""The `hash` engine: vectors that are a function of the text and mean nothing. For plumbing, not for search."""

import hashlib
from collections.abc import Sequence
from math import sqrt
from struct import unpack
from typing import Final

from inworld_embeddings.errors import ConfigurationError

DIMENSION: Final = 768
_DECIMALS: Final = 1e7


class HashEngine:
    """Unit vectors of any dimension, the same for the same text on every Python and platform; thread-safe.

    They have no meaning: two texts that differ in one letter are as far apart as any two. Tests of what carries
    vectors (counts, order, stores, caches) need no more.

    Args:
        dimension: Length of every vector, 1 or more.

    Raises:
        ConfigurationError: ``dimension`` is not a whole number above 0.
    """

    def __init__(self, dimension: int = DIMENSION) -> None:
        if type(dimension) is not int or dimension < 1:
            raise ConfigurationError("The dimension of the hash engine must be a whole number of 1 or more.")
        self.name: str = f"hash-{dimension}"
        self.dimension: int = dimension

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """One unit vector for each text, its values with at most 7 decimals."""
        return [self._embed(text) for text in texts]

    def _embed(self, text: str) -> list[float]:
        digest = hashlib.shake_256(text.encode("utf-8", "surrogatepass")).digest(2 * self.dimension)
        odd = [2 * value + 1 for value in unpack(f"<{self.dimension}h", digest)]  # no vector is all zeros
        # An integer sum is exact; a sum of floats is not the same in every Python.
        scale = _DECIMALS / sqrt(sum(value * value for value in odd))
        return [round(value * scale) / _DECIMALS for value in odd]
