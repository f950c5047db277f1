"""Lets one batch of a call at a time find out why it was refused, while the others wait for what it learns.

As long as nothing was answered, a refusal may be about a text or about all there is to send. Without this every batch
in the window would ask that at the same time.
"""

import asyncio


class Doubt:
    """Held by at most one batch at a time."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._holder: object = None

    def is_held_by(self, batch: object) -> bool:
        """Whether it is this batch that may send."""
        return self._holder is batch

    async def take(self, batch: object) -> None:
        """Waits until no other batch holds it."""
        if self._holder is not batch:
            await self._lock.acquire()
            self._holder = batch

    def drop(self, batch: object) -> None:
        """Lets the next batch have it, if this one holds it."""
        if self._holder is batch:
            self._holder = None
            self._lock.release()
