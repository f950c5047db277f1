"""Similarity: every shape, vectors of no length, texts without a vector, spaces that are not one."""

import numpy as np
import pytest

from inworld_embeddings import EmbeddingResult, InvalidInputError, rank, similarity
from inworld_embeddings.errors import BadRequestError
from inworld_embeddings.result import failure

A, B = np.float32([[3, 4], [0, 0], [-6, -8]]), np.float32([[1, 0], [0, 5]])
COSINES = np.float32([[0.6, 0.8], [0, 0], [-0.6, -0.8]])


@pytest.mark.parametrize("kind", [np.asarray, np.ndarray.tolist, lambda rows: EmbeddingResult(rows, "m")])
def test_similarity_is_the_cosine_of_each_with_each(kind):
    a, b = kind(A), kind(B)
    assert np.allclose(similarity(a, b), COSINES)
    assert np.allclose(similarity(a[0], b), COSINES[0])
    assert np.allclose(similarity(a, b[1]), COSINES[:, 1])
    one = similarity(a[2], b[0])
    assert (np.shape(one), float(one)) == ((), pytest.approx(-0.6))


def test_vectors_of_two_models_or_engines_are_not_compared():
    for other in (EmbeddingResult(B, "n"), EmbeddingResult(B, "m", "local")):
        with pytest.raises(InvalidInputError, match="the service with m and of .* cannot be compared"):
            similarity(EmbeddingResult(A, "m"), other)


def test_rank_leaves_out_texts_without_a_vector_and_keeps_the_order_of_equals():
    rows = np.float32([[0, 1], [2, 0], [np.nan, np.nan], [1, 0]])
    result = EmbeddingResult(rows, "m", failures=[failure(2, BadRequestError("no"))])
    assert rank([1, 0], result) == [(1, 1.0), (3, 1.0), (0, 0.0)]
