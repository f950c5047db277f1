"""How many texts the service takes in one request, as far as its refusals tell."""

from typing import Final

PATIENCE: Final = 32
"""Full batches after which twice as many texts are tried. A wrong try costs one request in 33."""


class BatchCap:
    """Falls with each refusal, and rises again by trial: it may have been the length of a text, not their number.

    Attributes:
        most: Most texts in one request; None while nothing was refused.
    """

    __slots__ = ("_full", "most")

    def __init__(self) -> None:
        self.most: int | None = None
        self._full = 0

    def lower(self, most: int) -> None:
        """A larger batch was refused; pieces of this many texts come next."""
        self.most = most if self.most is None else min(self.most, most)
        self._full = 0

    def restore(self, most: int | None) -> None:
        """The refusals since the cap was ``most`` were about one text: it is too large even alone."""
        self.most, self._full = most, 0

    def took(self, texts: int) -> None:
        """A batch of this many texts was answered."""
        if self.most is None or texts < self.most:
            return
        self._full += 1
        if self._full == PATIENCE:
            self.most, self._full = 2 * self.most, 0
