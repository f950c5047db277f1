"""What is read of a file: rows, each with its text or why there is none, and where the file goes on behind them."""

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

import msgspec

if TYPE_CHECKING:
    import pyarrow as pa

as_json = msgspec.json.Encoder(enc_hook=str).encode
"""Any carried value as JSON: NaN is null, bytes are Base64, times are ISO 8601."""


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
        carried: Go into the parts.
    """

    text: str | None
    carried: "pa.Schema"


class Rows(Protocol):
    """An open file."""

    @property
    def offset(self) -> int: ...
    @property
    def line(self) -> int: ...
    def take(self, count: int) -> Piece: ...
    def share(self) -> float | None: ...
    def close(self) -> None: ...


def refused(path: str, line: int, why: str, unit: str = "line") -> Refusal:
    """A row that cannot be read."""
    return Refusal("InvalidInputError", f"{os.path.basename(path)}, {unit} {line}: {why}")
