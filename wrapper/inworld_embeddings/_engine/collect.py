"""Puts settled batches in their places of one result."""

from collections.abc import Sequence
from operator import attrgetter
from typing import TYPE_CHECKING

from ..errors import InworldEmbeddingsError
from ..models import MODELS
from ..options import Options
from ..result import EmbeddingResult
from .call import Call
from .flow import Settled
from .rows import failure

if TYPE_CHECKING:
    from ..result import Vectors


class Collector:
    """Collects the rows of a call into one float32 array of shape (n, dim)."""

    def __init__(self, count: int, options: Options) -> None:
        self._count = count
        self._options = options
        self._vectors: Vectors | None = None
        self._failed: list[tuple[Sequence[int], InworldEmbeddingsError]] = []

    def add(self, settled: Settled) -> None:
        """Takes one settled batch."""
        if isinstance(settled.outcome, InworldEmbeddingsError):
            self._failed.append((settled.indexes, settled.outcome))
        elif len(settled.indexes) == self._count:
            self._vectors = settled.outcome  # the only batch: nothing to copy
        else:
            if self._vectors is None:
                self._vectors = _rows(self._count, settled.outcome.shape[1])
            if settled.outcome.base is not self._vectors:  # it was not read into its place
                self._vectors[_place(settled.indexes)] = settled.outcome

    def room(self, indexes: Sequence[int]) -> "Vectors | None":
        """The place of some rows in the result, once its shape is known, if they are neighbours.

        It may be written to and left so: what stands there counts only when `add` has taken it.
        """
        place = _place(indexes)
        return self._vectors[place] if self._vectors is not None and isinstance(place, slice) else None

    @property
    def first_error(self) -> InworldEmbeddingsError | None:
        """The error of the first text that has no vector."""
        return min(self._failed, key=lambda part: part[0][0])[1] if self._failed else None

    def result(self, call: Call, now: float) -> EmbeddingResult:
        """The result of the call; rows without a vector are NaN."""
        failures = [failure(index, error) for indexes, error in self._failed for index in indexes]
        if self._vectors is None:
            known = MODELS.get(self._options.model)
            self._vectors = _rows(self._count, call.dimension or (known.dimension if known else 0))
        for indexes, _ in self._failed:
            self._vectors[_place(indexes)] = float("nan")
        return EmbeddingResult(
            vectors=self._vectors,
            model=self._options.model,
            engine=call.engine,
            failures=tuple(sorted(failures, key=_index)),
            stats=call.stats(now),
        )


_index = attrgetter("index")


def _rows(count: int, dimension: int) -> "Vectors":
    import numpy as np  # noqa: PLC0415 - loaded with the first answer

    return np.empty((count, dimension), dtype=np.float32)


def _place(indexes: Sequence[int]) -> slice | list[int]:
    """Where rows go: a slice when they are neighbours, which copies much faster."""
    first, last = indexes[0], indexes[-1]
    return slice(first, last + 1) if last - first + 1 == len(indexes) else list(indexes)
