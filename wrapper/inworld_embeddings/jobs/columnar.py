"""Rows of Parquet and Arrow files, and the texts of an Arrow column."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from .files import MIB, is_stored, kind_of, readable
from .rows import Columns, Piece, Position, Refusal, refused


def is_text(kind: Any) -> bool:
    """Whether values of a type are texts."""
    kind = plain(kind)
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def plain(kind: Any) -> Any:
    """A dictionary's values: which numbers it gives them depends on where a reader begins."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind


class Columnar:
    """Parquet or Arrow."""

    def __init__(self, path: str, position: Position, columns: Columns) -> None:
        self._path, self._columns = path, columns
        self.offset = self.line = position.offset
        self._all: int | None = None
        self._rest: Iterator[Any]
        if kind_of(path) == "parquet":
            self._all = pq.read_metadata(readable(path)).num_rows
            names = list(dict.fromkeys((str(columns.text), *columns.carried.names)))
            self._rest = _parquet_batches(path, position.offset, names)
        else:
            self._rest = _skipped(_arrow_batches(path)[1], position.offset)
        self._left: Any = None
        self._not_utf8: set[str | None] = set()

    def take(self, count: int) -> Piece:
        while self._left is None or not self._left.num_rows:
            self._left = next(self._rest, None)
            if self._left is None:
                return Piece([], self._columns.carried.empty_table())
            names = (self._columns.text, *self._columns.carried.names)
            self._not_utf8 = {name for name in names if not _is_utf8(self._left.column(name))}
        batch, self._left = self._left.slice(0, count), self._left.slice(count)
        texts = column_texts(batch.column(self._columns.text), self._refused)
        carried = [
            _carried(batch.column(field.name), field.type, marked=field.name in self._not_utf8)
            for field in self._columns.carried
        ]
        self.offset = self.line = self.offset + batch.num_rows
        return Piece(texts, pa.table(carried, schema=self._columns.carried))

    def _refused(self, at: int, why: str) -> Refusal:
        return refused(self._path, self.offset + at, why, "row")

    def share(self) -> float | None:
        return self.offset / self._all if self._all else None

    def close(self) -> None:
        self._rest = iter(())


def _carried(array: Any, kind: Any, *, marked: bool) -> Any:
    """A column as it is carried. What is not UTF-8 in it is ``marked``: it becomes U+FFFD, as of files made of lines."""
    array = array.cast(kind)
    return pa.array([_walked(value, _marked) for value in array], kind) if marked else array


def _is_utf8(array: Any) -> bool:
    """Whether all text in a column is UTF-8.

    Raises:
        pa.ArrowInvalid: it is damaged in another way, and Arrow would read, or crash, beyond its end.
    """
    try:
        array.validate(full=True)
    except pa.ArrowInvalid as error:
        if "UTF8" not in str(error):
            raise
        return False
    return True


def _walked(value: Any, plain: Callable[[Any], Any]) -> Any:
    """An Arrow value, with what ``plain`` makes of each number, string or time in it."""
    if not value.is_valid:
        return None
    if isinstance(value, pa.StructScalar):
        return {name: _walked(value[name], plain) for name in value}
    if isinstance(value, pa.MapScalar):
        return [(_walked(one["key"], plain), _walked(one["value"], plain)) for one in value.values]
    if isinstance(value, pa.ListScalar):
        return [_walked(one, plain) for one in value.values]
    return plain(value)


def _marked(value: Any) -> Any:
    return value.as_buffer().to_pybytes().decode(errors="replace") if is_text(value.type) else value


def rows_of(table: "pa.Table | pa.RecordBatch") -> list[dict[str, Any]]:
    """The rows of a table. Times that Python has not, such as those of nanoseconds, are strings."""
    try:
        return table.to_pylist()  # type: ignore[no-any-return]
    except (KeyError, OverflowError, ValueError):
        columns = [[_walked(value, _told) for value in column] for column in table.itercolumns()]
        return [dict(zip(table.schema.names, row, strict=True)) for row in zip(*columns, strict=True)]


def _told(value: Any) -> Any:
    try:
        return value.as_py()
    except (KeyError, OverflowError, ValueError):
        if pa.types.is_timestamp(value.type) and value.type.tz:  # a zone that is not known here
            value = value.cast(pa.timestamp(value.type.unit, "UTC"))
        return value.cast(pa.string()).as_py()


def column_texts(array: Any, refused: Callable[[int, str], Refusal]) -> "list[str | Refusal]":
    """The texts of a column, or why there is none, which ``refused`` puts into words for a place."""
    try:
        values = array.to_pylist()
    except UnicodeDecodeError:
        values = [_decoded(value) for value in array.cast(pa.large_binary()).to_pylist()]
    if None not in values:
        return values  # type: ignore[no-any-return]
    whys = {True: "not UTF-8", False: "no text"}
    return [
        refused(at, whys[array[at].is_valid]) if value is None else value for at, value in enumerate(values)
    ]


def _decoded(value: bytes | None) -> str | None:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return None


def _parquet_batches(path: str, skip: int, names: list[str]) -> Iterator[Any]:
    with pq.ParquetFile(readable(path), buffer_size=MIB) as file:
        groups = list(range(file.num_row_groups))
        while groups and (rows := file.metadata.row_group(groups[0]).num_rows) <= skip:
            groups.pop(0)
            skip -= rows
        if groups:
            batches = file.iter_batches(4096, row_groups=groups, columns=names, use_threads=False)
            yield from _skipped(batches, skip)


def schema_of(path: str) -> "pa.Schema":
    """The columns of a file."""
    return pq.read_schema(readable(path)) if kind_of(path) == "parquet" else _arrow_batches(path)[0]


def _arrow_batches(path: str) -> "tuple[pa.Schema, Iterator[Any]]":
    """The schema and the batches of an Arrow file, or of an Arrow stream in a file."""
    source = pa.PythonFile(readable(path)) if is_stored(path) else pa.memory_map(path)
    try:
        reader = pa.ipc.open_file(source)
    except pa.ArrowInvalid:
        source.seek(0)
        try:
            stream = pa.ipc.open_stream(source)
        except pa.ArrowInvalid as error:
            raise pa.ArrowInvalid(
                f"It is no Arrow file, or was cut short. Feather's first version is not read. ({error})"
            ) from None
        return stream.schema, iter(stream)
    return reader.schema, map(reader.get_batch, range(reader.num_record_batches))


def _skipped(batches: Iterable[Any], skip: int) -> Iterator[Any]:
    for batch in batches:
        if skip < batch.num_rows:
            yield batch.slice(skip)
        skip = max(0, skip - batch.num_rows)
