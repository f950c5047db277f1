"""Says when the next request may start, first come first served, and learns from how each one ended."""

import asyncio
import math
import random
from collections.abc import Callable

from .._core.latency import Latency
from .._core.limiter import START, Limiter, Outcome
from .._core.rate_limit import RateLimit
from .._core.retry_budget import RetryBudget


class TooLateError(Exception):
    """A request sent now is not expected to be answered before the deadline."""


class Turnstile:
    """The pure limiter, rate limit, latency estimate and retry budget, with an event loop's clock.

    Args:
        max_concurrency: Most requests in flight.
        rate_limit: Most starts per second; None for no fixed limit.

    Attributes:
        newest_answered: The latest start of a request that vectors came for.
    """

    def __init__(self, max_concurrency: int, rate_limit: float | None) -> None:
        self.limiter = Limiter(random.random, start=min(START, max_concurrency), cap=max_concurrency)
        self.latency = Latency()
        self.budget = RetryBudget()
        self.newest_answered = -math.inf
        self._rate = RateLimit(rate_limit or math.inf)
        self._queue = asyncio.Lock()
        self._changed = asyncio.Event()

    async def enter(self, deadline: float, wanted: Callable[[], bool] = lambda: True) -> float | None:
        """Waits for a turn; returns the loop time of the start. `Turn.end` must follow, whatever happens.

        Args:
            deadline: Loop time.
            wanted: Whether to go on waiting, asked whenever a turn may have come; if not, the result is None.

        Raises:
            TooLateError: the deadline comes first, or leaves less than an answer usually takes.
        """
        try:
            async with asyncio.timeout_at(deadline if deadline < math.inf else None), self._queue:
                while wanted():
                    if (started := self._try_start(deadline)) is not None:
                        return started
                    await self._until_something_changes()
                return None
        except TimeoutError:
            raise TooLateError from None

    def enter_at_once(self, deadline: float) -> float | None:
        """As `enter`, if nobody waits and nothing holds requests back; else None."""
        return None if self._queue.locked() else self._try_start(deadline)

    def try_enter(self) -> float | None:
        """A start right now, if nobody waits and nothing holds requests back; else None."""
        now = asyncio.get_running_loop().time()
        if self._queue.locked() or self._due(now) > now or self.limiter.probing:
            return None
        return self._start(now)

    @property
    def awaited(self) -> bool:
        """Whether somebody waits for a turn."""
        return self._queue.locked()

    def arrived(self) -> None:
        """Records that a request is no longer in flight. `judge` must follow."""
        self.limiter.arrived()
        self._changed.set()

    def judge(self, started: float, outcome: Outcome, hint: float | None = None) -> None:
        """Records how a request ended."""
        self.limiter.judge(asyncio.get_running_loop().time(), started, outcome, hint)
        self._changed.set()

    def answered(self, started: float, took: float) -> None:
        """Records that vectors came, after so many seconds."""
        self.newest_answered = max(self.newest_answered, started)
        self.latency.success(took)
        self.budget.success()

    def _try_start(self, deadline: float) -> float | None:
        now = asyncio.get_running_loop().time()
        due = self._due(now)
        if due < math.inf and not self.latency.fits(deadline - due):
            if due < deadline:  # nothing but the estimate speaks against it
                self.latency.forget_oldest()
            raise TooLateError
        return self._start(now) if due <= now else None

    def _start(self, now: float) -> float:
        self.limiter.start(now)
        self._rate.start(now)
        return now

    def _due(self, now: float) -> float:
        return max(self.limiter.next_start(now), self._rate.next_start(now))

    async def _until_something_changes(self) -> None:
        due = self._due(asyncio.get_running_loop().time())
        self._changed.clear()
        try:
            async with asyncio.timeout_at(due if due < math.inf else None):
                await self._changed.wait()
        except TimeoutError:
            pass  # its own time has come
