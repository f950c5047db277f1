"""What ``embed`` writes: JSON lines, a table, or a NumPy file. Each takes one text after another and holds none."""

import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, Self

import click
import msgspec
import numpy as np
from rich.cells import set_cell_size

from ..errors import ConfigurationError, InworldEmbeddingsError
from .lines import Line, told

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..result import Vectors


class Writer:
    """Writes what becomes of each text, in order. All of it is whole when the ``with`` block is left.

    Attributes:
        count: Texts so far.
        refused: Those of them without a vector.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.count = self.refused = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def put(self, line: Line, outcome: "Vectors | InworldEmbeddingsError") -> None:
        """Writes one text, so that a reader sees it."""
        if isinstance(outcome, InworldEmbeddingsError):
            self._error(line, told(outcome))
            self.refused += 1
        else:
            self._vector(line, outcome)
        self._file.flush()
        self.count += 1

    def _vector(self, line: Line, vector: "Vectors") -> None:
        raise NotImplementedError

    def _error(self, line: Line, error: dict[str, str]) -> None:
        raise NotImplementedError


class JsonLines(Writer):
    """``{"index", "line", "embedding"}`` or ``{"index", "line", "error"}`` on each line, in ASCII."""

    _encode = staticmethod(msgspec.json.Encoder().encode)

    def _vector(self, line: Line, vector: "Vectors") -> None:
        row = {"index": self.count, "line": line.number, "embedding": shortest(vector).tolist()}
        self._file.write(self._encode(row) + b"\n")

    def _error(self, line: Line, error: dict[str, str]) -> None:
        row = {"index": self.count, "line": line.number, "error": error}
        self._file.write(json.dumps(row, separators=(",", ":")).encode() + b"\n")


class Table(Writer):
    """A row for each text, as wide as the terminal."""

    def __init__(self, file: IO[bytes], encoding: str) -> None:
        super().__init__(file)
        self._encoding = encoding
        self._width = min(60, max(10, shutil.get_terminal_size().columns - 57))
        self._row("index", "line", "text", "first values", "length")

    def _row(self, index: object, line: object, text: str, values: str, length: str = "") -> None:
        cell = set_cell_size(shown(text, self._width), self._width)
        row = f"{index:>7} {line:>7}  {cell}  {values:<27}  {length:>6}".rstrip()
        self._file.write(f"{row}\n".encode(self._encoding, "backslashreplace"))

    def _vector(self, line: Line, vector: "Vectors") -> None:
        values = " ".join(f"{value:+.4f}" for value in vector[:3])
        more = " ..." if len(vector) > 3 else ""
        length = f"{float((vector @ vector) ** 0.5):.3f}"
        self._row(self.count, line.number, line.text, values + more, length)

    def _error(self, line: Line, error: dict[str, str]) -> None:
        self._row(self.count, line.number, line.text, ": ".join(error.values()))


class Npy(Writer):
    """A NumPy file of float32, shape (texts, dimension). A text without a vector is a row of NaN, and told on stderr.

    The number of rows is known last, and stands in the header, which leaves room for it.

    Args:
        file: Where it goes.
        aside: A file that can be gone back in, where ``file`` cannot.
    """

    def __init__(self, file: IO[bytes], aside: IO[bytes] | None) -> None:
        super().__init__(aside or file)
        self._final = aside and file
        self._dimension = 0

    def _header(self) -> None:
        shape = (self.count, self._dimension)
        header = {"descr": "<f4", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self._file, header)

    def _vector(self, line: Line, vector: "Vectors") -> None:  # noqa: ARG002 - a row has no number
        if not self._dimension:
            self._dimension = len(vector)
            self._header()
            self._file.write(self._nothing() * self.count)
        self._file.write(vector.astype("<f4").tobytes())

    def _error(self, line: Line, error: dict[str, str]) -> None:
        click.echo(f"line {line.number}: {': '.join(error.values())}", err=True)
        self._file.write(self._nothing())

    def _nothing(self) -> bytes:
        return np.full(self._dimension, np.nan, "<f4").tobytes()

    def __exit__(self, *_: object) -> None:
        if not self.count:
            return
        self._file.seek(0)
        self._header()
        if self._final is not None:
            self._file.seek(0)
            shutil.copyfileobj(self._file, self._final)
            self._final.flush()


def shown(text: str, width: int) -> str:
    """A text on one line, cut, without control characters that could drive the terminal."""
    line = "".join(char if char.isprintable() else " " for char in text[: 4 * width])
    return line if len(text) <= width else line[: width - 1] + "…"


# Numbers.

_POWERS: Final = 10.0 ** np.arange(23)  # each of them exact


def shortest(vectors: "Vectors") -> "NDArray[np.float64]":
    """Numbers that print with the fewest digits that are still the float32 ones, such as 0.1 and not 0.10000000149011612.

    Decimals of nine digits are enough for any float32, six never lose one. A quotient of two exact numbers is rounded
    once, so it is the float64 that prints as that decimal.
    """
    found = vectors.astype(np.float64)
    exact, size = found.copy(), np.abs(found)
    usual = (size >= 1e-13) & (size < 1e5)  # the powers of ten that these take are exact
    exponent = np.floor(np.log10(np.where(usual, size, 1.0))).astype(np.int64)
    for digits in (9, 8, 7, 6):
        scale = _POWERS[digits - 1 - exponent]
        rounded = np.rint(exact * scale) / scale
        np.copyto(found, rounded, where=usual & (rounded.astype(np.float32) == vectors))
    for at in np.flatnonzero(~usual):
        found.flat[at] = float(str(vectors.flat[at]))
    return found


# Files.


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """A file that gets its name when all is in it. What was written before an interruption is kept as ``NAME.partial``.

    A device or a named pipe is written to as it is.
    """
    aside = path.is_file() or not path.exists()
    hidden = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    partial = path.with_name(f"{path.name}.partial")
    try:
        file = hidden.open("xb+") if aside else path.open("wb")
    except OSError as error:
        raise ConfigurationError(f"--output {path}: {error.strerror}.") from None
    if not aside:
        with file:
            yield file
        return
    try:
        with file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        hidden.replace(path)
    except BaseException:
        with suppress(OSError):
            if hidden.stat().st_size:
                hidden.replace(partial)
                click.echo(f"What was done is in {partial}", err=True)
        raise
    finally:
        hidden.unlink(missing_ok=True)
