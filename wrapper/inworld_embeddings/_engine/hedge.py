"""Hedging: a second, identical request for one that takes unusually long; the first good answer counts.

It cuts the tail that single slow requests make. It must not add load when the service itself is slow (catalogue
G05), so a hedge needs all of this: 16 known latencies and a request older than their 95th percentile; a sign that
the service is as quick as ever; a turn that is free right now; and a budget of 5 % of the session's requests.
"""

import asyncio
from functools import partial
from typing import Final

from .._core.batches import Batch
from .._core.limiter import Outcome as Load
from .._core.retry import Spent
from ..errors import InworldEmbeddingsError
from .attempt import Outcome
from .call import Call
from .canary import attempt
from .session import Session
from .turn import Turn

LOOKS: Final = (1.0, 0.5, 0.5, 1.0)
"""Pauses between looks at whether to hedge, as shares of the 95th percentile. The last is at three times that: later,
answers of a service that is slow as a whole begin to overtake each other."""


async def hedged(
    session: Session, call: Call, batch: Batch, turn: Turn, deadline: float, spent: Spent
) -> Outcome:
    """As `attempt`; with ``hedge=True`` and good reason, a second request runs beside the first."""
    if not call.options.hedge:
        return await attempt(session, call, batch, turn, deadline)
    session.hedges.earn()
    latency = session.turnstile.latency
    if not latency.known:
        return await attempt(session, call, batch, turn, deadline)
    return await _Race(session, call, batch, deadline, spent).run(turn, latency.p95)


class _Race:
    """One request, perhaps joined by a second. Leaving `run`, in whatever way, leaves none of them behind."""

    def __init__(self, session: Session, call: Call, batch: Batch, deadline: float, spent: Spent) -> None:
        self._session, self._call, self._batch = session, call, batch
        self._deadline, self._spent = deadline, spent
        self._tasks: list[asyncio.Task[None]] = []
        self._begun: set[asyncio.Task[None] | None] = set()
        self._outcome: Outcome | None = None
        self._won = False

    async def run(self, first: Turn, usual: float) -> Outcome:
        """The first good answer, or else the last error."""
        try:
            self._send(first)
            for more in LOOKS:
                await asyncio.wait(self._tasks, timeout=more * usual)
                if self._tasks[0].done():
                    break
                if (turn := self._turn(first.started)) is not None:
                    self._send(turn)
                    break
            await asyncio.wait(self._tasks)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        return self._result(first.started)

    def _result(self, started: float) -> Outcome:
        for task in self._tasks:
            if not task.cancelled():
                task.result()
        if self._outcome is None:  # somebody cancelled the tasks themselves: the loop is being shut down
            raise asyncio.CancelledError
        if self._won and self._tasks[0].cancelled():
            # It took at least this long. Left out, the estimate would forget that slow answers exist.
            self._session.turnstile.latency.success(asyncio.get_running_loop().time() - started)
        return self._outcome

    def _turn(self, started: float) -> Turn | None:
        """The turn of a hedge, if there may be one now.

        That the service is as quick as ever is known from a later request that has been answered already; where there
        is nothing to compare with, from the last answer.
        """
        turnstile, now = self._session.turnstile, asyncio.get_running_loop().time()
        if self._call.over() or not turnstile.latency.fits(self._deadline - now):
            return None
        overtaken = turnstile.newest_answered > started
        alone = turnstile.limiter.in_flight == 1 and turnstile.latency.last <= 2 * turnstile.latency.p50
        if not (overtaken or alone) or not self._session.hedges.available:
            return None
        if (start := turnstile.try_enter()) is None:
            return None
        self._session.hedges.spend()
        return Turn(turnstile, start)

    def _send(self, turn: Turn) -> None:
        task = asyncio.get_running_loop().create_task(self._one(turn))
        task.add_done_callback(partial(self._ended, turn))
        self._tasks.append(task)

    async def _one(self, turn: Turn) -> None:
        if self._begun:
            self._spent.attempts += 1
            self._call.hedges += 1
        self._begun.add(asyncio.current_task())
        outcome = await attempt(self._session, self._call, self._batch, turn, self._deadline)
        if self._won:
            return
        self._outcome = outcome
        if not isinstance(outcome, InworldEmbeddingsError):
            self._won = True
            for task in self._tasks:
                if task is not asyncio.current_task():
                    task.cancel()  # at once, before it reads an answer too

    def _ended(self, turn: Turn, task: "asyncio.Task[None]") -> None:
        """Ends the turn of a request that was cancelled before it began: `attempt` never saw it."""
        if task not in self._begun:
            turn.end(Load.CANCELLED)
