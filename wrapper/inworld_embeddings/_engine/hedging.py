"""Hedging: a second, identical request for one that takes unusually long; the first good response counts.

It cuts the tail that single slow requests make. It must not add load when the service itself is slow (catalogue
G05), so a hedge needs all of this: 16 known latencies and a request older than their 95th percentile; a sign that
the service is as quick as ever; a permit that is free right now; and a budget of 5 % of the session's requests.
"""

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Final

from .._batching import Batch
from .._retry import Spent
from .._throttle import Outcome as Load
from ..errors import InworldEmbeddingsError
from .admission import Permit
from .attempt import attempt
from .call import Call
from .results import Outcome

if TYPE_CHECKING:
    from .session import Session

LOOKS: Final = (1.0, 0.5, 0.5, 1.0)
"""Pauses between looks at whether to hedge, as shares of the 95th percentile. The last is at three times that: later,
responses of a service that is slow as a whole begin to overtake each other."""


async def hedged(
    session: "Session", call: Call, batch: Batch, permit: Permit, deadline: float, spent: Spent
) -> Outcome:
    """As `attempt`; with good reason, a second request runs beside the first."""
    session.hedges.earn()
    latency = session.admission.latency
    if not latency.known:
        return await attempt(session, call, batch, permit, deadline)
    return await _Race(session, call, batch, deadline, spent).run(permit, latency.p95)


class _Race:
    """One request, perhaps joined by a second. Leaving `run`, in whatever way, leaves none of them behind."""

    def __init__(self, session: "Session", call: Call, batch: Batch, deadline: float, spent: Spent) -> None:
        self._session, self._call, self._batch = session, call, batch
        self._deadline, self._spent = deadline, spent
        self._tasks: list[asyncio.Task[None]] = []
        self._begun: set[asyncio.Task[None] | None] = set()
        self._outcome: Outcome | None = None
        self._won = False

    async def run(self, first: Permit, usual: float) -> Outcome:
        """The first good response, or else the last error."""
        try:
            self._send(first)
            for more in LOOKS:
                await asyncio.wait(self._tasks, timeout=more * usual)
                if self._tasks[0].done():
                    break
                if (permit := self._permit(first.started)) is not None:
                    self._send(permit)
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
            # It took at least this long. Left out, the estimate would forget that slow responses exist.
            admission = self._session.admission
            admission.latency.success(admission.time() - started)
        return self._outcome

    def _permit(self, started: float) -> Permit | None:
        """The permit of a hedge, if there may be one now.

        That the service is as quick as ever is known from a later request that has been answered already; where there
        is nothing to compare with, from the last response.
        """
        admission, hedges = self._session.admission, self._session.hedges
        latency = admission.latency
        if self._call.halted or admission.time() + latency.p50 >= self._deadline:
            return None
        overtaken = admission.newest_answered > started
        alone = admission.throttle.in_flight == 1 and latency.last <= 2 * latency.p50
        if not (overtaken or alone) or not hedges.available:
            return None
        if (permit := admission.hedge()) is not None:
            hedges.spend()
        return permit

    def _send(self, permit: Permit) -> None:
        task = asyncio.get_running_loop().create_task(self._one(permit))
        task.add_done_callback(partial(self._ended, permit))
        self._tasks.append(task)

    async def _one(self, permit: Permit) -> None:
        if self._begun:
            self._spent.attempts += 1
            self._call.hedges += 1
        self._begun.add(asyncio.current_task())
        outcome = await attempt(self._session, self._call, self._batch, permit, self._deadline)
        if self._won:
            return
        self._outcome = outcome
        if not isinstance(outcome, InworldEmbeddingsError):
            self._won = True
            for task in self._tasks:
                if task is not asyncio.current_task():
                    task.cancel()  # at once, before it reads a response too

    def _ended(self, permit: Permit, task: "asyncio.Task[None]") -> None:
        """Releases the permit of a request that was cancelled before it began: `attempt` never saw it."""
        if task not in self._begun:
            permit.release(Load.CANCELLED)
