"""Puts the outcomes of batches in their places: the rows of one result, or the (index, vector) pairs of a stream."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, starmap
from typing import TYPE_CHECKING, TypeAlias

from ..errors import InworldEmbeddingsError
from ..models import MODELS
from ..result import EmbeddingResult, Extra, Failure, Failures, failure
from .call import Call

if TYPE_CHECKING:
    from ..result import Vectors

Outcome: TypeAlias = "Vectors | InworldEmbeddingsError"
Row: TypeAlias = "tuple[int, Vectors | Failure]"


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """What became of a batch, or of a part of one: its vectors, or the error of all its texts."""

    indexes: Sequence[int]
    outcome: Outcome = field(repr=False)

    @property
    def error(self) -> InworldEmbeddingsError | None:
        """The error, if that is what became of it."""
        return self.outcome if isinstance(self.outcome, InworldEmbeddingsError) else None

    def runs(self) -> "Iterator[BatchOutcome]":
        """The same, a piece for each run of neighbours."""
        start = 0
        for stop in range(1, len(self.indexes) + 1):
            if stop == len(self.indexes) or self.indexes[stop] != self.indexes[stop - 1] + 1:
                piece = self.outcome if self.error else self.outcome[start:stop]  # type: ignore[index]
                yield BatchOutcome(self.indexes[start:stop], piece)
                start = stop


def in_order(parts: "list[BatchOutcome]") -> "list[BatchOutcome]":
    """What became of the parts of a batch, in the order of its texts: a part may have texts from all over it."""
    return sorted((run for part in parts for run in part.runs()), key=lambda run: run.indexes[0])


class Results:
    """Collects the rows of a call into one float32 array of shape (n, dim).

    ``count`` texts are sent; ``places`` tells for each text of the caller which it is, if some are sent for several.
    """

    def __init__(self, count: int, places: list[int] | None = None) -> None:
        self._count, self._places = count, places
        self._vectors: Vectors | None = None
        self._failed: list[tuple[Sequence[int], InworldEmbeddingsError]] = []

    def add(self, part: BatchOutcome) -> None:
        """Takes what became of one batch."""
        outcome = part.outcome
        if isinstance(outcome, InworldEmbeddingsError):
            self._failed.append((part.indexes, outcome))
        elif len(part.indexes) == self._count:
            self._vectors = outcome  # the only batch: nothing to copy
        else:
            if self._vectors is None:
                self._vectors = _rows(self._count, outcome.shape[1])
            if outcome.base is not self._vectors:  # it was not read into its place
                self._vectors[_place(part.indexes)] = outcome

    def place(self, indexes: Sequence[int]) -> "Vectors | None":
        """The place of some rows in the result, once its shape is known, if they are neighbours.

        It may be written to and left so: what stands there counts only when `add` has taken it.
        """
        if self._vectors is None:
            return None
        place = _place(indexes)
        return self._vectors[place] if isinstance(place, slice) else None

    @property
    def first_error(self) -> InworldEmbeddingsError | None:
        """The error of the first text that has no vector."""
        return min(self._failed, key=lambda part: part[0][0])[1] if self._failed else None

    def finish(self, call: Call, now: float) -> EmbeddingResult:
        """The result of the call."""
        options = call.options
        if self._vectors is None:
            known = MODELS.get(options["model"])
            self._vectors = _rows(self._count, call.dimension or (known.dimension if known else 0))
        failures = Failures(chain.from_iterable(starmap(_runs, self._failed)))
        return EmbeddingResult.of(
            self._vectors,
            failures.of(self._places, self._count) if self._places and failures else failures,
            self._places,
            model=options["model"],
            engine=call.engine,
            stats=call.stats(now),
            extra=self._extra(call.extra) if call.extra else (),
        )

    def _extra(self, by_first: dict[int, Extra]) -> list[Extra]:
        """What the responses held beside the vectors, in the order of the caller's texts."""
        found = [part for _, part in sorted(by_first.items())]
        if self._places is None:
            return found
        first = {number: place for place, number in reversed(list(enumerate(self._places)))}
        return [Extra([first[number] for number in part.indexes], part.fields) for part in found]


def _runs(
    indexes: Sequence[int], error: InworldEmbeddingsError
) -> Iterator[tuple[int, int, InworldEmbeddingsError]]:
    """The runs of neighbours among rising indexes, as `Failures` wants them."""
    start = 0
    for at in range(1, len(indexes) + 1):
        if indexes[-1] - indexes[start] == len(indexes) - 1 - start:  # all that is left
            yield indexes[start], indexes[-1] + 1, error
            return
        if indexes[at] != indexes[at - 1] + 1:
            yield indexes[start], indexes[at - 1] + 1, error
            start = at


def _rows(count: int, dimension: int) -> "Vectors":
    import numpy as np  # noqa: PLC0415 - loaded with the first response

    return np.empty((count, dimension), dtype=np.float32)


def _place(indexes: Sequence[int]) -> slice | list[int]:
    """Where rows go: a slice when they are neighbours, which copies much faster."""
    first, last = indexes[0], indexes[-1]
    return slice(first, last + 1) if last - first + 1 == len(indexes) else list(indexes)


def rows_of(part: BatchOutcome) -> "Iterator[Row]":
    """A row for each text of a batch."""
    if isinstance(part.outcome, InworldEmbeddingsError):
        error = part.outcome
        yield from ((index, failure(index, error)) for index in part.indexes)
    else:
        yield from zip(part.indexes, part.outcome, strict=True)


def first_of(failed: list[Failure]) -> InworldEmbeddingsError:
    """The first failure's error, saying where it was and how many there are."""
    first = failed[0]
    more = f", and {len(failed) - 1} more of those in flight" if len(failed) > 1 else ""
    first.error.add_note(
        f"inputs[{first.index}] has no vector{more}; the vectors before and beside it were yielded."
    )
    return first.error
