"""What a caller is given for a result: one vector, all of them or an error, or the result as it is."""

from typing import TYPE_CHECKING

from .errors import PartialFailureError
from .result import EmbeddingResult

if TYPE_CHECKING:
    from .result import Vectors


def only_vector(result: EmbeddingResult) -> "Vectors":
    """The one row, shape (dim,), or its error raised."""
    return result[0]


def all_or_raise(result: EmbeddingResult) -> EmbeddingResult:
    """The result, if every text has its vector.

    Raises:
        PartialFailureError: some texts failed.
    """
    if not result.failures:
        return result
    first = result.failures[0]
    raise PartialFailureError(
        f"{len(result.failures)} of {len(result)} texts have no vector; the first is inputs[{first.index}]: "
        f"{type(first.error).__name__}: {first.error} What succeeded is in .result, the rest in .failures.",
        result=result,
        failures=result.failures,
    )


def as_it_is(result: EmbeddingResult) -> EmbeddingResult:
    """The result, whatever failed."""
    return result
