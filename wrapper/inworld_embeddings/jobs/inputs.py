"""The rows of a job's input: texts and carried columns, from any position on, whatever the files are.

A row that cannot be read is a `Refusal` in its place; only a file that cannot be read at all is an error.
"""

import csv
import glob
import gzip
import hashlib
import io
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import ConfigurationError, InputChangedError, InvalidInputError

MIB: Final = 1 << 20
LONGEST: Final = 16 * MIB
"""Bytes of a line, or of a CSV record. A longer one is a refused row, and is never held whole."""
SAMPLE: Final = 100
"""Lines of a JSON Lines file that are looked at for its columns."""

KINDS: Final = {
    **dict.fromkeys((".parquet", ".pq"), "parquet"),
    **dict.fromkeys((".arrow", ".feather", ".ipc"), "arrow"),
    **dict.fromkeys((".jsonl", ".ndjson", ".json"), "jsonl"),
    **dict.fromkeys((".txt", ".text"), "text"),
    ".csv": "csv",
    ".tsv": "tsv",
}
PACKED: Final = (".gz", ".zst")

Sources: TypeAlias = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


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

    texts: "list[str | Refusal]"
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


class _Rows(Protocol):
    """An open file."""

    @property
    def offset(self) -> int: ...
    @property
    def line(self) -> int: ...
    def take(self, count: int) -> Piece: ...
    def share(self) -> float | None: ...
    def close(self) -> None: ...


# Which files.


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file of the input, as it was when the job began.

    Attributes:
        path: Absolute.
        size: Bytes.
        mtime_ns: Time of its last change.
        digests: SHA-256 of each MiB of it, hexadecimal.
    """

    path: str
    size: int
    mtime_ns: int
    digests: tuple[str, ...] = ()

    @classmethod
    def of(cls, path: str) -> "InputFile":
        """The file as it is now, without digests."""
        try:
            state = os.stat(path)
        except OSError as error:
            raise InvalidInputError(f"{path}: {error.strerror}.") from None
        return cls(path, state.st_size, state.st_mtime_ns)

    @property
    def looks(self) -> tuple[str, int, int]:
        """What tells cheaply that it is the same as before."""
        return self.path, self.size, self.mtime_ns

    def digested(self) -> "InputFile":
        """With its digests."""
        found = []
        with open(self.path, "rb", buffering=0) as file:
            while block := file.read(MIB):
                found.append(hashlib.sha256(block).hexdigest())
        return InputFile(*self.looks, tuple(found))

    def check(self) -> None:
        """Raises `InputChangedError` if it is no longer what it was."""
        try:
            now = InputFile.of(self.path)
        except InvalidInputError as error:
            raise InputChangedError(
                f"{error} It was there when this job began.", changed=("input",)
            ) from None
        if now.looks != self.looks:
            check_same([self], [now])


def check_same(then: Sequence[InputFile], now: Sequence[InputFile]) -> None:
    """Compares by content; equal path, size and time are taken for equal content.

    Raises:
        InputChangedError: names the first file that differs.
    """
    if len(then) != len(now):
        raise InputChangedError(
            f"The input was {len(then)} files when this job began, and is {len(now)} now.", changed=("input",)
        )
    for old, new in zip(then, now, strict=True):
        if old.looks == new.looks:
            continue
        if old.size != new.size:
            told = f"{old.size} bytes then, {new.size} now"
        else:
            digests = new.digested().digests
            if digests == old.digests:
                continue
            first = next(
                at for at, pair in enumerate(zip(old.digests, digests, strict=True)) if len(set(pair)) > 1
            )
            told = f"the first difference is in MiB {first}"
        raise InputChangedError(
            f"{new.path} is not what it was when this job began: {told}. Put the old file back, or use another OUT.",
            changed=("input",),
        )


def found_files(source: Sources, without: Path) -> list[str]:
    """The files that a source names, in order: those of a folder or of a glob sorted by name.

    Args:
        source: A path, a glob, a folder, or several of these.
        without: A folder whose files are no input: the job's own.

    Raises:
        InvalidInputError: there is no such file, or none of a known kind.
    """
    given = [source] if isinstance(source, str | os.PathLike) else list(source)
    files: list[str] = []
    for one in (os.fspath(path) for path in given):
        if os.path.isdir(one):
            files += _in_folder(Path(one), without)
        elif os.path.exists(one):
            files.append(os.path.abspath(one))
        elif matches := sorted(glob.glob(one, recursive=True)):
            files += [os.path.abspath(path) for path in matches if os.path.isfile(path)]
        else:
            raise InvalidInputError(f"{one}: No such file.")
    for path in files:
        kind_of(path)
    return files


def _in_folder(folder: Path, without: Path) -> list[str]:
    found = [
        os.path.abspath(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and not any(part.startswith((".", "_")) for part in path.relative_to(folder).parts)
        and without.resolve() not in path.resolve().parents
        and _suffix(path) in KINDS
    ]
    if not found:
        raise InvalidInputError(f"{folder}: no file in it ends with {', '.join(KINDS)}.")
    return found


def _suffix(path: str | Path) -> str:
    suffixes = [part.lower() for part in Path(path).suffixes]
    if suffixes and suffixes[-1] in PACKED:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def kind_of(path: str) -> str:
    """The kind of a file, by its name.

    Raises:
        InvalidInputError: its name ends with nothing that is known, or it is packed twice.
    """
    kind = KINDS.get(_suffix(path))
    packed = path.lower().endswith(PACKED)
    if kind is None or (packed and kind in ("parquet", "arrow")):
        raise InvalidInputError(
            f"{path}: what is in it is told by its name, which must end with {', '.join(KINDS)}; "
            "of the kinds made of lines, also .gz or .zst after that."
        )
    return kind


# Which columns.


def columns_of(
    files: Sequence[str], text: str | None, carried: Sequence[str], reserved: Iterable[str]
) -> Columns:
    """Finds the column of the texts, and the types of what is carried.

    Args:
        files: All files of the input.
        text: Its name; None for the only column of strings.
        carried: Names of columns.
        reserved: Names that a carried column must not have.

    Raises:
        ConfigurationError: a column that is missing, of another type in another file, or no text; several to choose from.
    """
    if taken := sorted(set(carried) & set(reserved)):
        raise ConfigurationError(
            f"The column {taken[0]!r} cannot be carried: every part has one of its own by that name. Rename it in the input."
        )
    types: dict[str, Any] = {}
    for path in files:
        there = _schema(path)
        if there is None:
            continue
        text = text if text is not None else _only_text(path, there)
        for name in dict.fromkeys((text, *carried)):
            kind = _type_in(path, there, name, any_type=name != text)
            if name in carried and types.setdefault(name, kind) != kind:
                raise ConfigurationError(
                    f"{path}: the column {name!r} is {kind}, but {types[name]} in another file."
                )
    return Columns(text, tuple((name, types.get(name, pa.string())) for name in carried))


def _only_text(path: str, there: "dict[str, Any]") -> str:
    names = [name for name, kind in there.items() if _is_text(kind)]
    if len(names) != 1:
        told = f"several columns of text: {', '.join(names)}" if names else "no column of text"
        raise ConfigurationError(f"{path} has {told}. Name the one to embed, with text= or --text.")
    return names[0]


def _type_in(path: str, there: "dict[str, Any]", name: str, *, any_type: bool) -> Any:
    if name not in there:
        raise ConfigurationError(f"{path} has no column {name!r}, only: {', '.join(there)}.")
    if not (any_type or _is_text(there[name]) or there[name] == pa.null()):
        raise ConfigurationError(f"{path}: the column {name!r} is {there[name]}, not text.")
    return _plain(there[name]) if kind_of(path) in ("parquet", "arrow") else pa.string()


def _is_text(kind: Any) -> bool:
    kind = _plain(kind)
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _plain(kind: Any) -> Any:
    """A dictionary's values: which numbers it gives them depends on where a reader begins."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _schema(path: str) -> "dict[str, Any] | None":
    """The columns of a file; None if it is empty. Those of JSON Lines and CSV are strings."""
    kind = kind_of(path)
    with _told(path):
        if kind == "parquet":
            there = pq.read_schema(path)
        elif kind == "arrow":
            there = _batches(path)[0]
        elif kind == "text":
            return {"text": pa.string()}
        elif kind == "jsonl":
            return _json_columns(path)
        else:
            with closing(_Csv(path, Position(), Columns(None, ()))) as rows:
                return rows.columns
    return dict(zip(there.names, there.types, strict=True))


def _json_columns(path: str) -> "dict[str, Any] | None":
    """The names in the first lines; those that hold something else than text have no text's type."""
    found: dict[str, Any] = {}
    with closing(_Lines(path, Position())) as lines:
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


class _told:  # noqa: N801 - a context manager, read like a function
    """Errors of the libraries about a file, as ours."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> None: ...

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, OSError | EOFError | pa.ArrowException):
            raise InvalidInputError(f"{self._path}: {error}") from error


# The rows.


class Reader:
    """The rows of an input from a position on.

    Args:
        files: All files of the input.
        columns: What is read of them.
        position: Where to begin.
    """

    def __init__(self, files: Sequence[str], columns: Columns, position: Position = START) -> None:
        self._files, self._columns, self._at = files, columns, position
        self._open: _Rows | None = None

    @property
    def position(self) -> Position:
        """Where the next row is."""
        if self._open is None:
            return self._at
        return Position(self._at.file, self._open.offset, self._open.line)

    @property
    def file(self) -> int:
        """Which file was read last."""
        return min(self._at.file, len(self._files) - 1)

    @property
    def share(self) -> float | None:
        """How much of the input has been read, from 0 to 1, by the sizes of the files; None if that cannot be told."""
        if self._at.file == len(self._files):
            return 1.0
        within = self._open.share() if self._open is not None else 0.0
        sizes = list(map(os.path.getsize, self._files))
        if within is None or not sum(sizes):
            return None
        return (sum(sizes[: self._at.file]) + within * sizes[self._at.file]) / sum(sizes)

    def take(self, count: int) -> Piece:
        """The next rows; fewer only at the end of the input.

        Raises:
            InvalidInputError: a file that cannot be read on.
        """
        texts: list[str | Refusal] = []
        tables = [self._columns.schema.empty_table()]
        while len(texts) < count and self._at.file < len(self._files):
            path = self._files[self._at.file]
            with _told(path):
                if self._open is None:
                    self._open = opened(path, self._at, self._columns)
                piece = self._open.take(count - len(texts))
            if piece.texts:
                texts += piece.texts
                tables.append(piece.carried)
            else:
                self.close()
                self._at = Position(self._at.file + 1)
        return Piece(texts, pa.concat_tables(tables) if self._columns.carried else _no_columns(len(texts)))

    def close(self) -> None:
        """Closes the open file."""
        if self._open is not None:
            self._at, opened_file = self.position, self._open
            self._open = None
            opened_file.close()


def _no_columns(rows: int) -> "pa.Table":
    return pa.table({"row": pa.nulls(rows)}).select([])


def opened(path: str, position: Position, columns: Columns) -> _Rows:
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


class _Columnar:
    """Parquet or Arrow."""

    def __init__(self, path: str, position: Position, columns: Columns) -> None:
        self._path, self._columns = path, columns
        self.offset = self.line = position.offset
        names = list(dict.fromkeys(name for name in (columns.text, *(n for n, _ in columns.carried)) if name))
        self._all: int | None = None
        if kind_of(path) == "parquet":
            self._all = pq.read_metadata(path).num_rows
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
        texts = self._texts(batch.column(self._columns.text))
        carried = [_cast(batch.column(name), kind) for name, kind in self._columns.carried]
        self.offset = self.line = self.offset + batch.num_rows
        return Piece(texts, pa.table(carried, schema=self._columns.schema) if carried else None)

    def _texts(self, array: Any) -> "list[str | Refusal]":
        array = _cast(array, _plain(array.type))
        try:
            values = array.to_pylist()
        except UnicodeDecodeError:
            values = [_decoded(value) for value in array.cast(pa.large_binary()).to_pylist()]
        if None not in values:
            return values  # type: ignore[no-any-return]
        return [value if value is not None else self._why_not(array, at) for at, value in enumerate(values)]

    def _why_not(self, array: Any, at: int) -> Refusal:
        why = "not UTF-8" if array[at].is_valid else "no text"
        return _refused(self._path, self.offset + at, why, "row")

    def share(self) -> float | None:
        return self.offset / self._all if self._all else None

    def close(self) -> None:
        self._rest.close()


def _cast(array: Any, kind: Any) -> Any:
    return array if array.type == kind else array.cast(kind)


def _decoded(value: bytes | None) -> str | None:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return None


def _parquet_batches(path: str, skip: int, names: Sequence[str]) -> Iterator[Any]:
    with pq.ParquetFile(path, buffer_size=MIB) as file:
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
    source = pa.memory_map(path)
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
            self._skip(self.offset)
        elif start == b"\xef\xbb\xbf":
            self.offset = 3
        else:
            self._file.seek(0)

    def _skip(self, offset: int) -> None:
        """Goes to an offset: of a packed file by unpacking what comes before."""
        self._file.seek(offset)

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
        return gzip.open(path, "rb")
    if path.lower().endswith(".zst"):
        return _Zstd(path)
    return open(path, "rb", buffering=MIB)


class _Zstd(io.BufferedReader):
    """A zstd file that can be gone forward in."""

    def __init__(self, path: str) -> None:
        self._path = path
        super().__init__(pa.input_stream(path, compression="zstd"), MIB)

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
        return None if packed else self.offset / max(1, os.path.getsize(self._path))

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
        super().__init__(path, Position(), columns)
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
            return self._no(f"{len(record)} fields, the header has {self._width}", line)
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
        swallowed = self._record[1:]
        self._lines.put_back(swallowed)
        return self._no(why)
