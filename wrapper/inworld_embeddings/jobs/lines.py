"""Rows of files made of lines: plain text, JSON Lines, CSV and TSV, packed or not."""

import csv
import gzip
import io
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any, Final, TypeAlias

import msgspec
import pyarrow as pa

from ..errors import ConfigurationError, InvalidInputError
from .files import MIB, is_stored, kind_of, packing, place, readable
from .rows import START, Columns, Piece, Position, Refusal, refused

LONGEST: Final = 16 * MIB
"""Bytes of a line, or of a CSV record. A longer one is a refused row, and is never held whole."""
TOO_LONG: Final = f"longer than {LONGEST // MIB} MiB"
SAMPLE: Final = 100
"""Lines of a JSON Lines file that are looked at for its columns."""
Row: TypeAlias = tuple[str | Refusal, Sequence[str | None]]
"""A text, and what is carried beside it."""


class _TooLongError(Exception):
    """A line or a record is longer than `LONGEST`."""


class _Lines:
    """The lines of a file, and how many bytes and lines of it were taken."""

    def __init__(self, path: str, position: Position) -> None:
        self.offset, self.line = position.offset, position.line
        self._back: list[bytes] = []
        self._file = io.BufferedReader(unpacked(path), MIB)
        start = self._file.peek(3)
        if start.startswith((b"\xff\xfe", b"\xfe\xff")):
            self._file.close()
            raise InvalidInputError(f"{path} is UTF-16. Make it UTF-8, such as by: iconv -f UTF-16 -t UTF-8")
        if not self.offset and start.startswith(b"\xef\xbb\xbf"):
            self.offset = 3
        if packing(path) != "zstd":
            self._file.seek(self.offset)
            return
        left = self.offset
        while left and (block := self._file.read(min(left, MIB))):
            left -= len(block)

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


def unpacked(path: str) -> Any:
    """What is in a file, packed or not."""
    file = readable(path)
    match packing(path):
        case "gzip":
            return gzip.open(file)
        case "zstd":
            return pa.input_stream(file, compression="zstd")
    return file if is_stored(path) else io.FileIO(path)


class _LineRows:
    """Rows of a file made of lines. Carried columns are strings there."""

    def __init__(self, path: str, position: Position, columns: Columns) -> None:
        self._path, self._columns, self._names = path, columns, columns.carried.names
        self._bytes = max(1, place(path).stat().st_size)
        self._lines = _Lines(path, position)

    @property
    def offset(self) -> int:
        return self._lines.offset

    @property
    def line(self) -> int:
        return self._lines.line

    def take(self, count: int) -> Piece:
        texts: list[str | Refusal] = []
        carried: list[list[str | None]] = [[] for _ in self._names]
        while len(texts) < count and (row := self._row()) is not None:
            text, values = row
            texts.append(text)
            for column, value in zip(carried, values, strict=True):
                column.append(value)
        arrays = [pa.array(column, pa.string()) for column in carried]
        return Piece(texts, pa.table(arrays, schema=self._columns.carried))

    def _row(self) -> Row | None:
        """The next row."""
        raise NotImplementedError

    def _no(self, why: str, line: int | None = None) -> Row:
        return refused(self._path, line or self.line, why), [None] * len(self._names)

    def share(self) -> float | None:
        return None if packing(self._path) else self.offset / self._bytes

    def close(self) -> None:
        self._lines.close()


class PlainText(_LineRows):
    """Each line is a row, blank ones too."""

    def _row(self) -> Row | None:
        try:
            if (line := self._lines.next()) is None:
                return None
            text = line.removesuffix(b"\n").removesuffix(b"\r").decode()
        except _TooLongError:
            return self._no(TOO_LONG)
        except UnicodeDecodeError as error:
            return self._no(f"not UTF-8 at byte {error.start}")
        return text, [text] * len(self._names)


_row_of = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_value_of = msgspec.json.Decoder().decode
_JSON_NAMES: Final = {bool: "boolean", int: "number", float: "number", list: "list", dict: "object"}


class JsonLines(_LineRows):
    """Each line that is not blank is a row. A carried string is carried as it is, all else as its JSON."""

    def _row(self) -> Row | None:
        try:
            while (line := self._lines.next()) is not None and line.isspace():
                pass
            if line is None:
                return None
            row = _row_of(line)
            raw = row.get(str(self._columns.text))
            text = None if raw is None else _value_of(raw)
        except _TooLongError:
            return self._no(TOO_LONG)
        except msgspec.ValidationError:
            return self._no("not a JSON object")
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return self._no(f"broken JSON: {error}")
        values = [_carried(row.get(name)) for name in self._names]
        if isinstance(text, str):
            return text, values
        why = "no text" if text is None else f"the text is a {_JSON_NAMES[type(text)]}"
        return refused(self._path, self.line, why), values

    @staticmethod
    def columns_in(path: str) -> "dict[str, pa.DataType] | None":
        """The names in the first lines; those that hold something else than text have no text's type.

        Raises:
            InvalidInputError: there is no name.
        """
        found: dict[str, pa.DataType] = {}
        empty = True
        with closing(_Lines(path, START)) as lines:
            for _ in range(SAMPLE):
                try:
                    if (line := lines.next()) is None:
                        break
                    row = None if line.isspace() else _value_of(line)
                except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, _TooLongError):
                    row = False
                empty = empty and row is None
                for name, value in row.items() if isinstance(row, dict) else ():
                    if isinstance(value, str) or name not in found:
                        found[name] = pa.string() if isinstance(value, str) else pa.null()
        if not (found or empty):
            raise InvalidInputError(
                f"{path}: none of its first {SAMPLE} lines is a JSON object with a name in it, as each row must be. Of an "
                "array, such lines are made by: jq -c '.[]'"
            )
        return found or None


def _carried(value: "msgspec.Raw | None") -> str | None:
    """A JSON value as the string that is carried."""
    if value is None or (raw := bytes(value)) == b"null":
        return None
    try:
        return str(_value_of(raw)) if raw[:1] == b'"' else raw.decode()
    except (msgspec.DecodeError, UnicodeDecodeError):
        return raw.decode(errors="replace")


def _in_words(error: Exception) -> str:
    """What is wrong with a record. Python's own words for one kind of it are about how a program opens a file."""
    told = str(error) or TOO_LONG
    return "a carriage return alone, not before a line feed" if "new-line character" in told else told


class Csv(_LineRows):
    """CSV or TSV with a header. Blank lines between records are no rows."""

    def __init__(self, path: str, position: Position, columns: Columns) -> None:
        super().__init__(path, START, columns)
        csv.field_size_limit(
            max(csv.field_size_limit(), LONGEST)
        )  # one number for the process; others may need more
        self._record: list[bytes] = []
        self._size = 0
        self._records = csv.reader(self, delimiter="\t" if kind_of(path) == "tsv" else ",", strict=True)
        self.header = self._header()
        self._places = [self.header.index(name) for name in self._names] if self.header else []
        self._place = self.header.index(columns.text) if self.header and columns.text is not None else -1
        if position.offset:
            self._lines.close()
            self._lines = _Lines(path, position)

    def _header(self) -> list[str]:
        names, wrong = [], None
        try:
            names = next((record for record in self._records if record), [])
        except (csv.Error, _TooLongError) as error:
            wrong = f"the header cannot be read: {_in_words(error)}"
        wanted = (self._columns.text, *self._names)
        if len(names) == 1 and kind_of(self._path) == "csv" and (others := set(";\t|") & set(names[0])):
            wrong = f"the header is one field, with a {others.pop()!r} in it; fields must be parted by commas"
        if doubled := [name for name in wanted if name is not None and names.count(name) > 1]:
            wrong = f"there are several columns called {doubled[0]!r}"
        if wrong:
            self.close()
            raise ConfigurationError(f"{self._path}: {wrong}.")
        return names

    @classmethod
    def columns_in(cls, path: str) -> "dict[str, pa.DataType] | None":
        """The names in the header."""
        with closing(cls(path, START, Columns(None, pa.schema([])))) as rows:
            return dict.fromkeys(rows.header, pa.string()) or None

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

    def _row(self) -> Row | None:
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
                return self._first_line_alone(f"broken CSV: {_in_words(error)}")
        line = self.line - len(self._record) + 1
        if len(record) != len(self.header):
            return self._no(f"the header has {len(self.header)} fields, this record {len(record)}", line)
        text, values = record[self._place], [record[at] for at in self._places]
        if not all(map(str.isascii, (text, *values))):
            values = [value.encode("utf-8", "surrogateescape").decode("utf-8", "replace") for value in values]
            try:
                text.encode()
            except UnicodeEncodeError:
                return refused(self._path, line, "not UTF-8"), values
        return text, values

    def _first_line_alone(self, why: str) -> Row:
        """Refuses a record's first line; the lines after it, which it may have swallowed, are read once more."""
        self._lines.put_back(self._record[1:])
        return self._no(why)
