"""The built-in engine: 256 dimensions distilled from all-MiniLM-L6-v2, then 512 of hashed words and n-grams.

English is compared by meaning, other languages by shared spelling only. All sums are integer sums, and the few
floating-point steps are products, quotients and square roots, which IEEE 754 rounds in one way only: so the vectors
are the same to the bit on every platform and every Python.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import sqrt
from typing import Final, Self

from . import lanes, ngrams, table
from .wordpiece import pieces, words

NAME: Final = "inworld-local-minilm-ngram-v1"
DIMENSION: Final = table.DIMENSION + ngrams.LANES

_HEAVIEST: Final = 255
_TABLE_SHARE: Final = 0.85  # of the squared length, in a text whose words are all in the table
_SPLIT_TRUST: Final = 2  # a word known only in pieces counts 1 / _SPLIT_TRUST as known
_CACHED_WORDS: Final = 2048  # about 7 kB each
_DECIMALS: Final = 1e7


@dataclass(frozen=True, slots=True)
class _Word:
    """One word's part of a text.

    Attributes:
        text: The word.
        weight: 1 (a word as frequent as "the") to 255.
        known: How much of the weight the table vouches for.
        meaning: Packed lanes of the table half, times the weights of the pieces.
        spelling: Packed lanes of the n-gram half, times `weight`.
    """

    text: str
    weight: int
    known: int
    meaning: int
    spelling: int


class LocalEngine:
    """`inworld-local-minilm-ngram-v1`. See the module's docstring; thread-safe."""

    name = NAME
    dimension = DIMENSION

    def __init__(self, source: table.Table) -> None:
        self._table = source
        self._word: Callable[[str], _Word] = lru_cache(_CACHED_WORDS)(self._make_word)

    @classmethod
    def load(cls) -> Self:
        """Reads the table that comes with the package (about 40 ms)."""
        return cls(table.Table.load())

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Unit vectors of 768 floats, each with at most 7 decimals. A text without words has one too."""
        return [self._embed(text) for text in texts]

    def _embed(self, text: str) -> list[float]:
        found = [self._word(word) for word in words(text)] or [self._word("")]
        meaning = lanes.unpack(sum(word.meaning for word in found), table.DIMENSION)
        scaled = [value * scale for value, scale in zip(meaning, self._table.scales, strict=True)]
        spelled = lanes.unpack(_spelling(found), ngrams.LANES)
        share = _TABLE_SHARE * sum(word.known for word in found) / sum(word.weight for word in found)
        return _join(scaled, spelled, share) or self._embed("")

    def _make_word(self, text: str) -> _Word:
        rows = [self._table.index[piece] for piece in pieces(text, self._table.index.__contains__)]
        weights = [self._table.weights[row] for row in rows]
        weight = weights[0] if len(rows) == 1 else _HEAVIEST
        return _Word(
            text=text,
            weight=weight,
            known=weight if len(rows) == 1 else weight // _SPLIT_TRUST if rows else 0,
            meaning=sum(self._table.row(row) * heavy for row, heavy in zip(rows, weights, strict=True)),
            spelling=ngrams.word(text) * weight,
        )


def _spelling(found: Sequence[_Word]) -> int:
    """Packed lanes of the n-gram half: the words, and each two neighbours as the lighter of them weighs."""
    total = sum(word.spelling for word in found)
    for first, second in pairwise(found):
        total += ngrams.pair(first.text, second.text) * min(first.weight, second.weight)
    return total


def _join(meaning: Sequence[int], spelling: Sequence[int], share: float) -> list[float]:
    """The two halves as one unit vector in which `meaning` has `share` of the squared length; [] if both are 0."""
    long_meaning, long_spelling = _length(meaning), _length(spelling)
    if not long_meaning:
        share = 0.0
    if not long_spelling:
        share = 1.0
    if not long_meaning and not long_spelling:
        return []
    by_meaning = sqrt(share) / (long_meaning or 1.0) * _DECIMALS
    by_spelling = sqrt(1.0 - share) / (long_spelling or 1.0) * _DECIMALS
    vector = [round(value * by_meaning) / _DECIMALS for value in meaning]
    vector += [round(value * by_spelling) / _DECIMALS if value else 0.0 for value in spelling]
    return vector


def _length(values: Sequence[int]) -> float:
    return sqrt(sum(value * value for value in values))
