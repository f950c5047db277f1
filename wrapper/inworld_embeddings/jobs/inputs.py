"""A job's input: which of its columns are read, and its rows from any position on, over all of its files."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..errors import ConfigurationError, InvalidInputError
from .columnar import Columnar, is_text, plain, schema_of
from .files import Stopped, blocks, is_system, kind_of, packing, place, readable
from .lines import SAMPLE, Csv, JsonLines, PlainText, unpacked
from .rows import START, Columns, Piece, Position, Refusal, Rows


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
        with _told(path):
            there = _columns_in(path)
        if there is None:
            continue
        text = text if text is not None else _only_text(path, there)
        for name in dict.fromkeys((text, *carried)):
            kind = _type_in(path, there, name, any_type=name != text)
            if name in carried and types.setdefault(name, kind) != kind:
                raise ConfigurationError(
                    f"{path}: the column {name!r} is {kind}, but {types[name]} in another file."
                )
    return Columns(text, pa.schema([(name, types.get(name, pa.string())) for name in carried]))


def _columns_in(path: str) -> "dict[str, pa.DataType | None] | None":
    """The columns of a file, without a type where several have that name; None if it is empty. Those of files made of lines are strings."""
    match kind_of(path):
        case "parquet" | "arrow":
            schema = schema_of(path)
            times = Counter(schema.names)  # which of two columns of one name is meant, nobody can tell
            columns = zip(schema.names, schema.types, strict=True)
            return {name: kind if times[name] == 1 else None for name, kind in columns}
        case "jsonl":
            return JsonLines.columns_in(path)
        case "text":
            return {"text": pa.string()}
    return Csv.columns_in(path)


def _opened(path: str, position: Position, columns: Columns) -> Rows:
    """The rows of a file from a position on."""
    match kind_of(path):
        case "parquet" | "arrow":
            return Columnar(path, position, columns)
        case "jsonl":
            return JsonLines(path, position, columns)
        case "text":
            return PlainText(path, position, columns)
    return Csv(path, position, columns)


def _only_text(path: str, there: "dict[str, Any]") -> str:
    names = [name for name, kind in there.items() if kind is not None and is_text(kind)]
    if len(names) != 1:
        told = f"several columns of text: {_shown(names)}" if names else "no column of text"
        raise ConfigurationError(f"{path} has {told}. Name the one to embed, with text= or --text.")
    return names[0]


def _shown(names: Iterable[str]) -> str:
    """Names of columns. What does not look like one may be a text: there may be no header."""
    return ", ".join(
        name if name.isprintable() and len(name) <= 40 and name.count(" ") < 3 else "…" for name in names
    )


def _type_in(path: str, there: "dict[str, Any]", name: str, *, any_type: bool) -> Any:
    if name not in there:
        where = f" in its first {SAMPLE} lines" if kind_of(path) == "jsonl" else ""
        raise ConfigurationError(f"{path} has no column {name!r}{where}, only: {_shown(there)}.")
    if there[name] is None:
        raise ConfigurationError(f"{path}: there are several columns called {name!r}.")
    if not (any_type or is_text(there[name]) or there[name] == pa.null()):
        raise ConfigurationError(f"{path}: the column {name!r} is {there[name]}, not text.")
    return plain(there[name]) if kind_of(path) in ("parquet", "arrow") else pa.string()


@contextmanager
def _told(path: str) -> Iterator[None]:
    """Errors of the libraries about a file, as ours."""
    try:
        yield
    except Exception as error:
        if not (
            isinstance(error, OSError | EOFError | UnicodeDecodeError | pa.ArrowException) or is_system(error)
        ):
            raise
        raise InvalidInputError(f"{path}: {error}") from error


def check_packed(path: str, stopped: Stopped) -> None:
    """Unpacks a file to its end, if it is packed.

    Raises:
        InvalidInputError: it was cut short, or is damaged. Else that would be seen when most of its rows are paid for.
        JobPausedError: as `blocks`.
    """
    if packing(path):
        with _told(path), closing(unpacked(path)) as file:
            for _ in blocks(file, stopped):
                pass


class Reader:
    """The rows of an input from a position on.

    Args:
        files: All files of the input.
        columns: What is read of them.
        position: Where to begin.
        sizes: Bytes of each file. None: looked up when `share` is first asked for.
    """

    def __init__(
        self,
        files: Sequence[str],
        columns: Columns,
        position: Position = START,
        sizes: Sequence[int] | None = None,
    ) -> None:
        self._files, self._columns, self._at, self._known_sizes = files, columns, position, sizes
        self._open: Rows | None = None
        self._rows: dict[int, int] = {}  # of Parquet files, as far as `skip` has looked

    @cached_property
    def _sizes(self) -> Sequence[int]:
        return self._known_sizes or [place(path).stat().st_size for path in self._files]

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
        if within is None or not sum(self._sizes):
            return None
        return (sum(self._sizes[: self._at.file]) + within * self._sizes[self._at.file]) / sum(self._sizes)

    def take(self, count: int) -> Piece:
        """The next rows; fewer only at the end of the input.

        Raises:
            InvalidInputError: a file that cannot be read on.
        """
        texts: list[str | Refusal] = []
        tables = [self._columns.carried.empty_table()]
        while len(texts) < count and self._at.file < len(self._files):
            path = self._files[self._at.file]
            with _told(path):
                if self._open is None:
                    self._open = _opened(path, self._at, self._columns)
                piece = self._open.take(count - len(texts))
            if piece.texts:
                texts += piece.texts
                tables.append(piece.carried)
            else:
                self.close()
                self._at = Position(self._at.file + 1)
        return Piece(texts, pa.concat_tables(tables))

    def skip(self, count: int) -> int:
        """Goes on by so many rows, as `take`; returns how many there were. Of Parquet only the metadata are read."""
        left = count
        while left and self._at.file < len(self._files):
            path = self._files[self._at.file]
            if kind_of(path) == "parquet":
                if (rows := self._rows.get(self._at.file)) is None:
                    with _told(path):
                        rows = self._rows[self._at.file] = pq.read_metadata(readable(path)).num_rows
                step = min(left, rows - self._at.offset)
                self._at = self._at._replace(offset=self._at.offset + step, line=self._at.offset + step)
                if not step:
                    self._at = Position(self._at.file + 1)
            elif not (step := len(self.take(min(left, 1024)).texts)):
                break
            left -= step
        return count - left

    def close(self) -> None:
        """Closes the open file."""
        if self._open is not None:
            self._at, opened_file = self.position, self._open
            self._open = None
            opened_file.close()
