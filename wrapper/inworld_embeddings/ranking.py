"""Ranks vectors by cosine similarity: enough for a demo, a test or a small search."""

from .result import Vectors


def rank(query: Vectors, vectors: Vectors) -> list[tuple[int, float]]:
    """(index, cosine similarity) of each row, most similar first; equal ones keep their order.

    Args:
        query: Shape (dim,).
        vectors: Shape (n, dim). The service's vectors may not be of unit length, so both sides are normalised.
            A row of zeros has similarity 0.
    """
    import numpy as np  # noqa: PLC0415 - loaded when there are vectors

    lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(query)
    scores = (vectors @ query) / np.where(lengths > 0, lengths, 1.0)
    return [(int(index), float(scores[index])) for index in np.argsort(-scores, kind="stable")]
