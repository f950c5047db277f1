"""The batches of a call that knows all its texts, up to the end of the call."""

from collections.abc import Iterator
from typing import Self

from .._core.batches import Batch
from .call import Call


class Supply(Iterator[Batch]):
    """Gives batches as long as the call goes on.

    Attributes:
        begun: How many texts were in the batches it gave.
    """

    def __init__(self, batches: Iterator[Batch], call: Call) -> None:
        self._batches, self._call = batches, call
        self.begun = 0

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Batch:
        if self._call.over() is not None or self._call.is_late():
            raise StopIteration
        batch = next(self._batches)
        self.begun += len(batch)
        return batch
