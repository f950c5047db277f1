"""The log: what is retried and why. Messages of errors are clean of keys and texts, so they may be logged."""

import logging

from ..errors import InworldEmbeddingsError

logger = logging.getLogger(__name__.removesuffix("._engine.log"))  # a vendored copy has its own


def retry(error: InworldEmbeddingsError, wait: float, *, texts: int, attempts: int) -> None:
    """A request will be repeated."""
    logger.info(
        "attempt %d with %d texts failed (%s: %s); next in %.2f s",
        attempts,
        texts,
        type(error).__name__,
        error,
        wait,
    )


def odd_vectors(zeros: int, huge: int) -> None:
    """An answer holds vectors that are hardly what a model makes."""
    logger.warning("an answer holds %d all-zero vectors and %d with a norm over 1e6", zeros, huge)
