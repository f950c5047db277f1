"""One limit for all workers: they lease their starts, some at a time, from the one `Throttle` that all of them share.

A worker that asks is granted the starts of the next 0.4 seconds, as many as its requests wait for. It tells how each
one ended. Starts of a worker that is not heard of any more are given back.
"""

import asyncio
import contextlib
import itertools
import os
import random
import socket
import time
from collections import deque
from collections.abc import Awaitable, Callable
from math import inf
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from .._retry import RetryPolicy
from .._throttle import Outcome, Throttle
from ..errors import JobError

if TYPE_CHECKING:
    from .._engine.admission import Admission

AHEAD: Final = 0.4
"""Seconds. So far ahead starts are granted, at a high rate many at a time: a worker or the limit itself may stand still for
half of it at no cost."""
PATIENCE: Final = 0.5
"""Seconds. A worker that can be granted nothing is told so after this, and asks again."""
SILENCE: Final = 5.0
"""Seconds without a word from a worker after which it is taken for dead."""
BEAT: Final = 1.0
"""Seconds between two words of a worker that has requests in flight."""
LATE: Final = 0.2
"""Seconds. A start that was not used so long after its time is given back."""
TOGETHER: Final = 0.005
"""Seconds. What is told within this is told in one message."""

Ended = tuple[float, str, float | None]
"""A start as it was granted, how its request ended, and how long the server asked to wait."""


class Lease(NamedTuple):
    """Starts that a worker may make.

    Attributes:
        starts: Of each, in how many seconds, and what names it.
        blocked, probing: As `Throttle` has them.
        opens_in: Seconds before which nothing starts for certain.
    """

    starts: list[tuple[float, float]]
    blocked: bool
    probing: bool
    opens_in: float


class Leases:
    """A throttle, and which worker holds which of its starts. Times are in seconds, of any one clock.

    Args:
        throttle: Decides, for all workers together.
    """

    def __init__(self, throttle: Throttle) -> None:
        self._throttle = throttle
        self._flying: dict[str, int] = {}
        self._open: dict[str, list[float]] = {}
        self._heard: dict[str, float] = {}

    def due(self, now: float) -> float:
        """When the next start can be granted."""
        return self._throttle.next_start(now)

    def lease(self, now: float, worker: str, wanted: int) -> Lease:
        """Grants a worker so many starts at most."""
        self._hear(now, worker)
        granted: list[float] = []
        at = now
        while len(granted) < wanted and (at := self._throttle.next_start(at)) <= now + AHEAD:
            self._throttle.start(at)
            granted.append(at)
        self._flying[worker] += len(granted)
        self._open[worker] += granted
        throttle = self._throttle
        starts = [(at - now, at) for at in granted]
        return Lease(starts, throttle.blocked, throttle.probing, throttle.opens_at - now)

    def report(self, now: float, worker: str, arrived: int, ended: list[Ended]) -> None:
        """Takes what a worker tells: how many of its requests came back, and how requests ended."""
        self._hear(now, worker)
        self._arrived(worker, arrived)
        for granted, outcome, retry_after in ended:
            if granted in self._open[worker]:  # else it was taken for dead
                self._open[worker].remove(granted)
                self._throttle.judge(now, granted, Outcome[outcome], retry_after)

    def _hear(self, now: float, worker: str) -> None:
        self._heard[worker] = now
        self._flying.setdefault(worker, 0)
        self._open.setdefault(worker, [])
        for other in [name for name, heard in self._heard.items() if now - heard > SILENCE]:
            self._arrived(other, self._flying[other])
            for granted in self._open[other]:
                self._throttle.judge(now, granted, Outcome.CANCELLED)
            del self._heard[other], self._flying[other], self._open[other]

    def _arrived(self, worker: str, count: int) -> None:
        for _ in range(min(count, self._flying[worker])):
            self._throttle.arrived()
            self._flying[worker] -= 1


class Limit:
    """The one limit, for an engine to run as an actor.

    Args:
        max_concurrency: Most requests in flight, of all workers together.
        rate_limit: Most starts per second, of all workers together. None: what the service's throttling teaches.
    """

    def __init__(self, max_concurrency: int, rate_limit: float | None) -> None:
        throttle = Throttle(
            random.random, RetryPolicy(), max_concurrency=max_concurrency, rate_limit=rate_limit
        )
        self._leases, self._turn, self._changed = Leases(throttle), asyncio.Lock(), asyncio.Event()

    async def lease(self, worker: str, wanted: int) -> Lease:
        """Starts for a worker, first come first served; none if there are none for half a second."""
        until = time.monotonic() + PATIENCE
        async with self._turn:
            while True:
                now = time.monotonic()
                wait = self._leases.due(now) - now - AHEAD / 2
                if wait <= 0 or now >= until:
                    return self._leases.lease(now, worker, wanted)
                self._changed.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), min(wait, until - now))

    async def report(self, worker: str, arrived: int, ended: list[Ended]) -> None:
        """See `Leases.report`."""
        self._leases.report(time.monotonic(), worker, arrived, ended)
        self._changed.set()


class Remote(Protocol):
    """A `Limit`, wherever it is."""

    def lease(self, worker: str, wanted: int) -> Awaitable[Lease]: ...
    def report(self, worker: str, arrived: int, ended: list[Ended]) -> Awaitable[None]: ...


_numbers = itertools.count()


class LeasedThrottle(Throttle):
    """A worker's `Throttle`: it starts requests when the one limit has granted it a start.

    Args:
        admission: Asks it, and is told when something has changed.
        remote: The one limit.
    """

    def __init__(self, admission: "Admission", remote: Remote) -> None:
        self._admission, self._remote = admission, remote
        self._worker = f"{socket.gethostname()}/{os.getpid()}/{next(_numbers)}"
        self._starts: deque[tuple[float, float]] = deque()
        self._granted: dict[float, list[float]] = {}
        self._ended: list[Ended] = []
        self._arrived = 0
        self._telling: asyncio.TimerHandle | None = None
        self._asking: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._state, self._opens_at = (False, False), -inf
        self.in_flight, self.limit = 0, inf

    @property
    def probing(self) -> bool:  # type: ignore[override]
        return self._state[1]

    @property
    def blocked(self) -> bool:
        return self._state[0]

    @property
    def opens_at(self) -> float:
        return self._opens_at

    def next_start(self, now: float, last_chance: float = inf) -> float:  # noqa: ARG002 - as Throttle has it
        """When the first granted start is due; until there is one, `math.inf`."""
        while self._starts and self._starts[0][0] < now - LATE:
            self._give_back(self._starts.popleft()[1])
        if self._asking is None and len(self._starts) < max(1, self._admission.waiting):
            self._asking = asyncio.get_running_loop().create_task(self._ask())
        elif self._asking is not None and self._asking.done():
            error = self._asking.exception()
            raise JobError(f"The limit of all workers is gone: {error}") from error
        return max(now, self._starts[0][0]) if self._starts else inf

    def start(self, now: float) -> None:
        """Uses the first granted start."""
        self._granted.setdefault(now, []).append(self._starts.popleft()[1])
        self.in_flight += 1
        self._tell_in(BEAT)

    def arrived(self) -> None:
        """Records that a request is no longer in flight; `judge` must follow."""
        self.in_flight -= 1
        self._arrived += 1
        self._tell_in(TOGETHER)

    def judge(
        self,
        now: float,  # noqa: ARG002 - as Throttle has it
        started_at: float,
        outcome: Outcome,
        retry_after: float | None = None,
    ) -> None:
        """Tells how a request ended."""
        granted = self._granted[started_at].pop()
        if not self._granted[started_at]:
            del self._granted[started_at]
        self._ended.append((granted, outcome.name, retry_after))
        self._tell_in(TOGETHER)

    async def _ask(self) -> None:
        try:
            await self._lease()
        except BaseException:
            self._admission.changed.set()  # `next_start` tells whoever waits
            raise
        self._asking = None
        asyncio.get_running_loop().call_later(2 * LATE + AHEAD, self._drop_late)

    async def _lease(self) -> None:
        """Leases starts for all requests that wait."""
        while (wanted := max(1, self._admission.waiting) - len(self._starts)) > 0:
            lease = await self._remote.lease(self._worker, wanted)
            now = self._admission.time()
            self._starts += [(now + wait, granted) for wait, granted in lease.starts]
            self._state, self._opens_at = (lease.blocked, lease.probing), now + lease.opens_in
            self._admission.changed.set()
            if not self._admission.waiting:
                break

    def _drop_late(self) -> None:
        now = self._admission.time()
        while self._starts and self._starts[0][0] < now - LATE:
            self._give_back(self._starts.popleft()[1])

    def _give_back(self, granted: float) -> None:
        self._arrived += 1
        self._ended.append((granted, Outcome.CANCELLED.name, None))
        self._tell_in(TOGETHER)

    def _tell_in(self, seconds: float) -> None:
        """Sees to it that what there is to tell is told soon."""
        loop = asyncio.get_running_loop()
        if self._telling is not None:
            if self._telling.when() <= loop.time() + seconds:
                return
            self._telling.cancel()
        self._telling = loop.call_later(seconds, self._tell)

    def _tell(self) -> None:
        self._telling = None
        arrived, ended = self._arrived, self._ended
        self._arrived, self._ended = 0, []
        task = asyncio.get_running_loop().create_task(self._report(arrived, ended))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if self.in_flight or self._starts:
            self._tell_in(BEAT)

    async def _report(self, arrived: int, ended: list[Ended]) -> None:
        await self._remote.report(self._worker, arrived, ended)


def leased(remote: Remote) -> "Callable[[Any], Throttle]":
    """What makes a worker's throttle."""
    return lambda admission: LeasedThrottle(admission, remote)


def limited(rate: float | None) -> "Callable[[Any], Throttle] | None":
    """What makes the throttle of a worker that has a rate of its own, where no limit can be shared."""

    def throttle(admission: Any) -> Throttle:
        return Throttle(random.random, RetryPolicy(), admission.throttle._max, rate)  # noqa: SLF001 - a part of the same package

    return None if rate is None else throttle
