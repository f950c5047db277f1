"""The rows of one file, whatever its format: texts and carried columns, from any position on.

A row that cannot be read is a `Refusal` in its place.
"""

import csv
import gzip
import io
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from typing import Any, Final, NamedTuple, Protocol

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import ConfigurationError, InvalidInputError
from .files import MIB, PACKED, is_stored, kind_of, place, readable

LONGEST: Final = 16 * MIB
"""Bytes of a line, or of a CSV record. A longer one is a refused row, and is never held whole."""
SAMPLE: Final = 100
"""Lines of a JSON Lines file that are looked at for its columns."""


class Refusal(NamedTuple):
    """Why a row has no vector.

    Attributes:
        code: Name of an error class.
        message: Without any text of the input.
        attempts: Requests that were sent for it.
    """

    code: str
    message: str
    attempts: int = 0


class Position(NamedTuple):
    """Where the input goes on.

    Attributes:
        file: Which of the files, from 0.
        offset: Bytes of its content before the next row, unpacked; of Parquet and Arrow, rows.
        line: Lines before it; of Parquet and Arrow, rows.
    """

    file: int = 0
    offset: int = 0
    line: int = 0


START: Final = Position()


class Piece(NamedTuple):
    """Some rows, in order.

    Attributes:
        texts: A text or why there is none, for each row.
        carried: Their carried columns.
    """

    texts: "Sequence[str | Refusal]"
    carried: "pa.Table"


class Columns(NamedTuple):
    """Which columns are read.

    Attributes:
        text: Holds the texts; None only for an input without rows.
        carried: Goes into the parts: name and type, in order.
    """

    text: str | None
    carried: "tuple[tuple[str, pa.DataType], ...]"

    @property
    def schema(self) -> "pa.Schema":
        """Of what is carried."""
        return pa.schema(list(self.carried))


class Rows(Protocol):
    """An open file."""

    @property
    def offset(self) -> int: ...
    @property
    def line(self) -> int: ...
    def take(self, count: int) -> Piece: ...
    def share(self) -> float | None: ...
    def close(self) -> None: ...


def opened(path: str, position: Position, columns: Columns) -> Rows:
    """A file's rows from a position on."""
    match kind_of(path):
        case "parquet" | "arrow":
            return _Columnar(path, position, columns)
        case "jsonl":
            return _JsonLines(path, position, columns)
        case "text":
            return _Text(path, position, columns)
    return _Csv(path, position, columns)


def _refused(path: str, line: int, why: str, unit: str = "line") -> Refusal:
    return Refusal("InvalidInputError", f"{os.path.basename(path)}, {unit} {line}: {why}")


def columns_in(path: str) -> "dict[str, Any] | None":
    """The columns of a file; None if it is empty. Those of JSON Lines and CSV are strings."""
    match kind_of(path):
        case "parquet":
            there = pq.read_schema(readable(path))
        case "arrow":
            there = _batches(path)[0]
        case "text":
            return {"text": pa.string()}
        case "jsonl":
            return _json_columns(path)
        case _:
            with closing(_Csv(path, START, Columns(None, ()))) as rows:
                return rows.columns
    return dict(zip(there.names, there.types, strict=True))


def _json_columns(path: str) -> "dict[str, Any] | None":
    """The names in the first lines; those that hold something else than text have no text's type."""
    found: dict[str, Any] = {}
    with closing(_Lines(path, START)) as lines:
        for _ in range(SAMPLE):
            try:
                if (line := lines.next()) is None:
                    break
                row = msgspec.json.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, _TooLongError):
                continue
            for name, value in row.items() if isinstance(row, dict) else ():
                if isinstance(value, str) or found.get(name, pa.null()) == pa.null():
                    found[name] = pa.string() if isinstance(value, str) else pa.null()
    return found or None


def is_text(kind: Any) -> bool:
    """Whether values of a type are texts."""
    kind = plain(kind)
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def plain(kind: Any) -> Any:
    """A dictionary's values: which numbers it gives them depends on where a reader begins."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind


class _Columnar:
    """Parquet or Arrow."""

    def __init__(self, path: str, position: Position, columns: Columns) -> None:
        self._path, self._columns = path, columns
        self.offset = self.line = position.offset
        names = list(dict.fromkeys(name for name in (columns.text, *(n for n, _ in columns.carried)) if name))
        self._all: int | None = None
        if kind_of(path) == "parquet":
            self._all = pq.read_metadata(readable(path)).num_rows
            self._rest: Any = _parquet_batches(path, position.offset, names)
        else:
            _, rest = _batches(path)
            self._rest = _skipped(rest, position.offset)
        self._left: Any = None

    def take(self, count: int) -> Piece:
        while self._left is None or not self._left.num_rows:
            self._left = next(self._rest, None)
            if self._left is None:
                return Piece([], None)
        batch, self._left = self._left.slice(0, count), self._left.slice(count)
        texts = column_texts(batch.column(self._columns.text), self._refused)
        carried = [_cast(batch.column(name), kind) for name, kind in self._columns.carried]
        self.offset = self.line = self.offset + batch.num_rows
        return Piece(texts, pa.table(carried, schema=self._columns.schema) if carried else None)

    def _refused(self, at: int, why: str) -> Refusal:
        return _refused(self._path, self.offset + at, why, "row")

    def share(self) -> float | None:
        return self.offset / self._all if self._all else None

    def close(self) -> None:
        self._rest.close()


def _cast(array: Any, kind: Any) -> Any:
    return array if array.type == kind else array.cast(kind)


def column_texts(array: Any, refused: Callable[[int, str], Refusal]) -> "list[str | Refusal]":
    """The texts of a column, or why there is none, which ``refused`` puts into words for a place."""
    array = _cast(array, plain(array.type))
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


def _parquet_batches(path: str, skip: int, names: Sequence[str]) -> Iterator[Any]:
    with pq.ParquetFile(readable(path), buffer_size=MIB) as file:
        groups = list(range(file.num_row_groups))
        while groups and (rows := file.metadata.row_group(groups[0]).num_rows) <= skip:
            groups.pop(0)
            skip -= rows
        if groups:
            batches = file.iter_batches(
                batch_size=4096, row_groups=groups, columns=list(names), use_threads=False
            )
            yield from _skipped(batches, skip)


def _batches(path: str) -> "tuple[pa.Schema, Iterator[Any]]":
    """The schema and the batches of an Arrow file, or of an Arrow stream in a file."""
    source = pa.PythonFile(readable(path)) if is_stored(path) else pa.memory_map(path)
    try:
        reader = pa.ipc.open_file(source)
    except pa.ArrowInvalid:
        source.seek(0)
        stream = pa.ipc.open_stream(source)
        return stream.schema, iter(stream)
    return reader.schema, map(reader.get_batch, range(reader.num_record_batches))


def _skipped(batches: Iterable[Any], skip: int) -> Iterator[Any]:
    for batch in batches:
        if skip < batch.num_rows:
            yield batch.slice(skip)
        skip = max(0, skip - batch.num_rows)


class _TooLongError(Exception):
    """A line or a record is longer than `LONGEST`."""


class _Lines:
    """The lines of a file, packed or not, and how many bytes and lines of it were taken."""

    def __init__(self, path: str, position: Position) -> None:
        self.offset, self.line = position.offset, position.line
        self._file = _unpacked(path)
        self._back: list[bytes] = []
        start = self._file.read(3)
        if start[:2] in (b"\xff\xfe", b"\xfe\xff"):
            self._file.close()
            raise InvalidInputError(f"{path} is UTF-16. Make it UTF-8, such as by: iconv -f UTF-16 -t UTF-8")
        if self.offset:
            self._file.seek(self.offset)  # of a packed file by unpacking what comes before
        elif start == b"\xef\xbb\xbf":
            self.offset = 3
        else:
            self._file.seek(0)

    def next(self) -> bytes | None:
        """The next line with its end; None after the last.

        Raises:
            _TooLongError: the line was skipped.
        """
        line = self._back.pop() if self._back else self._file.readline(LONGEST + 1)
        if not line:
            return None
        self.line += 1
        self.offset += len(line)
        if len(line) > LONGEST:
            while line and not line.endswith(b"\n"):
                line = self._file.readline(MIB)
                self.offset += len(line)
            raise _TooLongError
        return line

    def put_back(self, lines: Sequence[bytes]) -> None:
        """The last lines that were taken, to be taken once more."""
        self._back += reversed(lines)
        self.line -= len(lines)
        self.offset -= sum(map(len, lines))

    def close(self) -> None:
        self._file.close()


def _unpacked(path: str) -> Any:
    if path.lower().endswith(".gz"):
        return gzip.open(readable(path), "rb")
    if path.lower().endswith(".zst"):
        return _Zstd(path)
    return io.BufferedReader(readable(path), MIB) if is_stored(path) else open(path, "rb", buffering=MIB)


class _Zstd(io.BufferedReader):
    """A zstd file that can be gone forward in."""

    def __init__(self, path: str) -> None:
        self._path = path
        super().__init__(pa.input_stream(readable(path), compression="zstd"), MIB)

    def seek(self, offset: int, _whence: int = 0) -> int:
        self.__init__(self._path)  # type: ignore[misc]
        left = offset
        while left and (block := self.read(min(left, MIB))):
            left -= len(block)
        return offset


TOO_LONG: Final = f"longer than {LONGEST // MIB} MiB"


class _LineRows:
    """Rows of a file made of lines. Carried columns are strings there."""

    def __init__(self, path: str, position: Position, columns: Columns) -> None:
        self._path, self._columns = path, columns
        self._size = max(1, place(path).stat().st_size)
        self._lines = _Lines(path, position)

    @property
    def offset(self) -> int:
        return self._lines.offset

    @property
    def line(self) -> int:
        return self._lines.line

    def take(self, count: int) -> Piece:
        texts: list[str | Refusal] = []
        carried: list[list[str | None]] = [[] for _ in self._columns.carried]
        while len(texts) < count and (row := self._row()) is not None:
            text, values = row
            texts.append(text)
            for column, value in zip(carried, values, strict=True):
                column.append(value)
        if not carried:
            return Piece(texts, None)
        return Piece(
            texts, pa.table([pa.array(c, pa.string()) for c in carried], schema=self._columns.schema)
        )

    def _row(self) -> "tuple[str | Refusal, Sequence[str | None]] | None":
        """The next row: its text and what is carried of it."""
        raise NotImplementedError

    def _no(self, why: str, line: int | None = None) -> "tuple[Refusal, Sequence[str | None]]":
        return _refused(self._path, line or self.line, why), [None] * len(self._columns.carried)

    def share(self) -> float | None:
        packed = self._path.lower().endswith(PACKED)
        return None if packed else self.offset / self._size

    def close(self) -> None:
        self._lines.close()


class _Text(_LineRows):
    """Each line is a row, blank ones too."""

    def _row(self) -> "tuple[str | Refusal, Sequence[str | None]] | None":
        try:
            if (line := self._lines.next()) is None:
                return None
            text = line.removesuffix(b"\n").removesuffix(b"\r").decode()
        except _TooLongError:
            return self._no(TOO_LONG)
        except UnicodeDecodeError as error:
            return self._no(f"not UTF-8 at byte {error.start}")
        return text, [text] * len(self._columns.carried)


class _JsonLines(_LineRows):
    """Each line that is not blank is a row. A carried string is carried as it is, all else as its JSON."""

    def __init__(self, path: str, position: Position, columns: Columns) -> None:
        super().__init__(path, position, columns)
        names = {"text": columns.text, **{f"c{at}": name for at, (name, _) in enumerate(columns.carried)}}
        self._same = [at for at, (name, _) in enumerate(columns.carried) if name == columns.text]
        wanted = [
            (key, Any if key == "text" else msgspec.Raw, None)
            for key, n in names.items()
            if key == "text" or n != columns.text
        ]
        self._fields = [key for key, _, _ in wanted[1:]]
        self._decode = msgspec.json.Decoder(
            msgspec.defstruct("Row", wanted, rename={key: str(names[key]) for key, _, _ in wanted})
        ).decode

    def _row(self) -> "tuple[str | Refusal, Sequence[str | None]] | None":
        try:
            while (line := self._lines.next()) is not None and line.isspace():
                pass
            if line is None:
                return None
            row: Any = self._decode(line)
        except _TooLongError:
            return self._no(TOO_LONG)
        except msgspec.ValidationError:
            return self._no("not a JSON object")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return self._no(f"broken JSON: {error}")
        text = row.text
        values = [_as_string(getattr(row, key)) for key in self._fields]
        for at in self._same:
            values.insert(at, text if isinstance(text, str) else None)
        if isinstance(text, str):
            return text, values
        why = "no text" if text is None else f"the text is a {_JSON_NAMES[type(text)]}"
        return _refused(self._path, self.line, why), values


_JSON_NAMES: Final = {bool: "boolean", int: "number", float: "number", list: "list", dict: "object"}


def _as_string(value: "msgspec.Raw | None") -> str | None:
    """A JSON value as the string that is carried."""
    if value is None or (raw := bytes(value)) == b"null":
        return None
    try:
        return str(msgspec.json.decode(raw)) if raw[:1] == b'"' else raw.decode()
    except (msgspec.DecodeError, UnicodeDecodeError):
        return raw.decode(errors="replace")


class _Csv(_LineRows):
    """CSV or TSV with a header. Blank lines between records are no rows."""

    def __init__(self, path: str, position: Position, columns: Columns) -> None:
        super().__init__(path, START, columns)
        csv.field_size_limit(
            max(csv.field_size_limit(), LONGEST)
        )  # one number for the process; others may need more
        self._record: list[bytes] = []
        self._size = 0
        self._records = csv.reader(self, delimiter="\t" if kind_of(path) == "tsv" else ",", strict=True)
        header = self._header()
        self._width = len(header)
        self.columns = dict.fromkeys(header, pa.string()) if header else None
        self._places = [header.index(name) for name, _ in columns.carried] if header else []
        self._place = header.index(columns.text) if header and columns.text is not None else -1
        if position.offset:
            self._lines.close()
            self._lines = _Lines(path, position)

    def _header(self) -> list[str]:
        names, wrong = [], None
        try:
            names = next((record for record in self._records if record), [])
        except (csv.Error, _TooLongError) as error:
            wrong = f"the header cannot be read: {str(error) or TOO_LONG}"
        wanted = (self._columns.text, *self._columns.schema.names)
        if doubled := [name for name in wanted if name is not None and names.count(name) > 1]:
            wrong = f"there are several columns called {doubled[0]!r}"
        if wrong:
            self.close()
            raise ConfigurationError(f"{self._path}: {wrong}.")
        return names

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        """The next line of the record that is being read."""
        try:
            line = self._lines.next()
        except _TooLongError:
            del self._record[1:]  # what comes before a line that was skipped cannot be read once more
            raise
        if line is None:
            raise StopIteration
        self._record.append(line)
        self._size += len(line)
        if self._size > LONGEST:
            raise _TooLongError
        return line.decode("utf-8", "surrogateescape")

    def _row(self) -> "tuple[str | Refusal, Sequence[str | None]] | None":
        record: list[str] = []
        while not record:
            self._record, self._size = [], 0
            try:
                record = next(self._records)
            except StopIteration:
                return None
            except _TooLongError:
                return self._first_line_alone(TOO_LONG)
            except csv.Error as error:
                return self._first_line_alone(f"broken CSV: {error}")
        line = self.line - len(self._record) + 1
        if len(record) != self._width:
            return self._no(f"the header has {self._width} fields, this record {len(record)}", line)
        text, values = record[self._place], [record[at] for at in self._places]
        if not all(map(str.isascii, (text, *values))):
            values = [value.encode("utf-8", "surrogateescape").decode("utf-8", "replace") for value in values]
            try:
                text.encode()
            except UnicodeEncodeError:
                return _refused(self._path, line, "not UTF-8"), values
        return text, values

    def _first_line_alone(self, why: str) -> "tuple[Refusal, Sequence[str | None]]":
        """Refuses a record's first line; the lines after it, which it may have swallowed, are read once more."""
        self._lines.put_back(self._record[1:])
        return self._no(why)
