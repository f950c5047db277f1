"""Cuts texts into batches: greedy, in order, by count and by encoded bytes."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from ..errors import InvalidInputError
from .inputs import encoded_size


@dataclass(frozen=True, slots=True)
class Batch:
    """Texts that travel in one request.

    Attributes:
        indexes: Position of each text in the input, rising.
        texts: The texts; never part of a repr.
        size: Bytes of their JSON, commas included, without the envelope around them.
    """

    indexes: Sequence[int]
    texts: tuple[str, ...] = field(repr=False)
    size: int

    def __len__(self) -> int:
        return len(self.texts)

    def parts(self, most: int) -> "list[Batch]":
        """The batch in pieces of at most ``most`` texts, order kept."""
        return [self._part(slice(start, start + most)) for start in range(0, len(self), most)]

    def pick(self, positions: Sequence[int]) -> "Batch":
        """Some of its texts, by their positions in the batch, rising."""
        indexes = tuple(self.indexes[position] for position in positions)
        return _batch(indexes, tuple(self.texts[position] for position in positions))

    def _part(self, part: slice) -> "Batch":
        return _batch(self.indexes[part], self.texts[part])


def _batch(indexes: Sequence[int], texts: tuple[str, ...]) -> Batch:
    return Batch(indexes, texts, sum(map(encoded_size, texts)) + len(texts) - 1)


class Cutter:
    """Fills batches text by text, each as full as the two limits allow.

    Args:
        batch_size: Most texts in a batch.
        max_bytes: Most bytes of a batch's texts as JSON, see `Batch.size`.
    """

    def __init__(self, batch_size: int, max_bytes: int) -> None:
        self._batch_size, self._max_bytes = batch_size, max_bytes
        self._texts: list[str] = []
        self._start, self._size = 0, -1  # -1: the first text brings no comma

    def add(self, text: str) -> Batch | None:
        """Takes the next text, already checked; returns the batch that is full without it, if it is.

        Raises:
            InvalidInputError: the text alone is over ``max_bytes``; names its index.
        """
        index, cost = self._start + len(self._texts), encoded_size(text) + 1
        if cost - 1 > self._max_bytes:
            raise InvalidInputError(
                f"inputs[{index}] takes {cost - 1} bytes as JSON; max_batch_bytes leaves {self._max_bytes}. "
                "Shorten the text, or raise max_batch_bytes.",
                index=index,
            )
        full = len(self._texts) == self._batch_size or self._size + cost > self._max_bytes
        done = self.rest() if full else None
        self._texts.append(text)
        self._size += cost
        return done

    def rest(self) -> Batch | None:
        """The batch that is not full yet, if there is one."""
        if not self._texts:
            return None
        stop = self._start + len(self._texts)
        batch = Batch(range(self._start, stop), tuple(self._texts), self._size)
        self._texts, self._start, self._size = [], stop, -1
        return batch


def cut(texts: Iterable[str], batch_size: int, max_bytes: int) -> Iterator[Batch]:
    """All batches of some texts. Arguments and errors as for `Cutter`; an error comes after what came before it."""
    cutter = Cutter(batch_size, max_bytes)
    try:
        for text in texts:
            if batch := cutter.add(text):
                yield batch
    except Exception:
        if batch := cutter.rest():
            yield batch
        raise
    if batch := cutter.rest():
        yield batch


def envelope_size(model: str, service_provider: str) -> int:
    """Bytes of a request body around its texts. A test holds it against the generated client's own bodies."""
    names = {"model": model, "serviceProvider": service_provider}
    return len(json.dumps({"inputs": [], "model": names}, ensure_ascii=False, separators=(",", ":")).encode())
