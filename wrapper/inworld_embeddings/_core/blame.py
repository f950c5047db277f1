"""Finds out which texts of a refused batch are to blame, with few requests and without losing good ones."""

from collections.abc import Container, Sequence

from .. import errors
from .batches import Batch
from .rpc_details import BadRequest

ENOUGH = 8
"""So many texts refused alone, and none accepted: then it is not the texts."""


def named(error: errors.InworldEmbeddingsError, count: int) -> list[int]:
    """Positions of the texts that the server names. It may name the wrong ones: none is condemned unsent."""
    details: Sequence[object] = error.details if isinstance(error, errors.APIStatusError) else ()
    violations = [v for detail in details if isinstance(detail, BadRequest) for v in detail.field_violations]
    positions = {v.input_index for v in violations if v.input_index is not None}
    return sorted(positions & set(range(count)))


def spread(count: int) -> list[int]:
    """Up to `ENOUGH` positions from all over a batch, both ends first."""
    last = count - 1
    return list(dict.fromkeys([0, last, *(last * step // (ENOUGH - 1) for step in range(1, ENOUGH - 1))]))


def without(batch: Batch, indexes: Container[int]) -> Batch | None:
    """The batch without the texts of some indexes; None if nothing is left."""
    rest = [position for position, index in enumerate(batch.indexes) if index not in indexes]
    return batch.pick(rest) if rest else None


def halves(batch: Batch) -> list[Batch]:
    """The batch in two parts, or as it is if it is one text."""
    return batch.parts((len(batch) + 1) // 2)
