"""The turn of one request: it begins when the request may start, and others may follow once its answer has come."""

import asyncio
from typing import TYPE_CHECKING

from .._core.limiter import Outcome

if TYPE_CHECKING:
    from .turnstile import Turnstile


class Turn:
    """What a request holds: a place in flight, and one of its call's slots.

    What it teaches the limiter is known only when its answer has been read. Its places are free before that, so that
    the next request is on its way while the answer is decoded.

    Args:
        turnstile: Let it start.
        started: Loop time of the start.
        slots: Of the call; None for a hedge, which goes beside the request that has one.

    Attributes:
        started: Loop time of the start.
        took: Seconds until the answer was there, once it is.
    """

    def __init__(
        self, turnstile: "Turnstile", started: float, slots: asyncio.Semaphore | None = None
    ) -> None:
        self._turnstile, self._slots = turnstile, slots
        self.started = started
        self.took: float | None = None

    def arrived(self) -> bool:
        """Frees its places. Tells whether somebody waits for one."""
        if self.took is not None:
            return False
        self.took = asyncio.get_running_loop().time() - self.started
        if self._slots is not None:
            self._slots.release()
        self._turnstile.arrived()
        return self._turnstile.awaited or (self._slots is not None and self._slots.locked())

    def end(self, outcome: Outcome, hint: float | None = None) -> None:
        """Has the limiter learn from it."""
        self.arrived()
        self._turnstile.judge(self.started, outcome, hint)
