"""Cuts texts into batches: greedy, in order, by count and by encoded bytes."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from inworld_embeddings._core.inputs import encoded_size
from inworld_embeddings.errors import InvalidInputError


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

    def halves(self) -> "tuple[Batch, Batch]":
        """The batch in two, order kept."""
        middle = len(self) // 2
        return self._part(slice(None, middle)), self._part(slice(middle, None))

    def _part(self, part: slice) -> "Batch":
        texts = self.texts[part]
        return Batch(self.indexes[part], texts, sum(map(encoded_size, texts)) + len(texts) - 1)


def cut(texts: Iterable[str], batch_size: int, max_bytes: int) -> Iterator[Batch]:
    """Batches of texts, each as full as the two limits allow.

    Args:
        texts: Checked texts.
        batch_size: Most texts in a batch.
        max_bytes: Most bytes of a batch's texts as JSON, see `Batch.size`.

    Raises:
        InvalidInputError: one text alone is over ``max_bytes``; names its index.
    """
    members: list[str] = []
    start, size = 0, -1  # -1: the first text brings no comma
    for index, text in enumerate(texts):
        cost = encoded_size(text) + 1
        if cost - 1 > max_bytes:
            raise InvalidInputError(
                f"inputs[{index}] takes {cost - 1} bytes as JSON; max_batch_bytes leaves {max_bytes}. "
                "Shorten the text, or raise max_batch_bytes.",
                index=index,
            )
        if members and (len(members) == batch_size or size + cost > max_bytes):
            yield Batch(range(start, index), tuple(members), size)
            members, start, size = [], index, -1
        members.append(text)
        size += cost
    if members:
        yield Batch(range(start, start + len(members)), tuple(members), size)


def envelope_size(model: str, service_provider: str) -> int:
    """Bytes of a request body around its texts. A test holds it against the generated client's own bodies."""
    names = {"model": model, "serviceProvider": service_provider}
    return len(json.dumps({"inputs": [], "model": names}, ensure_ascii=False, separators=(",", ":")).encode())
