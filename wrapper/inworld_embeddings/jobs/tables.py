"""A table in memory, of Arrow, pandas or Polars, with its vectors beside it."""

import sys
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np
import pyarrow as pa

from ..client import AsyncEmbeddingClient, EmbeddingClient, _returned
from ..errors import ConfigurationError, InvalidInputError
from .columnar import column_texts, is_text
from .embedding import refusals
from .parts import own_columns
from .rows import Refusal
from .service import Service, async_or_own, or_own

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..result import EmbeddingResult

T = TypeVar("T")
ADDED = ("vector", "error")


def embed_table(table: T, column: str, *, client: EmbeddingClient | None = None) -> T:
    """The same table with a column of vectors, and one that says which rows have none, and why.

    What no text of the table can help, such as an outage or a lost key, is raised, and is no row's failure.

    Args:
        table: A `pyarrow.Table` or `RecordBatch`, a pandas or a Polars `DataFrame`.
        column: Holds the texts.
        client: Sends them. None: an `EmbeddingClient()` of its own.

    Returns:
        A new table of the same kind, the given columns as they were, then ``vector``, a fixed-size list of float32 (in
        pandas an `ArrowDtype`, in Polars an `Array`), and ``error``, a struct of ``code``, ``message``, ``attempts``. As
        in the parts of a job one of the two is null: the vector where the text is missing, is no text, cannot be sent,
        or is refused by the service. Without any text to send, vectors are as long as the model is known to make them.

    Raises:
        ConfigurationError: no such column, or it is no text; there is a column ``vector`` or ``error`` already.
        InvalidInputError: the table is of no such kind.
        PartialFailureError: some texts have no vector by no fault of theirs; what succeeded is in ``result``.
        APIError: that is so of all texts.
    """
    with or_own(client) as own:
        return own._run(lambda: aembed_table(table, column, client=own._for_its_loop()))  # noqa: SLF001 - a part of the same package


async def aembed_table(table: T, column: str, *, client: AsyncEmbeddingClient | None = None) -> T:
    """As `embed_table`, awaited."""
    async with async_or_own(client) as own:
        texts = Service(own).checked(_texts(table, column))
        good = [at for at, text in enumerate(texts) if not isinstance(text, Refusal)]
        result = await own.embed([str(texts[at]) for at in good], on_error="return")
    refused = {at: text for at, text in enumerate(texts) if isinstance(text, Refusal)}
    refused |= {good[at]: why for at, why in _refused(result).items()}
    vectors = result.vectors
    if len(good) < len(texts):
        vectors = np.full((len(texts), result.dimension), np.nan, np.float32)
        vectors[good] = result.vectors
    return _with(table, dict(zip(ADDED, own_columns(vectors, refused), strict=True)))


def _refused(result: "EmbeddingResult") -> dict[int, Refusal]:
    """The texts that the service refused, by their places; any other failure is raised."""
    refused, left = refusals(result)
    if left:
        if len(result.failures) == len(result):
            raise left[0][2]
        _returned(result, "raise", alone=False)
    return refused


def _library(table: Any) -> str:
    if isinstance(table, pa.Table | pa.RecordBatch):
        return "pyarrow"
    library = type(table).__module__.partition(".")[0]
    if library not in ("pandas", "polars") or type(table).__name__ != "DataFrame":
        raise InvalidInputError(
            f"A table must be a pyarrow Table or RecordBatch, or a DataFrame of pandas or Polars, not {type(table).__name__}."
        )
    return library


def _texts(table: Any, column: str) -> "Sequence[Any]":
    library = _library(table)
    names = list(table.column_names if library == "pyarrow" else table.columns)
    if column not in names:
        raise ConfigurationError(f"The table has no column {column!r}, only: {', '.join(map(str, names))}.")
    if taken := [name for name in ADDED if name in names]:
        raise ConfigurationError(f"The table has a column {taken[0]!r} already. Rename or drop it.")
    if library != "pyarrow":
        texts: list[Any] = table[column].to_list()
        return texts
    array = table[column]
    if not (is_text(array.type) or array.type == pa.null()):
        raise ConfigurationError(f"The column {column!r} is {array.type}, not text.")
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    return column_texts(array, lambda at, why: Refusal("InvalidInputError", f"row {at}: {why}"))


def _with(table: T, columns: "dict[str, pa.Array]") -> T:
    """The table with more columns."""
    made: Any = table
    library = _library(table)
    if library == "pandas":
        pd: Any = sys.modules["pandas"]  # it is there if its table is
        of_arrow = {name: pd.arrays.ArrowExtensionArray(array) for name, array in columns.items()}
        made = made.assign(**{name: pd.Series(array, made.index) for name, array in of_arrow.items()})
    elif library == "polars":
        pl: Any = sys.modules["polars"]
        made = made.with_columns(pl.from_arrow(array).alias(name) for name, array in columns.items())
    else:
        for name, array in columns.items():
            made = made.append_column(name, array)
    return cast("T", made)
