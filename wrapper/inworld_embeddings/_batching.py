"""Texts to batches: checks them, encodes them, cuts them up, splits and bisects what was refused, and counts the cost. Pure.

Everywhere here ``max_bytes`` is what the endpoint's envelope leaves of ``max_batch_bytes`` for the texts of a request.
"""

import math
import re
from collections.abc import AsyncIterable, AsyncIterator, Container, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Final

import msgspec

from .chunking import surely_longer
from .details import BadRequest
from .errors import APIStatusError, InvalidInputError, InworldEmbeddingsError
from .models import MODELS
from .result import Plan


class _Input(msgspec.Struct, gc=False):
    text: str


_encode = msgspec.json.Encoder().encode
_LEAST: Final = len(_encode(_Input(""))) + len(b",")
"""Bytes that any text costs beside its characters."""
_MOST: Final = len(b"\\u0000")
"""Bytes that a character may take."""


def encode_inputs(texts: Sequence[str]) -> bytes:
    """The members of ``inputs`` as JSON, with commas between them and no brackets around them.

    Nothing is escaped beyond what JSON requires.

    Raises:
        UnicodeEncodeError: a lone surrogate; `checked_text` has found it before.
    """
    return _encode(list(map(_Input, texts)))[1:-1]


_SURROGATE = re.compile("[\ud800-\udfff]")


def checked_texts(texts: Any, max_bytes: int, *, replace: bool = False) -> list[str]:
    """A sequence of texts as a list, each one checked as by `checked_text` (catalogue rows E03 and E05).

    Raises:
        InvalidInputError: not a sequence of str, or a text that cannot be sent; names its index.
    """
    if type(texts) is not list:
        checked_source(texts, Iterable)
    short, checked = (max_bytes - _LEAST) // _MOST, []
    for index, text in enumerate(texts):
        if type(text) is str and len(text) <= short and text.isascii():
            checked.append(text)
        else:
            checked.append(checked_text(text, max_bytes, index, replace=replace))
    return checked


def checked_text(text: Any, max_bytes: int, index: int | None = None, *, replace: bool = False) -> str:
    """One text, checked: a str that UTF-8 can hold and that fits into a request of its own.

    ``index`` is where it stands, None if alone. With ``replace`` U+FFFD takes the place of each surrogate.

    Raises:
        InvalidInputError: with ``index``.
    """
    where = "the input" if index is None else f"inputs[{index}]"
    if not isinstance(text, str):
        raise _not_a_text(text, where, index)
    plain = str.__str__(text)  # of a subclass, such as numpy's, the str itself
    if not plain.isascii():
        try:
            plain.encode()
        except UnicodeEncodeError as error:
            if not replace:
                raise InvalidInputError(
                    f"{where} has a lone surrogate at position {error.start}, which UTF-8 cannot hold. Decode the "
                    "source with errors='replace', or pass replace_surrogates=True to send U+FFFD in its place.",
                    index=index,
                ) from None
            plain = _SURROGATE.sub("\ufffd", plain)
    if len(plain) > (max_bytes - _LEAST) // _MOST and (size := len(_encode(_Input(plain)))) > max_bytes:
        raise InvalidInputError(
            f"{where} takes {size} bytes as JSON; max_batch_bytes leaves {max_bytes}. "
            "Shorten the text, or raise max_batch_bytes.",
            index=index,
        )
    return plain


def _not_a_text(value: object, where: str, index: int | None) -> InvalidInputError:
    missing = value is None or type(value).__name__ in ("NAType", "NaTType")
    if missing or (isinstance(value, float) and math.isnan(value)):  # numpy's are floats too
        at = "" if index is None else f" at index {index}"
        message = f"{where} is {value}: missing value{at}. Drop it, or put a text in its place."
        return InvalidInputError(message, index=index)
    return InvalidInputError(f"{where} must be a str, not {type(value).__name__}.", index=index)


def checked_source(texts: Any, kind: Any) -> None:
    """Refuses what is no iterable of the given kind, or not one of texts; each text is checked as it is pulled.

    Raises:
        InvalidInputError: a bare str, bytes, a table, a mapping, a set, or nothing that can be iterated.
    """
    name = type(texts).__name__
    if isinstance(texts, Mapping | AbstractSet):
        raise InvalidInputError(f"inputs must be in order, one text each: pass a list instead of a {name}.")
    if hasattr(texts, "columns"):  # iterating over a table gives the names of its columns
        raise InvalidInputError(f"inputs must be one column of the {name}, such as df['text'].")
    scalar = getattr(texts, "ndim", 1) == 0  # numpy's say that they can be iterated
    if isinstance(texts, str | bytes | bytearray | memoryview) or scalar or not isinstance(texts, kind):
        raise InvalidInputError(f"inputs must be a list or another iterable of str, not {name}.")


class Batch:
    """Checked texts that travel in one request, and the position of each in the input, rising.

    The body is their JSON, see `encode_inputs`; encoded once, however often it is sent. A text that cannot be sent is
    a batch of its own, which holds why, and no text.
    """

    def __init__(
        self,
        indexes: Sequence[int],
        texts: Sequence[str],
        body: bytes | None = None,
        unsendable: InvalidInputError | None = None,
    ) -> None:
        self.indexes, self.texts, self.unsendable = indexes, texts, unsendable
        self.body = encode_inputs(texts) if body is None else body

    def __len__(self) -> int:
        return len(self.texts)

    def parts(self, most: int) -> "list[Batch]":
        """The batch in pieces of at most ``most`` texts, order kept."""
        pieces = [slice(start, start + most) for start in range(0, len(self), most)]
        return [Batch(self.indexes[piece], self.texts[piece]) for piece in pieces]

    def pick(self, positions: Sequence[int]) -> "Batch":
        """Some of its texts, by their positions in the batch, rising."""
        return Batch([self.indexes[at] for at in positions], [self.texts[at] for at in positions])

    def shortest(self) -> int:
        """The position of its shortest text."""
        return min(range(len(self)), key=lambda at: len(self.texts[at]))

    def without(self, indexes: Container[int]) -> "Batch":
        """Its texts but those of some indexes; it may be empty then."""
        return self.pick([position for position, index in enumerate(self.indexes) if index not in indexes])


def batches(texts: Sequence[str], batch_size: int, max_bytes: int) -> Iterator[Batch]:
    """Cuts checked texts, in order, into batches as full as the limits on texts and on bytes of `Batch.body` allow."""
    start, most = 0, max(1, min(batch_size, (max_bytes + 1) // _LEAST))
    while start < len(texts):
        batch = _first_batch(texts[start : start + most], start, max_bytes)
        start += len(batch.texts)
        yield batch


def _first_batch(texts: Sequence[str], start: int, max_bytes: int) -> Batch:
    """A batch of as many of the texts as fit, one at least; ``start`` is the first one's index."""
    # Texts whose characters alone are too many are not encoded together in vain.
    if sum(map(len, texts)) > max_bytes or len(body := encode_inputs(texts)) > max_bytes:
        pieces: list[bytes] = []
        size = -1  # the first one brings no comma
        for text in texts:
            piece = encode_inputs([text])
            size += len(piece) + 1
            if pieces and size > max_bytes:
                break
            pieces.append(piece)
        texts, body = texts[: len(pieces)], b",".join(pieces)
    return Batch(range(start, start + len(texts)), texts, body)


class _Filling:
    """The texts of a stream that are in no batch yet. Arguments as for `stream_batches`."""

    def __init__(self, batch_size: int, max_bytes: int, *, replace: bool, returns: bool) -> None:
        self._batch_size, self._max_bytes = batch_size, max_bytes
        self._replace, self._returns = replace, returns
        self._texts: list[str] = []
        self._start = self._least = 0

    def add(self, text: Any) -> Iterator[Batch]:
        """Checks the next text; yields the batches that are full now.

        Raises:
            InvalidInputError: see `checked_text`.
        """
        index = self._start + len(self._texts)
        try:
            self._texts.append(checked_text(text, self._max_bytes, index, replace=self._replace))
        except InvalidInputError as error:
            if not self._returns:
                raise
            yield from self.rest(None)
            yield Batch([index], [""], b"", error)
            self._start += 1
            return
        self._least += len(self._texts[-1]) + _LEAST
        while len(self._texts) == self._batch_size or self._least - 1 > self._max_bytes:
            yield self._next()

    def rest(self, failed: Exception | None) -> Iterator[Batch]:
        """The batches of the texts that are left; then the error that ended the stream, if one did, is raised."""
        while self._texts:
            yield self._next()
        if failed:
            raise failed

    def _next(self) -> Batch:
        batch = _first_batch(self._texts, self._start, self._max_bytes)
        self._texts = self._texts[len(batch) :]
        self._start += len(batch)
        self._least = sum(map(len, self._texts)) + _LEAST * len(self._texts)
        return batch


def stream_batches(
    texts: Iterable[Any], batch_size: int, max_bytes: int, *, replace: bool = False, returns: bool = False
) -> Iterator[Batch]:
    """As `batches`, of texts that are pulled one by one and checked as by `checked_text`.

    An error of the source or of a text comes after the batches of what came before it; with ``returns`` that of a text
    is a batch instead, see `Batch`.
    """
    filling, failed = _Filling(batch_size, max_bytes, replace=replace, returns=returns), None
    try:
        for text in texts:
            yield from filling.add(text)
    except Exception as error:  # noqa: BLE001 - raised when what came before it is done
        failed = error
    yield from filling.rest(failed)


async def async_stream_batches(
    texts: Iterable[Any] | AsyncIterable[Any],
    batch_size: int,
    max_bytes: int,
    *,
    replace: bool = False,
    returns: bool = False,
) -> AsyncIterator[Batch]:
    """As `stream_batches`, of an async iterable too."""
    if not isinstance(texts, AsyncIterable):
        for batch in stream_batches(texts, batch_size, max_bytes, replace=replace, returns=returns):
            yield batch
        return
    filling, failed = _Filling(batch_size, max_bytes, replace=replace, returns=returns), None
    try:
        async for text in texts:
            for batch in filling.add(text):
                yield batch
    except Exception as error:  # noqa: BLE001 - raised when what came before it is done
        failed = error
    for batch in filling.rest(failed):
        yield batch


def plan(
    texts: list[str],
    batch_size: int,
    max_bytes: int,
    envelope_size: int,
    model: str,
    *,
    dedupe: bool = False,
    lacking: list[str] | None = None,
) -> Plan:
    """What an `embed` of checked texts would send; ``envelope_size`` in bytes, once a request.

    ``lacking`` are the distinct ones that the cache has not, if there is one.
    """
    known = MODELS.get(model)
    long_texts = sum(surely_longer(text, known.max_tokens) for text in texts) if known else 0
    sent = list(dict.fromkeys(texts)) if dedupe else texts
    hits = 0
    if lacking is not None:
        sent, sends = lacking, set(lacking)
        hits = sum(text not in sends for text in texts)
    sizes = [envelope_size + len(batch.body) for batch in batches(sent, batch_size, max_bytes)]
    return Plan(
        requests=len(sizes), texts=len(texts), bytes=sum(sizes), long_texts=long_texts, cache_hits=hits
    )


def distinct(texts: Iterable[str], numbers: dict[str, int]) -> list[int]:
    """For each text which of the distinct ones it is; new ones are added to ``numbers``, in order."""
    return [numbers.setdefault(text, len(numbers)) for text in texts]


PATIENCE: Final = 32
"""Full batches after which twice as many texts are tried. A wrong try costs one request in 33."""


class BatchCap:
    """How many texts the service takes in one request, as far as its refusals tell.

    It falls with each refusal, and rises again by trial: it may have been the length of a text, not their number.

    Attributes:
        most: Most texts in one request; None while nothing was refused.
    """

    def __init__(self) -> None:
        self.most: int | None = None
        self._full = 0

    def lower(self, most: int) -> None:
        """A larger batch was refused; pieces of this many texts come next."""
        self.most = most if self.most is None else min(self.most, most)
        self._full = 0

    def restore(self, most: int | None) -> None:
        """The refusals since the cap was ``most`` were about one text: it is too large even alone."""
        self.most, self._full = most, 0

    def took(self, texts: int) -> None:
        """A batch of this many texts was taken."""
        if self.most is None or texts < self.most:
            return
        self._full += 1
        if self._full == PATIENCE:
            self.most, self._full = 2 * self.most, 0


ENOUGH: Final = 8
"""So many texts refused alone, and none accepted: then it is not the texts."""
ENOUGH_WRONG: Final = 3
"""As many, where the response to each was wrong: each is tried three times."""


def named_positions(error: InworldEmbeddingsError, count: int) -> list[int]:
    """Positions of the texts that the server names. It may name the wrong ones: none is given up unsent."""
    details: Sequence[object] = error.details if isinstance(error, APIStatusError) else ()
    violations = [v for detail in details if isinstance(detail, BadRequest) for v in detail.field_violations]
    positions = {v.input_index for v in violations if v.input_index is not None}
    return sorted(positions & set(range(count)))


def spread_out(count: int) -> list[int]:
    """Up to `ENOUGH` positions from all over a batch, both ends first."""
    last = count - 1
    return list(dict.fromkeys([0, last, *(last * step // (ENOUGH - 1) for step in range(1, ENOUGH - 1))]))
