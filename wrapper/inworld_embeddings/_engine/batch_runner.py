"""Runs one batch: attempts, waits, splits and bisects until each of its texts has a vector or an error."""

import asyncio
import contextlib
import random
from typing import TYPE_CHECKING

from .._batching import ENOUGH, Batch, named_positions, spread_out
from .._retry import Bisect, Retry, Spent, Split, Step, Stop, decide, is_about_texts, stops_the_call
from ..errors import (
    APIError,
    APITimeoutError,
    ClientClosedError,
    InworldEmbeddingsError,
    RequestTooLargeError,
)
from .admission import TooLateError
from .attempt import attempt
from .call import TOO_LATE, Call
from .hedging import hedged
from .observability import log_retry, warn_of_long_texts
from .results import BatchOutcome, Outcome

if TYPE_CHECKING:
    from .session import Session


async def run_batch(session: "Session", call: Call, batch: Batch) -> list[BatchOutcome]:
    """The outcome of every text of a batch, by index."""
    try:
        if not session.closed:
            if call.reads is not None and max(map(len, batch.texts)) >= 2 * call.reads:
                warn_of_long_texts(call, batch)
            parts = await BatchRunner(session, call).run(batch, Spent())
            return parts if len(parts) == 1 else sorted(parts, key=lambda part: part.indexes[0])
    except asyncio.CancelledError:
        if not session.closed:
            raise
    call.halted = ClientClosedError("The client was closed while this call was going on.")
    return [BatchOutcome(batch.indexes, call.halted)]


class BatchRunner:
    """The way of one batch through attempts."""

    def __init__(self, session: "Session", call: Call) -> None:
        self._session = session
        self._call = call
        self._deadline = call.timeout + (session.admission.time() if call.endless else call.started)
        self._most_before = session.cap.most
        self._names_are_right = True

    async def run(self, batch: Batch, spent: Spent) -> list[BatchOutcome]:
        """The outcome of every text; ``spent`` is what the larger batch it came from had used."""
        cap = self._session.cap
        if cap.most is not None and len(batch) > cap.most:
            return await self._each(batch.parts(cap.most), spent)
        while True:
            outcome = await self._attempt(batch, spent)
            if not isinstance(outcome, InworldEmbeddingsError):
                if cap.most is not None:
                    cap.took(len(batch))
                return [BatchOutcome(batch.indexes, outcome)]
            match self._step(outcome, batch, spent):
                case Retry() as retry:
                    await self._pause(outcome, batch, spent, retry)
                case Split(most):
                    cap.lower(most)
                    return await self._each(batch.parts(most), spent)
                case Bisect():
                    return await self._bisect(batch, outcome, spent)
                case _:
                    return [self._final(batch, outcome, spent)]

    async def _attempt(self, batch: Batch, spent: Spent) -> Outcome:
        """One attempt, once it is this batch's turn, unless the call is over by then."""
        session, call = self._session, self._call
        try:
            permit = await session.admission.acquire(call, self._deadline, bisecting=spent.bisecting)
        except TooLateError:
            return call.halted or APITimeoutError(TOO_LATE)
        spent.attempts += 1
        if call.options["hedge"]:
            return await hedged(session, call, batch, permit, self._deadline, spent)
        return await attempt(session, call, batch, permit, self._deadline)

    def _step(self, error: InworldEmbeddingsError, batch: Batch, spent: Spent) -> Step:
        admission = self._session.admission
        if error is self._call.halted:
            return Stop()
        return decide(
            error,
            spent,
            texts=len(batch),
            max_retries=self._call.options["max_retries"],
            remaining=self._deadline - admission.time(),
            policy=self._session.policy,
            budget=admission.budget,
            random=random.random,
        )

    async def _pause(self, error: InworldEmbeddingsError, batch: Batch, spent: Spent, retry: Retry) -> None:
        """Waits before the next attempt, unless the call ends meanwhile."""
        spent.note(retry.kind)
        self._call.retries += 1
        log_retry(error, retry.wait, texts=len(batch), attempts=spent.attempts)
        with contextlib.suppress(TimeoutError):
            async with self._call.waiting():
                await asyncio.sleep(retry.wait)

    async def _each(self, batches: list[Batch], spent: Spent) -> list[BatchOutcome]:
        """The parts of a batch, one after another: what one of them learns, the next one need not."""
        return [part for batch in batches for part in await self.run(batch, spent.part())]

    async def _bisect(self, batch: Batch, error: InworldEmbeddingsError, spent: Spent) -> list[BatchOutcome]:
        """Finds the refused texts: tries some alone, then what is left, whole or in halves."""
        with self._call.bisecting():
            spent = spent.part(bisecting=True)
            if not self._call.requests:
                positions = spread_out(len(batch))
            else:
                positions = named_positions(error, len(batch)) if self._names_are_right else []
            parts = await self._alone(batch, positions, spent)
            if self._call.requests:
                self._names_are_right = self._names_are_right and all(part.error for part in parts)
            rest = batch.without({part.indexes[0] for part in parts})
            if not rest:
                return parts
            found = any(part.error for part in parts)
            return parts + await self._each([rest] if found else rest.parts((len(rest) + 1) // 2), spent)

    async def _alone(self, batch: Batch, positions: list[int], spent: Spent) -> list[BatchOutcome]:
        """Sends texts alone, one after another, until one of them is accepted."""
        parts: list[BatchOutcome] = []
        for position in positions:
            parts += await self._each([batch.pick([position])], spent)
            if parts[-1].error is None:
                break
        return parts

    def _final(self, batch: Batch, error: InworldEmbeddingsError, spent: Spent) -> BatchOutcome:
        """The error that stands, with what was tried; it ends the call if every further request would meet it."""
        call = self._call
        if error is not call.halted:
            if isinstance(error, APIError):
                error.attempts = spent.attempts
            if isinstance(error, RequestTooLargeError):
                self._session.cap.restore(self._most_before)
            about_it = is_about_texts(error) or isinstance(error, RequestTooLargeError)
            call.refused += about_it and len(batch) == 1
            if stops_the_call(error, self._session.policy) or self._is_hopeless(error):
                call.halt(error)
        return BatchOutcome(batch.indexes, error)

    def _is_hopeless(self, error: InworldEmbeddingsError) -> bool:
        """Whether it is no use to go on: the service is down, or refuses whatever it is sent."""
        if self._session.admission.throttle.probing and isinstance(error, APIError) and error.retryable:
            return True
        return self._call.refused >= ENOUGH and not self._call.requests
