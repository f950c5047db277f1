"""Plans a call: batches out of whatever the caller has, and what they will cost."""

from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Sequence
from typing import Any

from .._core.batches import Batch, Cutter, check_sizes, cut
from .._core.canary import COST
from .._core.dedupe import distinct
from .._core.encode import envelope_size
from .._core.inputs import checked_text
from ..options import Options
from ..result import Plan


def envelope(options: Options) -> int:
    """Bytes of a request body around its inputs."""
    return envelope_size(options.model, options.service_provider or "")


def room(options: Options) -> int:
    """Bytes that ``max_batch_bytes`` leaves for the caller's texts in one request."""
    return options.max_batch_bytes - envelope(options) - (COST if options.canary else 0)


def check_fit(texts: list[str], options: Options) -> None:
    """Refuses a text that is too large for a request of its own.

    Raises:
        InvalidInputError: names its index.
    """
    check_sizes(texts, room(options))


def planned(texts: Sequence[str], options: Options) -> Iterator[Batch]:
    """Batches of checked texts that fit, made as they are asked for."""
    return cut(texts, options.texts_per_request, room(options))


def plan(texts: list[str], options: Options) -> Plan:
    """What an `embed` of checked texts would send. Raises as `check_fit`."""
    check_fit(texts, options)
    around = options.max_batch_bytes - room(options)
    sent = distinct(texts)[0] if options.dedupe else texts
    sizes = [batch.size + around for batch in planned(sent, options)]
    return Plan(requests=len(sizes), texts=len(texts), bytes=sum(sizes))


def batches_of(texts: Iterable[Any], options: Options) -> Iterator[Batch]:
    """Batches of an iterable, each text checked as it is pulled.

    Raises:
        InvalidInputError: a text that cannot be sent; names its index, and comes after what came before it.
    """
    replace = options.replace_surrogates
    checked = (checked_text(text, index, replace=replace) for index, text in enumerate(texts))
    return cut(checked, options.texts_per_request, room(options))


async def batches_of_any(texts: Iterable[Any] | AsyncIterable[Any], options: Options) -> AsyncIterator[Batch]:
    """As `batches_of`, of an async iterable too."""
    if not isinstance(texts, AsyncIterable):
        for batch in batches_of(texts, options):
            yield batch
        return
    cutter, index, failed = Cutter(options.texts_per_request, room(options)), 0, None
    try:
        async for text in texts:
            for batch in cutter.add(checked_text(text, index, replace=options.replace_surrogates)):
                yield batch
            index += 1
    except Exception as error:  # noqa: BLE001 - raised when what came before it is done
        failed = error
    for batch in cutter.rest():
        yield batch
    if failed:
        raise failed
