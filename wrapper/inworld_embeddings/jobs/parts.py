"""A job's folder: its part files are the record of what is done, beside its manifest and what is said at the end."""

import base64
import contextlib
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from .._version import __version__
from ..errors import ConfigurationError, JobCorruptError, JobError
from .columnar import rows_of
from .files import is_stored, is_system, readable
from .manifest import MANIFEST, Manifest
from .rows import START, Position, Refusal, as_json
from .storage import LOCK, names, publish, remove, storage_error, storing, sync

if TYPE_CHECKING:
    from ..result import Vectors

SUCCESS: Final = "_SUCCESS"
ERRORS: Final = "_errors.jsonl"
_PART = re.compile(r"part-(\d{9,})\.parquet")


def part_name(number: int) -> str:
    """The name of a part file, from 0."""
    return f"part-{number:09d}.parquet"


def prepare(folder: Path) -> None:
    """Makes the folder, if it is not there.

    Raises:
        JobError: there are files in it, and it is no job's.
        StorageError: it cannot be made.
    """
    if not is_stored(folder):
        with storing(folder):
            if not folder.exists():
                folder.mkdir(parents=True)
                sync(folder.parent)
            if not folder.is_dir():
                raise JobError(f"{folder} is not a folder. Name another one for the job.")
    there = names(folder)
    if MANIFEST not in there and any(not _is_hidden(name) for name in there):
        raise JobError(f"{folder} has files in it and is no job's folder. Name a new or an empty one.")


def _is_hidden(name: str) -> bool:
    return name == LOCK or (name.startswith(".") and name.endswith(".tmp"))


def clean(folder: Path) -> None:
    """Takes away what a killed process left half-written. Only under the lock."""
    remove(folder, [name for name in names(folder) if _is_hidden(name) and name != LOCK])


def _number(name: str) -> int | None:
    """That of a part file, by its name; None if it is none."""
    match = _PART.fullmatch(name)
    return int(match[1]) if match and name == part_name(int(match[1])) else None


def numbers(folder: Path) -> list[int]:
    """The parts that are there, rising. A temporary file is none."""
    found = map(_number, names(folder))
    return sorted(number for number in found if number is not None)


FOREIGN: Final = "no part of this job, and read as one by whoever reads the folder"


def foreign(folder: Path) -> list[str]:
    """What is in a job's folder and not of the job, under names that whoever reads the folder does not pass over."""
    return sorted(name for name in names(folder) if not name.startswith((".", "_")) and _number(name) is None)


RESERVED: Final = ("row", "vector", "error")
"""Columns that every part has."""
BLOCK: Final = 4096
"""Rows that are read at a time."""
_OWN: Final = b"inworld_embeddings"
_ERROR: Final = pa.struct([("code", pa.string()), ("message", pa.string()), ("attempts", pa.int32())])
_VECTOR: Final = "vector.list.element"
ROW_GROUP: Final = 2048
"""Rows. What Parquet's writer needs beside the vectors stays in the processor's cache."""
NULLS_ARE_READ: Final = int(pa.__version__.split(".")[0]) >= 26
"""Whether Arrow reads a null among lists of fixed size, which a refused row has. Before 26 that is an error
(apache/arrow#35692), and vectors are read as lists of any size."""


class Footer(msgspec.Struct, frozen=True):
    """What a part tells of itself, in its Parquet metadata.

    Attributes:
        job: The id of its job.
        part: Its number.
        first: Its first row.
        rows: How many it has.
        refused: How many of them have no vector.
        next: Where the input goes on behind it.
    """

    job: str
    part: int
    first: int
    rows: int
    refused: int
    next: Position

    @classmethod
    def of(cls, path: Path, number: int, job: str, file: "pq.FileMetaData | None" = None) -> "Footer":
        """The one of a part file, which must be that part of that job: later rows are found by what it tells.

        Raises:
            JobCorruptError: it is damaged, or another part's.
            StorageError: it cannot be read.
        """
        with _reading(path):
            metadata = (file or pq.read_metadata(readable(path))).metadata
            told = metadata[_OWN]
            # No checksum of Parquet's covers the footer. But Arrow keeps its schema there, in which it is once more.
            schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(metadata[b"ARROW:schema"])))
            if (schema.metadata or {}).get(_OWN) != told:
                raise ValueError("what it tells of itself is there twice, and differs")
            footer = msgspec.json.decode(told, type=cls)
            if (footer.job, footer.part) != (job, number):
                raise ValueError(f"it is part {footer.part} of the job {footer.job}")
            return footer


def footers(folder: Path, job: str, among: Iterable[int] | None = None) -> Iterator[Footer]:
    """Those of all parts of a folder, or of some, in order.

    Raises:
        JobCorruptError: a part is damaged, or is none of this job.
    """
    for number in numbers(folder) if among is None else among:
        yield Footer.of(folder / part_name(number), number, job)


def start_of(folder: Path, job: str, number: int) -> Position:
    """Where the rows of a part begin: behind the part before it, which must be there.

    Raises:
        JobCorruptError: that is damaged, or is none of this job.
    """
    return next(footers(folder, job, [number - 1])).next if number else START


class Count(NamedTuple):
    """How much there is in some parts."""

    parts: int
    rows: int
    refused: int

    @classmethod
    def of(cls, footers: Iterable[Footer]) -> "Count":
        """The sums of their footers."""
        told = [(footer.rows, footer.refused) for footer in footers]
        return cls(len(told), sum(rows for rows, _ in told), sum(refused for _, refused in told))


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Whatever a damaged file makes of its reader, as `JobCorruptError`, unless it is the system that cannot read it."""
    try:
        yield
    except Exception as error:
        if is_system(error):
            raise storage_error(path, error) from error
        message = f"{path} is damaged ({error}). `job verify` removes it, and the next run makes it again."
        raise JobCorruptError(message, path=str(path)) from error


def schema_of(carried: "pa.Schema", dimension: int) -> "pa.Schema":
    """The columns of a part."""
    row = pa.field("row", pa.int64(), nullable=False)
    return pa.schema([row, *carried, pa.field("vector", _vector(dimension)), pa.field("error", _ERROR)])


def _vector(dimension: int) -> "pa.DataType":
    # The name that Parquet gives to what is in a list: a table that was read is written to the same bytes.
    return pa.list_(pa.field("element", pa.float32()), dimension)


def own_columns(vectors: "Vectors", refused: Mapping[int, Refusal]) -> "tuple[pa.Array, pa.Array]":
    """Vectors and errors: of each row one is null.

    Args:
        vectors: float32 of shape (rows, d); of refused rows they may be anything.
        refused: Those without a vector, by their places.
    """
    rows, dimension = vectors.shape
    mask = np.zeros(rows, dtype=bool)
    mask[list(refused)] = True
    made = pa.FixedSizeListArray.from_arrays(
        pa.array(vectors.reshape(-1)), type=_vector(dimension), mask=pa.array(mask)
    )
    return made, pa.array([refused[at]._asdict() if at in refused else None for at in range(rows)], _ERROR)


def part_table(
    carried: "pa.Table", vectors: "Vectors", refused: Mapping[int, Refusal], footer: Footer
) -> "pa.Table":
    """The rows of a part.

    Args:
        carried: Its carried columns.
        vectors: float32 of shape (rows, d).
        refused: Those without a vector, by their place in the part.
        footer: What it tells of itself.
    """
    rows, dimension = vectors.shape
    schema = schema_of(carried.schema, dimension)
    columns = [
        pa.array(np.arange(footer.first, footer.first + rows, dtype=np.int64)),
        *(column.combine_chunks() for column in carried.columns),
        *own_columns(vectors, refused),
    ]
    return pa.table(columns, schema=schema.with_metadata({_OWN: msgspec.json.encode(footer)}))


def write_part(table: "pa.Table", path: Path) -> None:
    """Writes a part: the same bytes for the same rows under the same Arrow, however the rows came together."""
    with pa.OSFile(os.path.abspath(path), "wb") as file:
        _write(table, file)


def _write(table: "pa.Table", file: "pa.NativeFile") -> None:
    leaves = _leaves(table.schema)
    told = [leaf for leaf in leaves if leaf != _VECTOR]
    pq.write_table(
        table.combine_chunks(),
        file,
        row_group_size=ROW_GROUP,
        # Vectors are nearly noise: zstd makes them 15 % smaller, and writing them takes nearly twice as long.
        compression={leaf: "none" if leaf == _VECTOR else "zstd" for leaf in leaves},  # pyright: ignore[reportArgumentType] - its stub
        use_dictionary=[leaf for leaf in told if leaf.startswith("error.")],  # pyright: ignore[reportArgumentType] - the same
        write_statistics=told,  # pyright: ignore[reportArgumentType] - the same
        write_page_checksum=True,
        # The fastest of those tried: the writer takes a tenth less time than with the defaults.
        data_page_size=1 << 19,
        write_batch_size=1 << 16,
    )


def _leaves(schema: "pa.Schema") -> list[str]:
    """Paths of the columns that Parquet makes of a schema: one for each plain value in a struct or a list."""
    made = pq.read_metadata(_without_rows(schema)).schema
    return [made.column(at).path for at in range(len(made))]


def as_stored(carried: "pa.Schema") -> "pa.Schema":
    """Columns by the types that Parquet gives back, so that a part that was read is written to the same bytes.

    Raises:
        ConfigurationError: there is no such type in Parquet.
    """
    fields: list[pa.Field] = []
    for field in carried:
        try:
            fields += pq.read_schema(_without_rows(pa.schema([field])))
        except (pa.ArrowException, NotImplementedError, ValueError) as error:
            raise ConfigurationError(f"The column {field.name!r} cannot be carried: {error}") from error
    return pa.schema(fields)


def _without_rows(schema: "pa.Schema") -> "pa.BufferReader":
    """A Parquet file of some columns."""
    sink = pa.BufferOutputStream()
    pq.write_table(schema.empty_table(), sink)
    return pa.BufferReader(sink.getvalue())


def read_part(path: Path, columns: "list[str] | None" = None) -> "pa.Table":
    """A part's rows, or some columns of them, with its checksums checked.

    Raises:
        JobCorruptError: it is damaged.
    """
    with _reading(path):
        return _table(partial(readable, path), columns)


def read_blocks(path: Path, columns: list[str]) -> "Iterator[pa.Table]":
    """As `read_part`, some rows at a time."""
    with _reading(path):
        if not NULLS_ARE_READ:
            for batch in _table(partial(readable, path), columns).to_batches(BLOCK):
                yield pa.Table.from_batches([batch])
            return
        with pq.ParquetFile(readable(path), buffer_size=1 << 20, page_checksum_verification=True) as file:
            for batch in file.iter_batches(BLOCK, columns=columns, use_threads=False):
                yield pa.Table.from_batches([batch])


def _table(opened: Callable[[], Any], columns: "list[str] | None" = None) -> "pa.Table":
    """Rows, from a file that may be opened more than once."""
    with pq.ParquetFile(opened(), page_checksum_verification=True) as file:
        schema = file.schema_arrow
        names = schema.names if columns is None else columns
        if NULLS_ARE_READ or "vector" not in names:
            return file.read(columns=columns, use_threads=False)
        others = file.read(columns=[name for name in names if name != "vector"], use_threads=False)
        metadata = _without_schema(file.metadata)
    with pq.ParquetFile(opened(), metadata=metadata, page_checksum_verification=True) as file:
        vectors = file.read(columns=["vector"], use_threads=False)["vector"]
    field = schema.field("vector")
    return others.append_column(field, vectors.cast(field.type)).select(names)


def _without_schema(metadata: "pq.FileMetaData") -> "pq.FileMetaData":
    """A file's metadata under which Arrow does not find the schema that it was written with, and reads lists of any size."""
    sink = pa.BufferOutputStream()
    metadata.write_metadata_file(sink)
    told = sink.getvalue().to_pybytes().replace(b"ARROW:schema", b"-unheeded---")
    return pq.read_metadata(pa.BufferReader(told))


def vectors_of(table: "pa.Table") -> "Vectors":
    """The vectors of a part, float32 of shape (rows, d); those of refused rows are NaN."""
    column = table["vector"].combine_chunks()
    vectors: Vectors = np.array(column.values).reshape(-1, column.type.list_size)[column.offset :][
        : len(column)
    ]
    vectors[np.array(column.is_null())] = np.nan
    return vectors


def damage(path: Path, number: int, manifest: Manifest) -> str | None:
    """What is wrong with a part file, None if nothing is.

    Page checksums see a flipped bit in the data only. So the rows are written again, in memory, and must give the same
    bytes; that holds only under the versions that wrote them.
    """
    with storing(path):
        data = path.read_bytes()
    try:
        with _reading(path):
            table, metadata = _table(partial(pa.BufferReader, data)), pq.read_metadata(pa.BufferReader(data))
            Footer.of(path, number, manifest.job, metadata)
            writer = metadata.created_by
    except JobCorruptError as error:
        return str(error.__cause__)
    if writer == f"parquet-cpp-arrow version {pa.cpp_version}" and manifest.version == (__version__,):
        sink = pa.BufferOutputStream()
        _write(table, sink)
        return None if sink.getvalue().equals(pa.py_buffer(data)) else "its bytes are not those of its rows"
    known = [f"parquet-cpp-arrow version {version}" for version in manifest.pyarrow]
    return None if writer in known else f"it was written by {writer!r}"


def finish(folder: Path, manifest: Manifest, date: str) -> None:
    """Writes `_errors.jsonl`, and `_SUCCESS` last.

    Raises:
        JobCorruptError: a part is damaged.
    """
    there = list(footers(folder, manifest.job))
    rows = refused_rows(folder, there, manifest.id)
    publish(folder, ERRORS, lambda path: _write_lines(path, rows), replace=True)
    told = {"job": manifest.job, **Count.of(there)._asdict(), "finished": date}
    publish(folder, SUCCESS, lambda path: _write_lines(path, [told]), replace=True)


def _write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    with path.open("wb") as file:
        file.writelines(as_json(row) + b"\n" for row in rows)


def refused_rows(
    folder: Path, there: Iterable[Footer], id_column: str | None = None
) -> Iterator[dict[str, Any]]:
    """The refused rows of parts: ``row``, ``code``, ``message``, ``attempts``, and the id column if there is one."""
    columns = ["row", *([id_column] if id_column else []), "error"]
    for footer in there:
        if footer.refused:
            table = read_part(folder / part_name(footer.part), columns)
            for at in np.flatnonzero(table["error"].is_valid()):
                (row,) = rows_of(table.slice(at, 1))  # Arrow cannot filter columns of every type
                error = row.pop("error")
                yield {**row, **error}


def success(folder: Path) -> dict[str, Any] | None:
    """What `_SUCCESS` says, if it is there, speaks of the parts that are, and has `_errors.jsonl` beside it."""
    try:
        told = json.loads((folder / SUCCESS).read_bytes())
    except (OSError, ValueError):
        return None
    there = numbers(folder)
    whole = there == list(range(len(there))) and (folder / ERRORS).exists()
    return told if whole and isinstance(told, dict) and told.get("parts") == len(there) else None
