"""Runs an async stream for a caller without a loop, pulling the caller's source in the caller's own thread."""

import asyncio
import queue
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from .portal import Portal, receive

S = TypeVar("S")
T = TypeVar("T")

_END: Any = object()


@dataclass(frozen=True, slots=True)
class _Pull:
    """The stream wants the next of the source."""

    answer: "asyncio.Future[Any]"


@dataclass(frozen=True, slots=True)
class _Item(Generic[T]):
    """The stream has something; it goes on when told that it was taken."""

    value: T
    taken: "asyncio.Future[Any]"


@dataclass(frozen=True, slots=True)
class _Over:
    """The stream has ended."""

    error: BaseException | None


def iterate(
    portal: Portal, stream: Callable[[AsyncIterator[S]], AsyncGenerator[T]], source: Iterator[S]
) -> Iterator[T]:
    """What ``stream`` makes of ``source``.

    The source runs here, in the calling thread, and only while the caller waits for the next item; so a source may
    block, and a slow caller holds the stream back.

    Raises:
        RuntimeError: the iteration began in the process that this one was forked from.
    """
    box: queue.SimpleQueue[_Pull | _Item[T] | _Over] = queue.SimpleQueue()

    async def pump() -> None:
        loop = asyncio.get_running_loop()
        async with aclosing(stream(_pulled(box, loop))) as values:
            async for value in values:
                taken = loop.create_future()
                box.put(_Item(value, taken))
                await taken

    cancel = portal.submit(pump, lambda error: box.put(_Over(error)))
    try:
        while not isinstance(message := receive(box), _Over):
            if isinstance(message, _Item):
                yield message.value
                if portal.inherited:
                    raise RuntimeError("This iteration began before a fork; it goes on in the parent only.")
                portal.resolve(message.taken, None)
            else:
                _serve(portal, message, source)
        if message.error is not None:
            raise message.error
    finally:
        cancel()


async def _pulled(box: "queue.SimpleQueue[Any]", loop: asyncio.AbstractEventLoop) -> AsyncIterator[Any]:
    while True:
        answer = loop.create_future()
        box.put(_Pull(answer))
        if (value := await answer) is _END:
            return
        yield value


def _serve(portal: Portal, pull: _Pull, source: Iterator[Any]) -> None:
    try:
        portal.resolve(pull.answer, next(source, _END))
    except Exception as error:  # noqa: BLE001 - the stream raises it, after what was done
        portal.resolve(pull.answer, error)
