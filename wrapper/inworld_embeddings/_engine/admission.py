"""Says when the next request may start, first come first served, and learns from how each one ended."""

import asyncio
import math
import random
from typing import TYPE_CHECKING, Final

from .._retry import Budget, Latency, RetryPolicy, Timeouts
from .._throttle import Outcome, Throttle

if TYPE_CHECKING:
    from ..errors import APIError
    from .call import Call

LAST_CHANCE: Final = 0.75
"""Seconds, beside two usual latencies: so long before the nearest deadline a blocked client looks once more."""


class TooLateError(Exception):
    """A request sent now is not expected to be answered before the deadline, or its call is over."""


class Permit:
    """What a request holds: a place in flight, and one of its call's slots.

    What it teaches is known only when its response has been read. Its places are free before that, so that the next
    request is on its way while the response is decoded.

    Attributes:
        started: Loop time of the start.
        took: Seconds until the response was there, once it is.
    """

    __slots__ = ("_admission", "_slots", "started", "took")

    def __init__(self, admission: "Admission", started: float, slots: asyncio.Semaphore | None) -> None:
        """A hedge has no slot of its call: it goes beside the request that has one."""
        self._admission, self.started, self._slots = admission, started, slots
        self.took: float | None = None

    def arrived(self) -> bool:
        """Frees its places, for the response is there. Tells whether somebody waits for one."""
        if self.took is not None:
            return False
        admission = self._admission
        self.took = admission.time() - self.started
        admission.throttle.arrived()
        admission.changed.set()
        if self._slots is None:
            return admission.queue.locked()
        others = self._slots.locked()
        self._slots.release()
        return others or admission.queue.locked()

    def release(self, outcome: Outcome, retry_after: float | None = None) -> None:
        """Has the throttle learn from how the request ended. Must follow, whatever happens."""
        self.arrived()
        admission = self._admission
        admission.throttle.judge(admission.time(), self.started, outcome, retry_after)
        admission.changed.set()

    def answered(self) -> None:
        """Vectors came."""
        admission = self._admission
        admission.newest_answered = max(admission.newest_answered, self.started)
        admission.last_error = None
        admission.latency.success(self.took or 0.0)
        admission.budget.earn()


class Admission:
    """The pure throttle, latency estimate and retry budget, with an event loop's clock.

    Attributes:
        newest_answered: The latest start of a request that vectors came for.
        last_error: How the last request failed, if no vectors came since.
        changed: Set whenever a request may be able to start.
        queue: Held by whoever is next; the others wait for it.
    """

    def __init__(
        self, max_concurrency: int, rate_limit: float | None, policy: RetryPolicy, timeouts: Timeouts
    ) -> None:
        self.time = asyncio.get_running_loop().time
        self.throttle = Throttle(
            random.random, max_concurrency=max_concurrency, rate_limit=rate_limit, policy=policy
        )
        self.latency = Latency(timeouts)
        self.budget = Budget(policy.budget, policy.refund, left=policy.budget)
        self.newest_answered = -math.inf
        self.last_error: APIError | None = None
        self._deadlines: list[float] = []
        self.changed = asyncio.Event()
        self.queue = asyncio.Lock()

    @property
    def waiting(self) -> int:
        """How many requests wait for a permit."""
        return len(self._deadlines)

    async def acquire(self, call: "Call", deadline: float, *, bisecting: bool = False) -> Permit:
        """Waits for a permit. `Permit.release` must follow, whatever happens.

        Args:
            call: Whose request it is.
            deadline: Loop time.
            bisecting: Whether it is a part of a refused batch, which closed the call for other batches.

        Raises:
            TooLateError: the deadline comes first, or leaves less than a response usually takes; or the call ended.
        """
        is_free = not self.queue.locked() and not call.slots.locked()
        if is_free and not call.halted and (bisecting or call.open.is_set()):
            permit = self._start(call, deadline)
            if permit is not None:
                await call.slots.acquire()  # at once
                return permit
        return await self._in_turn(call, deadline, bisecting=bisecting)

    async def _in_turn(self, call: "Call", deadline: float, *, bisecting: bool) -> Permit:
        self._deadlines.append(deadline)
        self.changed.set()
        try:
            async with call.waiting(deadline):
                while not call.halted:
                    if not bisecting:
                        await call.open.wait()
                    if (permit := await self._next(call, deadline, bisecting=bisecting)) is not None:
                        return permit
        except TimeoutError:
            pass
        finally:
            self._deadlines.remove(deadline)
        raise TooLateError

    async def _next(self, call: "Call", deadline: float, *, bisecting: bool) -> Permit | None:
        """A permit, or None if its call may send nothing any more, or not now."""
        await call.slots.acquire()
        permit = None
        try:
            async with self.queue:
                while not call.halted and (bisecting or call.open.is_set()):
                    if (permit := self._start(call, deadline)) is not None:
                        return permit
                    await self._until_something_changes()
        finally:
            if permit is None:
                call.slots.release()
        return None

    def _start(self, call: "Call", deadline: float) -> Permit | None:
        now, throttle = self.time(), self.throttle
        earliest = max(now, throttle.opens_at)  # what else holds requests back may end at any moment
        if earliest >= deadline or earliest + self.latency.p50 > deadline:
            if earliest < deadline:  # nothing but the estimate speaks against it
                self.latency.forget_oldest()
            raise TooLateError
        if throttle.next_start(now, self._last_chance() if throttle.blocked else math.inf) > now:
            return None
        throttle.start(now)
        return Permit(self, now, call.slots)

    def _last_chance(self) -> float:
        return min(self._deadlines, default=math.inf) - LAST_CHANCE - 2 * self.latency.p50

    async def _until_something_changes(self) -> None:
        due = self.throttle.next_start(self.time(), self._last_chance())
        self.changed.clear()
        try:
            async with asyncio.timeout_at(due if due < math.inf else None):
                await self.changed.wait()
        except TimeoutError:
            pass  # its own time has come

    def hedge(self) -> Permit | None:
        """A permit right now for a second request, if nobody waits and nothing holds requests back."""
        now = self.time()
        if self.queue.locked() or self.throttle.probing or self.throttle.next_start(now) > now:
            return None
        self.throttle.start(now)
        return Permit(self, now, None)
