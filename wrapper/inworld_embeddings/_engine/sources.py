"""Batches out of whatever the caller has: a list of them, an iterable of texts, an async iterable of texts."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from typing import Any

from .._core.batches import Batch, Cutter
from .._core.inputs import checked_text
from .call import Call

_BREATH = 16
"""Batches that are cut before other work on the event loop gets its turn: about 1 ms."""


async def gathered(batches: Iterator[Batch], call: Call) -> list[Batch]:
    """All batches of a call, without holding up the event loop.

    Raises:
        APITimeoutError: the call's time was up before the last one was cut.
    """
    found: list[Batch] = []
    for batch in batches:
        found.append(batch)
        if len(found) % _BREATH == 0:
            await asyncio.sleep(0)
            if call.is_late():
                raise call.end()
    return found


async def ready(batches: Iterator[Batch], call: Call) -> AsyncIterator[Batch]:
    """Batches that are there already, up to the end of the call; the rest stay where they are."""
    while call.over() is None and not call.is_late():
        if (batch := next(batches, None)) is None:
            return
        yield batch


async def batches_of(texts: Any, cutter: Cutter, *, replace: bool = False) -> AsyncIterator[Batch]:
    """Batches of a sync or async iterable of texts, each text checked as it is pulled. ``replace``: as there.

    Raises:
        InvalidInputError: a text that cannot be sent; names its index, and comes after what came before it.
    """
    index = 0
    try:
        async for text in _each(texts):
            if batch := cutter.add(checked_text(text, index, replace=replace)):
                yield batch
            index += 1
    except Exception:
        if batch := cutter.rest():
            yield batch
        raise
    if batch := cutter.rest():
        yield batch


async def _each(texts: Any) -> AsyncIterator[Any]:
    if isinstance(texts, AsyncIterable):
        async for text in texts:
            yield text
    else:
        for text in texts:
            yield text
