"""Odd vectors are found, and no others."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from inworld_embeddings._core import norms

_WRITTEN = [0.0, -0.0, 1.0, -3.5, 1e-30, 4.9e5, -5e5, 9.9e5, -9e5, 1.1e6, 1e30, -3e38]
NUMBERS = st.sampled_from([float(np.float32(number)) for number in _WRITTEN])


@given(arrays(np.float32, st.tuples(st.integers(1, 4), st.integers(1, 9)), elements=NUMBERS))
def test_they_are_those_of_a_plain_calculation(vectors):
    exact = np.linalg.norm(vectors.astype(np.float64), axis=1)
    assert norms.zeros(vectors) == [row for row in range(len(vectors)) if not vectors[row].any()]
    assert norms.huge(vectors) == int((exact > norms.HUGE).sum())


@pytest.mark.parametrize("dimension", [1, 4, 768])
def test_just_below_and_just_above(dimension):
    vectors = np.full((2, dimension), norms.HUGE / dimension**0.5, dtype=np.float32)
    vectors[0] *= 0.999
    vectors[1] *= 1.001
    assert norms.huge(vectors) == norms.huge(-vectors) == 1
