"""Words and their character n-grams, hashed into 512 signed lanes: what finds names, typos and other languages."""

from math import isqrt
from typing import Final
from zlib import crc32

from . import lanes

LANES: Final = 512
LENGTH: Final = 64
"""Euclidean length of one word's lanes, before rounding to integers."""

_SIZES: Final = (3, 4)
_WHOLE_WORD: Final = 2  # how often the word itself counts beside each n-gram
_SPREAD: Final = 0x9E3779B1  # 2^32 / golden ratio: spreads crc32's linear structure over the top bits


def _lane(feature: str) -> tuple[int, int]:
    """The lane, 0 to 511, and the sign of a feature. Lone surrogates are hashed as they are."""
    mixed = crc32(feature.encode("utf-8", "surrogatepass")) * _SPREAD & 0xFFFFFFFF
    return mixed >> 23, 1 if mixed & 0x400000 else -1


def word(text: str) -> int:
    """Packed lanes of one word: its character 3- and 4-grams with marked ends, and the word itself."""
    marked = f"<{text}>"
    values = [0] * LANES
    for size in _SIZES:
        for start in range(len(marked) - size + 1):
            lane, sign = _lane(marked[start : start + size])
            values[lane] += sign
    lane, sign = _lane(f"={text}")
    values[lane] += sign * _WHOLE_WORD
    length = isqrt(sum(value * value for value in values) << 16) or 1  # in 1/256
    return lanes.pack([_divide(value * LENGTH << 8, length) for value in values])


def pair(first: str, second: str) -> int:
    """Packed lanes of two neighbouring words, which make the order of words count. Half as long as a word's."""
    lane, sign = _lane(f"{first} {second}")
    return sign * LENGTH // 2 << (lanes.BITS * lane)


def _divide(number: int, by: int) -> int:
    """The nearest integer to `number / by`, halves away from zero."""
    half = (2 * abs(number) + by) // (2 * by)
    return half if number >= 0 else -half
