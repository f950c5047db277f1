"""Vectors that are a function of the text alone: for comparing with, and for an emulator to answer with."""

from collections.abc import Iterable

from ..emulator.engines.hashed import DIMENSION, HashEngine

FakeEngine = HashEngine
"""Makes the vectors of `fake_vectors`. ``FakeEngine(dimension)`` is an engine for any client or emulator."""


def fake_vectors(texts: Iterable[str], dimension: int = DIMENSION) -> list[list[float]]:
    """What an emulator with a `FakeEngine` answers: a unit vector for each text, in order.

    They are the same on every Python and platform, and have no meaning: similar texts are not near each other.

    Args:
        texts: The texts.
        dimension: Length of each vector.
    """
    return FakeEngine(dimension).embed(list(texts))
