"""Rows on their way to their places: a part that is being filled, and runs of texts that stand side by side in it."""

from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from .rows import START, Piece, Refusal

if TYPE_CHECKING:
    import pyarrow as pa

    from ..result import Vectors


class Part:
    """A part that is being filled.

    Attributes:
        number: Which.
        first: Its first row.
        rows: How many were read.
        ended: How many of them have a vector, or a reason why not.
        read: Whether all of them were read, and it is not published yet.
        replaces: Whether it takes the place of one that is there.
        next: Where the input goes on behind it.
        files: Which files its rows are from.
        carried: Their carried columns, in pieces.
        vectors: float32 of shape (most rows, d), of which the first are in use.
        refused: Why some rows have no vector, by their place in the part.
    """

    def __init__(self, number: int, first: int, vectors: "Vectors") -> None:
        self.number, self.first = number, first
        self.rows = self.ended = 0
        self.read = self.replaces = False
        self.next = START
        self.files: set[int] = set()
        self.carried: list[pa.Table] = []
        self.refused: dict[int, Refusal] = {}
        self.vectors = vectors

    @property
    def whole(self) -> bool:
        """Whether it can be published."""
        return self.read and self.ended == self.rows

    def add(self, piece: Piece) -> "list[Run]":
        """Takes rows; returns those that are to be sent. The others are refused."""
        self.carried.append(piece.carried)
        return self.send(range(self.rows, self.rows + len(piece.texts)), piece.texts)

    def send(self, places: Sequence[int], texts: "Sequence[str | Refusal]") -> "list[Run]":
        """The texts of some places as runs; what cannot be sent is refused in its place."""
        runs: list[Run] = []
        for at, text in zip(places, texts, strict=True):
            if isinstance(text, Refusal):
                self.refuse(at, text)
            elif runs and runs[-1].at + len(runs[-1].texts) == at:
                runs[-1].texts.append(text)
            else:
                runs.append(Run(self, at, [text]))
        self.rows = max(self.rows, places[-1] + 1) if places else self.rows
        return runs

    def refuse(self, at: int, why: Refusal) -> None:
        """Ends a row without a vector."""
        self.refused[at] = why
        self.ended += 1

    def place(self, at: int, vectors: "Vectors") -> None:
        """Ends neighbouring rows with their vectors."""
        self.vectors[at : at + len(vectors)] = vectors
        self.ended += len(vectors)


class Run(NamedTuple):
    """Texts that stand side by side in a part, the first of them at ``at``."""

    part: Part
    at: int
    texts: list[str]


def texts_of(runs: "Sequence[Run]") -> list[str]:
    """Their texts, in order."""
    return runs[0].texts if len(runs) == 1 else [text for run in runs for text in run.texts]


def cut(runs: "Sequence[Run]", start: int, stop: int) -> "list[Run]":
    """The texts from ``start`` up to ``stop``, counted through all of the runs."""
    found, before = [], 0
    for run in runs:
        low, high = max(start - before, 0), min(stop - before, len(run.texts))
        if low < high:
            found.append(Run(run.part, run.at + low, run.texts[low:high]))
        before += len(run.texts)
    return found


async def batches(source: AsyncGenerator[list[Run]], size: int) -> AsyncGenerator[list[Run]]:
    """The same texts by batches of a size; one may reach over the end of a part."""
    left: list[Run] = []
    async for runs in source:
        left += runs
        there, at = sum(len(run.texts) for run in left), 0
        while there - at >= size:
            yield cut(left, at, at + size)
            at += size
        left = cut(left, at, there)
    if left:
        yield left
