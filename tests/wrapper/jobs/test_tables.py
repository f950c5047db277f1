"""A table in memory gets its vectors beside it, whatever library it is of."""

import asyncio

import numpy as np
import pyarrow as pa
import pytest

from inworld_embeddings import AuthenticationError, ConfigurationError, InvalidInputError, PartialFailureError
from inworld_embeddings.jobs import aembed_table, embed_table
from inworld_embeddings.testing import async_local_client, fake_vectors

from .conftest import DIM

pd, pl = pytest.importorskip("pandas"), pytest.importorskip("polars")

TEXTS = ["a", None, "b", "x" * 500, "c", "bad"]
ARROW = pa.table({"n": range(len(TEXTS)), "t": TEXTS})
TABLES = {
    "table": ARROW,
    "chunks": pa.concat_tables([ARROW[:2], ARROW[2:]]),
    "dictionary": ARROW.set_column(1, "t", ARROW["t"].combine_chunks().dictionary_encode()),
    "batch": ARROW.to_batches()[0],
    "pandas": pd.DataFrame({"n": range(len(TEXTS)), "t": TEXTS}, index=list("uvwxyz")),
    "pandas of Arrow": ARROW.to_pandas(types_mapper=pd.ArrowDtype),
    "polars": pl.DataFrame({"n": range(len(TEXTS)), "t": TEXTS}),
}


def as_arrow(table):
    """The same as an Arrow table."""
    if isinstance(table, pd.DataFrame):
        return pa.Table.from_pandas(table, preserve_index=False)
    return table.to_arrow() if isinstance(table, pl.DataFrame) else pa.table(table)


@pytest.mark.parametrize("kind", TABLES)
def test_each_row_has_its_vector_or_a_reason_and_all_else_is_as_it_was(client, kind):
    table = TABLES[kind]
    made = embed_table(table, "t", client=client(max_batch_bytes=400, faults="poison=bad"))
    assert type(made) is type(table)
    found = as_arrow(made)
    assert found.column_names == ["n", "t", "vector", "error"]
    assert found.select(["n", "t"]).to_pylist() == as_arrow(table).to_pylist()
    assert found.schema.field("vector").type.list_size == DIM
    wanted = dict(zip("abc", np.float32(fake_vectors("abc", DIM)).tolist(), strict=True))
    assert found["vector"].to_pylist() == [wanted.get(text) for text in TEXTS]
    codes = [error and error["code"] for error in found["error"].to_pylist()]
    assert codes == [None, "InvalidInputError", None, "InvalidInputError", None, "BadRequestError"]
    if kind == "pandas":
        assert list(made.index) == list(table.index)


@pytest.mark.parametrize(
    ("table", "column", "error", "says"),
    [
        (ARROW, "x", ConfigurationError, "no column 'x', only: n, t"),
        (ARROW, "n", ConfigurationError, "'n' is int64, not text"),
        (ARROW.append_column("error", ARROW["n"]), "t", ConfigurationError, "'error' already"),
        (pl.LazyFrame({"t": ["a"]}), "t", InvalidInputError, "not LazyFrame"),
        ({"t": ["a"]}, "t", InvalidInputError, "not dict"),
    ],
)
def test_what_cannot_be_embedded_is_told_before_anything_is_sent(client, table, column, error, says):
    made = client()
    with pytest.raises(error, match=says):
        embed_table(table, column, client=made)
    assert not made.log.texts


def test_what_is_no_texts_fault_is_raised_with_what_succeeded(client):
    table = pa.table({"t": [f"line {n}" for n in range(12)]})
    with pytest.raises(AuthenticationError):
        embed_table(table, "t", client=client(faults="status=401"))
    with pytest.raises(PartialFailureError) as caught:
        embed_table(table, "t", client=client(faults="ok, status=401", max_concurrency=1))
    assert len(caught.value.failures) == 8


def test_awaited_it_is_the_same_and_a_table_without_texts_has_the_columns_too():
    async def run(texts):
        async with async_local_client(dimension=768) as client:
            return await aembed_table(pa.table({"t": pa.array(texts, pa.string())}), "t", client=client)

    assert asyncio.run(run(["a"]))["vector"].null_count == 0
    empty = asyncio.run(run([]))
    assert (empty.num_rows, empty.schema.field("vector").type.list_size) == (0, 768)
    assert asyncio.run(run([None]))["error"].to_pylist()[0]["message"] == "row 0: no text"
