"""The hedge budget: second requests stay under a small share of all requests."""

from typing import Final

SHARE: Final = 0.05
CAPACITY: Final = 5.0
"""Hedges that may be saved up: a service that has become slow must not meet a burst of them."""


class HedgeBudget:
    """A bucket of hedges, empty at first: each request puts a share of one in, a hedge takes one out."""

    __slots__ = ("_tokens",)

    def __init__(self) -> None:
        self._tokens = 0.0

    @property
    def available(self) -> bool:
        """Whether a hedge is left."""
        return self._tokens >= 1.0 - 1e-9  # twenty times 0.05 is a hair under 1

    def earn(self) -> None:
        """Record a request that was not a hedge."""
        self._tokens = min(CAPACITY, self._tokens + SHARE)

    def spend(self) -> None:
        """Record a hedge; only while one is available."""
        self._tokens -= 1.0
