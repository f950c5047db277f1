"""Learns a vector for each row of the table, so that the sum of a text's rows points where the model's vector does.

It begins with the model's vectors of the rows as texts of their own, weighted by rarity and mapped by one matrix that
fits the texts best. Then Adam turns the sums of whole texts towards the model's vectors, by their cosine.
"""

from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float32]
Rows: TypeAlias = NDArray[np.int64]

EPOCHS: Final = 6
BATCH: Final = 256
RATE: Final = 0.001
"""Adam's step at the beginning; it falls to 0 in a straight line."""

HALF_WEIGHT_RANK: Final = 1000
"""Before it learns, the word of this rank weighs half as much as a rare one."""

PIECE_WEIGHT: Final = 0.8
CHARACTER_WEIGHT: Final = 0.25
PUNCTUATION_WEIGHT: Final = 0.004


def first_weights(rows: Sequence[str], frequent: Sequence[str]) -> Array:
    """What each row weighs before it learns: rank / (rank + 1000) for words, because rare words say more."""
    ranks = {word: rank for rank, word in enumerate(frequent, 1)}

    def weight(row: str) -> float:
        if row.startswith("##"):
            return PIECE_WEIGHT
        if row in ranks:
            return ranks[row] / (ranks[row] + HALF_WEIGHT_RANK)
        if not row.isalnum():
            return PUNCTUATION_WEIGHT
        return 1.0 if len(row) > 1 else CHARACTER_WEIGHT

    return np.array([weight(row) for row in rows], np.float32)


def first_vectors(own: Array, weights: Array, texts: Sequence[Rows], wanted: Array) -> Array:
    """The rows' `own` vectors around their mean, weighted, and mapped so that the texts' sums come nearest `wanted`."""
    weighted = (own - own.mean(axis=0)) * weights[:, None]
    sums = unit(np.array([weighted[rows].sum(axis=0) for rows in texts]))
    matrix = np.linalg.solve(sums.T @ sums + np.eye(sums.shape[1], dtype=np.float32), sums.T @ wanted)
    mapped = weighted @ matrix
    length = np.mean([np.linalg.norm(mapped[rows].sum(axis=0)) for rows in texts])
    return np.asarray(mapped / length, np.float32)


def learn(vectors: Array, texts: Sequence[Rows], wanted: Array, epochs: int = EPOCHS) -> Array:
    """`vectors`, turned so that each text's sum points to its row of `wanted`, which are unit vectors."""
    random = np.random.default_rng(0)
    vectors = vectors.copy()
    mean, square = np.zeros_like(vectors), np.zeros_like(vectors)
    batches = len(texts) // BATCH
    for epoch in range(epochs):
        order = random.permutation(len(texts))
        for number in range(batches):
            batch = order[number * BATCH :][:BATCH]
            used, gradient = _gradient(vectors, [texts[text] for text in batch], wanted[batch])
            mean[used] = 0.9 * mean[used] + 0.1 * gradient
            square[used] = 0.99 * square[used] + 0.01 * gradient * gradient
            rate = RATE * (1 - (epoch + number / batches) / epochs)
            vectors[used] -= rate * mean[used] / (np.sqrt(square[used]) + 1e-8)
    return vectors


def _gradient(vectors: Array, texts: Sequence[Rows], wanted: Array) -> tuple[Rows, Array]:
    """The rows that the texts use, and the gradient of the mean of 1 - cosine for each of them."""
    used, position = np.unique(np.concatenate(texts), return_inverse=True)
    counts = np.zeros((len(texts), len(used)), np.float32)
    np.add.at(counts, (np.repeat(np.arange(len(texts)), [len(rows) for rows in texts]), position), 1)
    sums = counts @ vectors[used]
    lengths = np.linalg.norm(sums, axis=1, keepdims=True) + 1e-6
    units = sums / lengths
    slopes = ((wanted * units).sum(axis=1, keepdims=True) * units - wanted) / lengths
    return used, counts.T @ slopes / len(texts)


def principal(vectors: Array, texts: Sequence[Rows], dimension: int) -> Array:
    """`vectors` on the first principal axes of the texts' unit sums; each axis points to its largest component."""
    sums = unit(np.array([vectors[rows].sum(axis=0) for rows in texts])).astype(np.float64)
    _, axes = np.linalg.eigh(sums.T @ sums)
    axes = axes[:, ::-1][:, :dimension]
    largest = axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])]
    return np.asarray(vectors @ (axes * np.sign(largest)), np.float32)


def unit(vectors: Array) -> Array:
    """`vectors`, each of length 1."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)
