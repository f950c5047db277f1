"""Runs batches over a bounded window: pulls from the source only while there is room, hands on what is settled."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import TypeAlias

from .._core.batches import Batch
from .flow import Settled

Work: TypeAlias = asyncio.Task[list[Settled]]


class Window:
    """At most ``size`` batches in work at a time.

    Args:
        start: Starts the work on a batch.
        size: How many may be in work.
        ordered: Whether results come in the order of the batches, or as they are done.
    """

    def __init__(self, start: Callable[[Batch], Work], size: int, *, ordered: bool = True) -> None:
        self._start, self._size, self._ordered = start, size, ordered
        self._working: deque[Work] = deque()
        self._pull: asyncio.Task[Batch | None] | None = None
        self._source_error: BaseException | None = None
        self._exhausted = False

    async def run(self, batches: AsyncIterator[Batch]) -> AsyncGenerator[Settled]:
        """Settled batches. An error of the source surfaces after what was already in work.

        `stop_pulling` may be called in between. Leaving the iteration early cancels what is in work.
        """
        try:
            while self._may_pull(batches) or self._working:
                await self._something_done()
                self._take_pulled()
                while (work := self._next_done()) is not None:
                    for settled in work.result():
                        yield settled
            if self._source_error is not None:
                raise self._source_error
        finally:
            await self._cancel()

    def stop_pulling(self) -> None:
        """Takes no further batches from the source, however slow it is; what is in work is finished."""
        self._exhausted = True
        if self._pull is not None:
            self._pull.cancel()

    def _may_pull(self, batches: AsyncIterator[Batch]) -> bool:
        """Sees to it that the next batch is being pulled, if there is room for one."""
        if self._pull is None and not self._exhausted and len(self._working) < self._size:
            self._pull = asyncio.create_task(_next_batch(batches))
        return self._pull is not None

    async def _something_done(self) -> None:
        wanted: set[asyncio.Task[object]] = set(self._waited_for())
        if self._pull is not None:
            wanted.add(self._pull)
        await asyncio.wait(wanted, return_when=asyncio.FIRST_COMPLETED)

    def _waited_for(self) -> list[Work]:
        return [self._working[0]] if self._ordered and self._working else list(self._working)

    def _take_pulled(self) -> None:
        if self._pull is None or not self._pull.done():
            return
        pull, self._pull = self._pull, None
        if self._exhausted:
            return
        self._source_error = pull.exception()
        batch = None if self._source_error else pull.result()
        if batch is None:
            self._exhausted = True
        else:
            self._working.append(self._start(batch))

    def _next_done(self) -> Work | None:
        for work in self._waited_for():
            if work.done():
                self._working.remove(work)
                return work
        return None

    async def _cancel(self) -> None:
        tasks = [*self._working, *([self._pull] if self._pull else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _next_batch(batches: AsyncIterator[Batch]) -> Batch | None:
    return await anext(batches, None)
