"""Turns MiniLM's vectors of single tokens into the engine's table: which tokens, which axes, which four bits."""

import re
import zlib
from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from inworld_embeddings_emulator.engines import local

Array: TypeAlias = NDArray[np.float64]

FIRST_TOKEN: Final = 999
"""Id of "!", the first token that is neither special nor unused."""

FIRST_WORD: Final = 1996
"""Id of "the"; before it come the single characters, from it on the more frequent word comes first."""

CHARACTER_WEIGHT: Final = 64
"""Of a single letter or digit. Punctuation weighs 1."""

LIGHT: Final = frozenset("aist")
"""Letters that are words, or come of "it's" and "don't": they weigh 1 too."""

HALF_WEIGHT_RANK: Final = 1000
"""The word of this rank weighs half of the heaviest. 1e-4 / (1e-4 + p) with Zipf's p gives about the same curve."""

STEP: Final = 0.5
"""Distance of two codes, in standard deviations of their dimension; 16 codes reach 3.75 of them to both sides."""

_LATIN = re.compile(r"[!-~]+")


def wanted(vocab: Sequence[str]) -> list[int]:
    """Ids of the tokens the table holds: those in ASCII. The model knows no other script well."""
    return [i for i, token in enumerate(vocab) if i >= FIRST_TOKEN and _LATIN.fullmatch(token)]


def weight(i: int, token: str) -> int:
    """1 to 255: rank / (rank + 1000) for words, because rare words say more."""
    if i < FIRST_WORD:
        return CHARACTER_WEIGHT if token.isalnum() and token not in LIGHT else 1
    rank = i - FIRST_WORD + 1
    return max(1, 255 * rank // (rank + HALF_WEIGHT_RANK))


def principal(vectors: Array, dimension: int) -> Array:
    """`vectors` around their mean, on their first principal axes; each axis points to its largest component."""
    centred = vectors - vectors.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    axes = axes[:, ::-1][:, :dimension]
    largest = axes[np.abs(axes).argmax(axis=0), np.arange(dimension)]
    return np.asarray(centred @ (axes * np.sign(largest)))


def quantise(vectors: Array) -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
    """Codes 0 to 15, shape (n, dimension), and the scale of each dimension as the table's file wants them."""
    deviation = np.sqrt((vectors * vectors).mean(axis=0))
    scales = np.rint(deviation / deviation.max() * 0xFFFF)
    unit = deviation.max() / 0xFFFF * STEP
    codes = np.clip(np.floor(vectors / (scales * unit)) + 8, 0, 15)
    return codes.astype(np.uint8), scales.astype(np.uint16)


def body(tokens: Sequence[str], heavy: bytes, vectors: Array) -> bytes:
    """The unpacked file; `inworld_embeddings_emulator.engines.local.Table` describes it."""
    codes, scales = quantise(vectors)
    half = codes.shape[1] // 2
    rows = codes[:, :half] | (codes[:, half:] << 4)
    vocab = "\n".join(tokens).encode()
    header = local.HEADER.pack(len(tokens), len(vocab))
    return header + vocab + heavy + local.SCALES.pack(*scales.tolist()) + rows.tobytes()


def pack(unpacked: bytes) -> bytes:
    """The file. Plain Huffman coding: the codes hold no repetitions, and it unpacks quickest."""
    packer = zlib.compressobj(level=9, strategy=zlib.Z_HUFFMAN_ONLY)
    return packer.compress(unpacked) + packer.flush()
