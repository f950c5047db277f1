"""Turns vectors into the engine's table: which rows, which weights, which four bits."""

import re
import zlib
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from build_table.distil import Array
from inworld_embeddings_emulator.engines import local

FIRST_TOKEN: Final = 999
"""Id of "!", the first token that is neither special nor unused."""

HEAVY: Final = 90
"""The row longer than this percentage of all weighs 255, and so do the longer ones."""

STEP: Final = 0.5
"""Distance of two codes, in standard deviations of their dimension; 16 codes reach 3.75 of them to both sides."""

_LATIN = re.compile(r"[!-~]+")


def table_rows(vocab: Sequence[str], frequent: Sequence[str]) -> list[str]:
    """The model's tokens in ASCII, for it knows no other script well, and the frequent words that it cuts in pieces."""
    tokens = [token for token in vocab[FIRST_TOKEN:] if _LATIN.fullmatch(token)]
    return list(dict.fromkeys([*tokens, *frequent]))


def weights(vectors: Array) -> NDArray[np.uint8]:
    """1 to 255 for each row, by its length: what has learned to count little is short."""
    lengths = np.linalg.norm(vectors, axis=1)
    weight = np.clip(np.rint(lengths / np.percentile(lengths, HEAVY) * 255), 1, 255)
    return np.asarray(weight, np.uint8)


def quantise(vectors: Array) -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
    """Codes 0 to 15, shape (n, dimension), and the scale of each dimension as the table's file wants them."""
    deviation = np.sqrt((vectors.astype(np.float64) ** 2).mean(axis=0))
    scales = np.rint(deviation / deviation.max() * 0xFFFF)
    unit = deviation.max() / 0xFFFF * STEP
    codes = np.clip(np.floor(vectors / (scales * unit)) + 8, 0, 15)
    return codes.astype(np.uint8), scales.astype(np.uint16)


def body(rows: Sequence[str], vectors: Array) -> bytes:
    """The unpacked file; `inworld_embeddings_emulator.engines.local.Table` describes it."""
    heavy = weights(vectors)
    codes, scales = quantise(np.asarray(vectors / heavy[:, None], np.float32))
    half = codes.shape[1] // 2
    packed = codes[:, :half] | (codes[:, half:] << 4)
    vocab = "\n".join(rows).encode()
    header = local.HEADER.pack(len(rows), len(vocab))
    return header + vocab + heavy.tobytes() + local.SCALES.pack(*scales.tolist()) + packed.tobytes()


def pack(unpacked: bytes) -> bytes:
    """The file. Plain Huffman coding: the codes hold no repetitions, and it unpacks quickest."""
    packer = zlib.compressobj(level=9, strategy=zlib.Z_HUFFMAN_ONLY)
    return packer.compress(unpacked) + packer.flush()
