"""Cuts texts into batches: greedy, in order, by count and by encoded bytes."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from ..errors import InvalidInputError
from .encode import encode_inputs, encoded_size

_LEAST = encoded_size("") + len(b",")
"""Bytes that any text costs beside its characters."""
_MOST = len(b"\\u0000")
"""Bytes that a character may take."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Texts that travel in one request.

    Attributes:
        indexes: Position of each text in the input, rising.
        texts: The texts; never part of a repr.
        body: Their JSON, see `encode_inputs`; encoded once, however often it is sent.
    """

    indexes: Sequence[int]
    texts: tuple[str, ...] = field(repr=False)
    body: bytes = field(repr=False)

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def size(self) -> int:
        """Bytes of a request body that are its own."""
        return len(self.body)

    def parts(self, most: int) -> "list[Batch]":
        """The batch in pieces of at most ``most`` texts, order kept."""
        pieces = [slice(start, start + most) for start in range(0, len(self), most)]
        return [batch_of(self.indexes[piece], self.texts[piece]) for piece in pieces]

    def pick(self, positions: Sequence[int]) -> "Batch":
        """Some of its texts, by their positions in the batch, rising."""
        indexes = tuple(self.indexes[position] for position in positions)
        return batch_of(indexes, tuple(self.texts[position] for position in positions))


def batch_of(indexes: Sequence[int], texts: tuple[str, ...]) -> Batch:
    """Texts with their positions, as a batch."""
    return Batch(indexes, texts, encode_inputs(texts))


class Cutter:
    """Fills batches text by text, each as full as the two limits allow.

    Texts are collected until they reach one of the limits, then encoded in one go; only where they turn out to be too
    large together are they encoded one by one.

    Args:
        batch_size: Most texts in a batch.
        max_bytes: Most bytes of `Batch.body`.
    """

    def __init__(self, batch_size: int, max_bytes: int) -> None:
        self._batch_size, self._max_bytes = batch_size, max_bytes
        self._texts: list[str] = []
        self._start = self._least = 0

    def add(self, text: str) -> Iterable[Batch]:
        """Takes the next text, already checked; gives the batches that are full now.

        Raises:
            InvalidInputError: a text alone is over ``max_bytes``; names its index, after what came before it.
        """
        self._texts.append(text)
        self._least += len(text) + _LEAST
        return self._full() if self._is_full() else ()

    def rest(self) -> Iterator[Batch]:
        """The batches of the texts that are left. Raises as `add`."""
        while self._texts:
            yield self._next()

    def _full(self) -> Iterator[Batch]:
        while self._is_full():
            yield self._next()

    def _is_full(self) -> bool:
        return len(self._texts) == self._batch_size or self._least - 1 > self._max_bytes

    def _next(self) -> Batch:
        """All the texts, if they fit into one batch, or else as many as do."""
        if self._least - 1 <= self._max_bytes:
            body = encode_inputs(self._texts)
            if len(body) <= self._max_bytes:
                return self._take(len(self._texts), body)
        pieces: list[bytes] = []
        size = -1  # the first one brings no comma
        for text in self._texts:
            piece = encode_inputs([text])
            size += len(piece) + 1
            if size > self._max_bytes:
                break
            pieces.append(piece)
        if not pieces:
            raise _too_large(self._start, size, self._max_bytes)
        return self._take(len(pieces), b",".join(pieces))

    def _take(self, count: int, body: bytes) -> Batch:
        """The first texts as a batch; the others move up."""
        texts, start = tuple(self._texts[:count]), self._start
        del self._texts[:count]
        self._start += count
        self._least = sum(map(len, self._texts)) + _LEAST * len(self._texts)
        return Batch(range(start, start + count), texts, body)


def cut(texts: Iterable[str], batch_size: int, max_bytes: int) -> Iterator[Batch]:
    """All batches of some texts. Arguments and errors as for `Cutter`; an error comes after what came before it."""
    cutter = Cutter(batch_size, max_bytes)
    errors: list[Exception] = []
    for text in _until_error(texts, errors):
        yield from cutter.add(text)
    yield from cutter.rest()
    for error in errors:
        raise error


def _until_error(texts: Iterable[str], errors: list[Exception]) -> Iterator[str]:
    try:
        yield from texts
    except Exception as error:  # noqa: BLE001 - raised when what came before it is done
        errors.append(error)


def check_sizes(texts: Iterable[str], max_bytes: int) -> None:
    """Refuses a text that fits into no batch.

    Raises:
        InvalidInputError: names its index.
    """
    suspicious = (max_bytes - _LEAST) // _MOST
    for index, text in enumerate(texts):
        if len(text) > suspicious and (size := encoded_size(text)) > max_bytes:
            raise _too_large(index, size, max_bytes)


def _too_large(index: int, size: int, max_bytes: int) -> InvalidInputError:
    return InvalidInputError(
        f"inputs[{index}] takes {size} bytes as JSON; max_batch_bytes leaves {max_bytes}. "
        "Shorten the text, or raise max_batch_bytes.",
        index=index,
    )
