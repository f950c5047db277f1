"""Runs batches over a bounded window: pulls from the source only while there is room, hands on what is done."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

from .._batching import Batch
from .batch_runner import run_batch
from .caching import run_cached
from .call import Call
from .results import BatchOutcome

if TYPE_CHECKING:
    from .session import Session

READY: Final = 16
"""Most batches that are ready to go, or whose responses wait to be read, beside those in flight."""

Work: TypeAlias = asyncio.Task[list[BatchOutcome]]
Source: TypeAlias = Iterator[Batch] | AsyncIterator[Batch]


class Window:
    """A bounded number of a call's batches in work at a time; outcomes as they are done, or ``ordered`` as the batches."""

    def __init__(self, session: "Session", call: Call, *, ordered: bool = False) -> None:
        self._session, self._call, self._ordered = session, call, ordered
        most = call.options["max_concurrency"]
        self._size = most + min(most, READY)
        self._working: deque[Work] = deque()
        self._pull: asyncio.Task[Batch | None] | None = None
        self._source_error: BaseException | None = None
        self._exhausted = False
        self._something_done = asyncio.Event()

    async def run(self, source: Source) -> AsyncGenerator[BatchOutcome]:
        """What becomes of each batch. An error of the source surfaces after what was already in work.

        A plain iterator must not block. `stop_pulling` may be called in between. Leaving the iteration early cancels
        what is in work.
        """
        try:
            while self._takes_more(source) or self._working:
                await self._turn()
                self._take_pulled()
                while (work := self._next_done()) is not None:
                    for outcome in work.result():
                        yield outcome
            if self._source_error is not None:
                raise self._source_error
        finally:
            await self._cancel()

    def stop_pulling(self) -> None:
        """Takes no further batches from the source, however slow it is; what is in work is finished."""
        self._exhausted = True
        if self._pull is not None:
            self._pull.cancel()

    def _takes_more(self, source: Source) -> bool:
        """Sees to it that the next batch is begun, or being pulled, if there is room for one."""
        if self._pull is None and self._has_room():
            if isinstance(source, Iterator):
                if self._begin(next(source, None)):
                    self._wake()  # there may be room for more
            else:
                self._pull = asyncio.create_task(_next_batch(source))
                self._pull.add_done_callback(self._wake)
        return self._pull is not None

    def _has_room(self) -> bool:
        return not self._exhausted and len(self._working) < self._size

    def _begin(self, batch: Batch | None) -> bool:
        """Begins a batch, if there is one: None is the end of the source."""
        if batch is None:
            self._exhausted = True
            return False
        call, cache = self._call, self._call.options["opened"]
        run = run_batch if cache is None or not call.endless else partial(run_cached, cache)
        work = self._session.start(run(self._session, call, batch))
        work.add_done_callback(self._wake)
        self._working.append(work)
        return True

    def _wake(self, _: object = None) -> None:
        self._something_done.set()

    async def _turn(self) -> None:
        """Lets the work that was begun go on, at least until some of it is done or more can begin."""
        if self._something_done.is_set():
            await asyncio.sleep(0)
        await self._something_done.wait()
        self._something_done.clear()

    def _take_pulled(self) -> None:
        if self._pull is None or not self._pull.done():
            return
        pull, self._pull = self._pull, None
        if self._exhausted:
            return
        self._source_error = pull.exception()
        self._begin(None if self._source_error else pull.result())

    def _next_done(self) -> Work | None:
        for work in [self._working[0]] if self._ordered and self._working else self._working:
            if work.done():
                self._working.remove(work)
                return work
        return None

    async def _cancel(self) -> None:
        tasks = [*self._working, *([self._pull] if self._pull else [])]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.gather(*tasks, return_exceptions=True)


async def _next_batch(batches: AsyncIterator[Batch]) -> Batch | None:
    return await anext(batches, None)
