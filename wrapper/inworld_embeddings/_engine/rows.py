"""Turns settled batches into (index, vector) pairs."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import TYPE_CHECKING, TypeAlias

from ..errors import APIError, InworldEmbeddingsError
from ..result import Failure
from .flow import Settled
from .window import Window

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from .._core.batches import Batch
    from ..result import Vectors

Row: TypeAlias = "tuple[int, Vectors | Failure]"


def failure(index: int, error: InworldEmbeddingsError) -> Failure:
    """The failure of one text."""
    return Failure(index, error, retryable=isinstance(error, APIError) and error.retryable)


def rows_of(settled: Settled) -> "Iterator[Row]":
    """A row for each text of a settled batch."""
    if isinstance(settled.outcome, InworldEmbeddingsError):
        error = settled.outcome
        yield from ((index, failure(index, error)) for index in settled.indexes)
    else:
        yield from zip(settled.indexes, settled.outcome, strict=True)


async def stream(
    window: Window, batches: "AsyncIterator[Batch]", *, raises: bool
) -> "AsyncGenerator[list[Row]]":
    """Rows by batch. With ``raises``, the first failure ends it, after all that is in work has been handed on."""
    failed: list[Failure] = []
    async with aclosing(window.run(batches)) as parts:
        async for settled in parts:
            rows = list(rows_of(settled))
            if raises:
                failed += [row for _, row in rows if isinstance(row, Failure)]
                rows = [row for row in rows if not isinstance(row[1], Failure)]
                if failed:
                    window.stop_pulling()
            if rows:
                yield rows
    if failed:
        raise _named(failed)


def _named(failed: list[Failure]) -> InworldEmbeddingsError:
    """The first failure's error, saying where it was and how many there are."""
    first = failed[0]
    more = f", and {len(failed) - 1} more of those in work" if len(failed) > 1 else ""
    first.error.add_note(
        f"inputs[{first.index}] has no vector{more}; the vectors before and beside it were yielded."
    )
    return first.error
