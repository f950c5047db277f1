"""The built-in engine: 256 dimensions distilled from all-MiniLM-L6-v2, then 512 of hashed words and n-grams.

English is compared by meaning, word by word and so roughly, other languages by shared spelling only. All sums are
integer sums, and the few floating-point steps are products, quotients and square roots, which IEEE 754 rounds in one
way only: so the vectors are the same to the bit on every platform and every Python.
"""

import struct
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from itertools import pairwise
from math import isqrt, sqrt
from typing import Final, Self
from unicodedata import ucd_3_2_0 as ucd

import numpy as np
from numpy.typing import NDArray

from inworld_embeddings.errors import ConfigurationError

NAME: Final = "inworld-local-minilm-ngram-v2"
MEANING: Final = 256
"""Dimensions of the distilled half, which come first."""
SPELLING: Final = 512
"""Dimensions of the hashed half."""
DIMENSION: Final = MEANING + SPELLING

WORD_LENGTH: Final = 64
"""Euclidean length of one word's spelling, before rounding to integers."""

LONGEST_WORD: Final = 100
"""Characters; a longer word has no pieces, as in BERT."""

_HEAVIEST: Final = 255
_TABLE_SHARE: Final = 0.9  # of the squared length, in a text whose words are all in the table
_SPLIT_TRUST: Final = 2  # a word known only in pieces counts 1 / _SPLIT_TRUST as known
_CACHED_WORDS: Final = 2048  # about 3 kB each
_DECIMALS: Final = 1e7


# The table of words and word pieces.

TABLE: Final = files(__name__.rpartition(".")[0]) / "minilm_table.bin"
HEADER: Final = struct.Struct("<II")
SCALES: Final = struct.Struct(f"<{MEANING}H")


@dataclass(frozen=True, slots=True)
class Table:
    """A weight and 256 four-bit values for each frequent word and word piece, distilled from all-MiniLM-L6-v2.

    The file is one zlib stream of: the number of pieces and the size of the vocabulary in bytes (two little-endian
    uint32), the vocabulary (UTF-8, a line for each piece), a weight for each piece (uint8), a scale for each dimension
    (uint16) and 128 bytes for each piece. Byte i of those holds the codes of dimension i (low half) and 128 + i (high
    half). A code c from 0 to 15 stands for (2c - 15) times the scale of its dimension.

    Attributes:
        index: Row of each word or piece; pieces inside a word begin with `##`.
        weights: For each row, 1 (says little, as "the") to 255 (says much).
        scales: For each dimension, what one step is worth, relative to the other dimensions.
        codes: The codes, shape (rows, 128).
    """

    index: dict[str, int]
    weights: bytes
    scales: tuple[int, ...]
    codes: NDArray[np.uint8]

    @classmethod
    def load(cls) -> Self:
        """The table that lies beside this module, also in a zip (about 40 ms).

        Raises:
            ConfigurationError: it is missing or damaged; names it.
        """
        try:
            return cls.parse(zlib.decompress(TABLE.read_bytes()))
        except (OSError, ValueError, struct.error, zlib.error) as error:
            raise ConfigurationError(
                f"The built-in engine cannot read its table {TABLE.name} ({type(error).__name__}): it belongs beside "
                f"{__name__}. Install the package again; a program that was frozen or zipped must carry the file."
            ) from error

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """The table in the unpacked file `body`."""
        count, size = HEADER.unpack_from(body)
        weights = HEADER.size + size
        scales = weights + count
        tokens = body[HEADER.size : weights].decode().split("\n")
        return cls(
            index={token: row for row, token in enumerate(tokens)},
            weights=body[weights:scales],
            scales=SCALES.unpack_from(body, scales),
            codes=np.frombuffer(body, np.uint8, offset=scales + SCALES.size).reshape(count, MEANING // 2),
        )

    def row(self, row: int) -> NDArray[np.int32]:
        """The 256 values of one row, each from -15 to 15, not yet scaled."""
        codes = self.codes[row]
        return np.concatenate((codes & 15, codes >> 4)).astype(np.int32) * 2 - 15


# Text to words, and words to pieces: the rules of BERT's uncased tokenizer, with every character property taken from
# Unicode 3.2, which each Python carries beside its own newer Unicode. So the same text gives the same words on every
# Python; characters younger than Unicode 3.2, emoji for example, are kept as they are, as parts of words.

_CACHED_CHARACTERS: Final = 8192
_PUNCTUATION: Final = frozenset("$+<=>^`|~")  # what BERT counts as such beside Unicode's P*
_INVISIBLE: Final = "\u00ad\u200b"  # soft hyphen and zero-width space: formatting since Unicode 4
_IDEOGRAPHS: Final = (
    (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x2FA1F), (0x30000, 0x323AF)
)  # fmt: skip


def _fold(character: str) -> str:
    """What one character becomes: a space, nothing, itself in lower case without accents, or a word of its own."""
    category = ucd.category(character)
    if character in _INVISIBLE:
        return ""
    if character in "\t\n\r" or category[0] == "Z":
        return " "
    if any(first <= ord(character) <= last for first, last in _IDEOGRAPHS):
        return f" {ucd.normalize('NFD', character)} "
    if category == "Cn":
        return character
    if category[0] == "C":
        return ""
    if category[0] == "P" or character in _PUNCTUATION:
        return f" {character} "
    bare = ucd.normalize("NFD", character.lower())
    return "".join(part for part in bare if ucd.category(part) != "Mn")


class _Folds(dict[int, str]):
    """Code point to `_fold` of it, filled as characters turn up; bounded, so that no text can make it large."""

    def __missing__(self, code_point: int) -> str:
        folded = _fold(chr(code_point))
        if len(self) < _CACHED_CHARACTERS:
            self[code_point] = folded
        return folded


_FOLDS: Final = _Folds()


def words(text: str) -> list[str]:
    """The folded words of `text`; each punctuation mark and each ideograph is a word of its own."""
    return text.translate(_FOLDS).split()


def pieces(word: str, known: Callable[[str], bool]) -> list[str]:
    """The longest known pieces of `word` from left to right, `##` before all but the first; none if one is missing."""
    found: list[str] = []
    start = 0
    while start < len(word) <= LONGEST_WORD:
        prefix = "##" if start else ""
        ends = (end for end in range(len(word), start, -1) if known(prefix + word[start:end]))
        end = next(ends, 0)
        if not end:
            return []
        found.append(prefix + word[start:end])
        start = end
    return found


# Words and their character n-grams, hashed into signed lanes: what finds names, typos and other languages.


def _lane(feature: str) -> tuple[int, int]:
    """The lane, 0 to 511, and the sign of a feature. Lone surrogates are hashed as they are."""
    # 2^32 / golden ratio spreads crc32's linear structure over the top bits.
    mixed = zlib.crc32(feature.encode("utf-8", "surrogatepass")) * 0x9E3779B1 & 0xFFFFFFFF
    return mixed >> 23, 1 if mixed & 0x400000 else -1


def word_spelling(text: str) -> list[int]:
    """The lanes of one word: its character 3- and 4-grams with marked ends, and twice the word itself."""
    marked = f"<{text}>"
    values = [0] * SPELLING
    for size in (3, 4):
        for start in range(len(marked) - size + 1):
            lane, sign = _lane(marked[start : start + size])
            values[lane] += sign
    lane, sign = _lane(f"={text}")
    values[lane] += sign * 2
    length = isqrt(sum(value * value for value in values) << 16) or 1  # in 1/256
    return [_divide(value * WORD_LENGTH << 8, length) for value in values]


def pair_spelling(first: str, second: str) -> tuple[int, int]:
    """The lane of two neighbouring words, which makes the order of words count, and its value: half a word's length."""
    lane, sign = _lane(f"{first} {second}")
    return lane, sign * WORD_LENGTH // 2


def _divide(number: int, by: int) -> int:
    """The nearest integer to `number / by`, halves away from zero."""
    half = (2 * abs(number) + by) // (2 * by)
    return half if number >= 0 else -half


# The engine.


@dataclass(frozen=True, slots=True)
class _Word:
    """One word's part of a text."""

    text: str
    weight: int  # 1 (says little) to 255
    known: int  # how much of the weight the table vouches for
    values: NDArray[np.int32]  # both halves, already times the weights


class LocalEngine:
    """`inworld-local-minilm-ngram-v2`. See the module's docstring; thread-safe."""

    name = NAME
    dimension = DIMENSION
    meaning = "English is matched roughly by meaning, other languages by spelling only"

    def __init__(self, table: Table) -> None:
        self._table = table
        self._scales = list(table.scales)
        self.word: Callable[[str], _Word] = lru_cache(_CACHED_WORDS)(self._make_word)

    def embed(self, texts: Sequence[str]) -> list[list[float]]:
        """Unit vectors of 768 floats, each with at most 7 decimals. A text without words has one too."""
        return [self._embed(text) for text in texts]

    def _embed(self, text: str) -> list[float]:
        found = [self.word(word) for word in words(text)] or [self.word("")]
        total = np.zeros(DIMENSION, np.int64)
        for word in found:
            total += word.values
        values = total.tolist()
        for first, second in pairwise(found):
            lane, value = pair_spelling(first.text, second.text)
            values[MEANING + lane] += value * min(first.weight, second.weight)
        scaled = [value * scale for value, scale in zip(values, self._scales, strict=False)]
        share = _TABLE_SHARE * sum(word.known for word in found) / sum(word.weight for word in found)
        return _join(scaled, values[MEANING:], share) or self._embed("")

    def _make_word(self, text: str) -> _Word:
        rows = [self._table.index[piece] for piece in pieces(text, self._table.index.__contains__)]
        weights = [self._table.weights[row] for row in rows]
        weight = weights[0] if len(rows) == 1 else _HEAVIEST
        values = np.zeros(DIMENSION, np.int32)
        for row, heavy in zip(rows, weights, strict=True):
            values[:MEANING] += self._table.row(row) * heavy
        values[MEANING:] = np.array(word_spelling(text), np.int32) * weight
        known = weight if len(rows) == 1 else weight // _SPLIT_TRUST if rows else 0
        return _Word(text, weight, known, values)


def _join(meaning: Sequence[int], spelling: Sequence[int], share: float) -> list[float]:
    """The two halves as one unit vector in which `meaning` has `share` of the squared length; [] if both are 0."""
    long_meaning, long_spelling = _length(meaning), _length(spelling)
    if not (long_meaning or long_spelling):
        return []
    if not (long_meaning and long_spelling):
        share = 1.0 if long_meaning else 0.0
    by_meaning = sqrt(share) / (long_meaning or 1.0) * _DECIMALS
    by_spelling = sqrt(1.0 - share) / (long_spelling or 1.0) * _DECIMALS
    return [
        *(round(value * by_meaning) / _DECIMALS for value in meaning),
        *(round(value * by_spelling) / _DECIMALS if value else 0.0 for value in spelling),
    ]


def _length(values: Sequence[int]) -> float:
    return sqrt(sum(value * value for value in values))
