"""Whole vectors of integers in one Python integer, 64 bits a lane, so that adding two of them is one operation.

Negative lanes borrow from the lane above; `unpack` gives every lane its sign back. Sums are exact, so their order
does not matter. Lanes must stay within ±2^63.
"""

from functools import cache
from struct import Struct
from typing import Final

BITS: Final = 64
_HALF: Final = 1 << (BITS - 1)


@cache
def _format(count: int) -> Struct:
    return Struct(f"<{count}q")


@cache
def _bias(count: int) -> int:
    return sum(_HALF << (BITS * lane) for lane in range(count))


def pack(values: list[int]) -> int:
    """The integer whose lanes are `values`, the first one lowest."""
    return sum(value << (BITS * lane) for lane, value in enumerate(values) if value)


def pack_bytes(values: bytes) -> int:
    """`pack` of unsigned bytes, quicker."""
    spread = bytearray(len(values) * BITS // 8)
    spread[:: BITS // 8] = values
    return int.from_bytes(spread, "little")


def ones(count: int) -> int:
    """The integer with 1 in each of `count` lanes."""
    return _bias(count) >> (BITS - 1)


def unpack(packed: int, count: int) -> tuple[int, ...]:
    """The `count` lanes of `packed`, signed."""
    # Adding the bias makes every lane unsigned; flipping its top bit again gives two's complement.
    bias = _bias(count)
    return _format(count).unpack(((packed + bias) ^ bias).to_bytes(count * BITS // 8, "little"))
