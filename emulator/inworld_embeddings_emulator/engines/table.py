"""Reads the table of word pieces distilled from all-MiniLM-L6-v2: a weight and 256 four-bit values for each piece.

The file is one zlib stream of: the number of pieces and the size of the vocabulary in bytes (two little-endian
uint32), the vocabulary (UTF-8, a line for each piece), a weight for each piece (uint8), a scale for each dimension
(uint16) and 128 bytes for each piece. Byte i of those holds the codes of dimension i (low half) and 128 + i (high
half). A code c from 0 to 15 stands for (2c - 15) times the scale of its dimension.
"""

import zlib
from dataclasses import dataclass
from pathlib import Path
from struct import Struct
from typing import Final, Self

from . import lanes

DIMENSION: Final = 256
FILE: Final = Path(__file__).with_name("minilm_table.bin")
HEADER: Final = Struct("<II")
SCALES: Final = Struct(f"<{DIMENSION}H")

_LOW: Final = bytes(2 * (byte & 15) for byte in range(256))
_HIGH: Final = bytes(2 * (byte >> 4) for byte in range(256))
_MIDDLE: Final = 15 * lanes.ones(DIMENSION)


@dataclass(frozen=True, slots=True)
class Table:
    """The distilled table.

    Attributes:
        index: Row of each word piece; pieces inside a word begin with `##`.
        weights: For each row, 1 (as frequent as "the") to 255 (rare).
        scales: For each dimension, what one step of its lane is worth, relative to the other dimensions.
        rows: The codes, `DIMENSION / 2` bytes a row.
    """

    index: dict[str, int]
    weights: bytes
    scales: tuple[int, ...]
    rows: bytes

    @classmethod
    def load(cls) -> Self:
        """The table that lies beside this module."""
        return cls.parse(zlib.decompress(FILE.read_bytes()))

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """The table in the unpacked file `body`."""
        count, size = HEADER.unpack_from(body)
        weights = HEADER.size + size
        scales = weights + count
        rows = scales + SCALES.size
        tokens = body[HEADER.size : weights].decode().split("\n")
        return cls(
            index={token: row for row, token in enumerate(tokens)},
            weights=body[weights:scales],
            scales=SCALES.unpack_from(body, scales),
            rows=body[rows:],
        )

    def row(self, row: int) -> int:
        """Packed lanes of one row, each from -15 to 15, not yet scaled."""
        width = DIMENSION // 2
        codes = self.rows[row * width : (row + 1) * width]
        return lanes.pack_bytes(codes.translate(_LOW) + codes.translate(_HIGH)) - _MIDDLE
