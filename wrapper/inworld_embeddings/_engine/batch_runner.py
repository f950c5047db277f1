"""Runs one batch: attempts, waits, splits and bisects until each of its texts has a vector or an error."""

import asyncio
import contextlib
import random
from typing import TYPE_CHECKING

from .._batching import ENOUGH, ENOUGH_WRONG, Batch, named_positions, spread_out
from .._retry import Bisect, Retry, Spent, Split, Step, Stop, decide, is_about_texts, stops_the_call
from ..errors import (
    APIError,
    APITimeoutError,
    BadRequestError,
    ClientClosedError,
    InworldEmbeddingsError,
    RequestTooLargeError,
)
from .admission import TooLateError
from .attempt import attempt
from .call import Call, counted, explain
from .hedging import hedged
from .observability import log_retry, warn_of_long_texts
from .results import BatchOutcome, Outcome, in_order

if TYPE_CHECKING:
    from .session import Session


async def run_batch(session: "Session", call: Call, batch: Batch) -> list[BatchOutcome]:
    """The outcome of every text of a batch, by index."""
    if batch.unsendable is not None:
        return [BatchOutcome(batch.indexes, batch.unsendable)]
    call.batches += 1
    try:
        if not session.closed:
            if call.reads is not None and max(map(len, batch.texts)) >= 2 * call.reads:
                warn_of_long_texts(call, batch)
            parts = await BatchRunner(session, call).run(batch, Spent())
            return parts if len(parts) == 1 else in_order(parts)
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
        self._deadline = session.admission.time() + call.timeout if call.endless else call.deadline
        self._most_before = session.cap.most
        self._names_are_right = True

    async def run(self, batch: Batch, spent: Spent) -> list[BatchOutcome]:
        """The outcome of every text; ``spent`` is what the larger batch it came from had used."""
        cap = self._session.cap
        if cap.most is not None and len(batch) > cap.most:
            return await self._each(batch.parts(cap.most), spent)
        retry: Retry | None = None
        while True:
            try:
                outcome = await self._attempt(batch, spent, retry)
            except TooLateError:
                return [BatchOutcome(batch.indexes, self._out_of_time(spent))]
            if not isinstance(outcome, InworldEmbeddingsError):
                if cap.most is not None:
                    cap.took(len(batch))
                return [BatchOutcome(batch.indexes, outcome)]
            match self._step(outcome, batch, spent):
                case Retry() as retry:
                    log_retry(outcome, retry.wait, texts=len(batch), attempts=spent.attempts)
                case Split(most):
                    cap.lower(most)
                    return await self._split(batch, outcome, most, spent)
                case Bisect():
                    return await self._bisect(batch, outcome, spent)
                case Stop(limit):
                    return [self._final(batch, outcome, spent, limit)]

    async def _attempt(self, batch: Batch, spent: Spent, retry: Retry | None) -> Outcome:
        """One attempt, once it is this batch's turn. What is never sent does not count as a retry.

        Raises:
            TooLateError: the call is over.
        """
        session, call = self._session, self._call
        try:
            if retry is not None:
                with contextlib.suppress(TimeoutError):  # the call ends
                    async with call.waiting():
                        await asyncio.sleep(retry.wait)
            permit = await session.admission.acquire(call, self._deadline, bisecting=spent.bisecting)
        except (TooLateError, asyncio.CancelledError):
            if retry is not None and retry.counts:
                session.admission.budget.give_back()
            raise
        if retry is not None:
            call.retries += 1
            if retry.counts or not retry.wait:
                spent.note(retry.kind)
        spent.attempts += 1
        spent.first_at = min(spent.first_at, permit.started)
        if call.options["hedge"]:
            outcome = await hedged(session, call, batch, permit, self._deadline, spent)
        else:
            outcome = await attempt(session, call, batch, permit, self._deadline)
        if isinstance(outcome, APIError) and outcome.retryable:
            ended = session.admission.time() >= self._deadline
            if not (ended and isinstance(outcome, APITimeoutError)):  # else it says nothing of the service
                call.refused_by(outcome)
            if ended:
                raise TooLateError
        return outcome

    def _step(self, error: InworldEmbeddingsError, batch: Batch, spent: Spent) -> Step:
        admission, call = self._session.admission, self._call
        others_succeed = admission.newest_answered > spent.first_at
        alone = call.batches == 1
        return decide(
            error,
            spent,
            texts=len(batch),
            max_retries=call.options["max_retries"],
            remaining=self._deadline - admission.time(),
            policy=self._session.policy,
            budget=admission.budget,
            random=random.random,
            patient=admission.throttle.probing or not (alone or others_succeed),
        )

    async def _each(self, batches: list[Batch], spent: Spent) -> list[BatchOutcome]:
        """The parts of a batch, one after another: what one of them learns, the next one need not."""
        return [part for batch in batches for part in await self.run(batch, spent.part())]

    async def _split(
        self, batch: Batch, error: InworldEmbeddingsError, most: int, spent: Spent
    ) -> list[BatchOutcome]:
        """Sends a batch that is too large in parts.

        While nothing was accepted and the limit is not known, its shortest text goes ahead alone: where even that is
        refused, so are the longer ones, which need not be sent.
        """
        if self._call.requests or getattr(error, "sizes", None):
            return await self._each(batch.parts(most), spent)
        shortest = batch.shortest()
        first = await self.run(batch.pick([shortest]), spent.part())
        if isinstance(first[0].error, RequestTooLargeError):
            return [BatchOutcome(batch.indexes, first[0].error)]
        return first + await self._each(batch.without({batch.indexes[shortest]}).parts(most), spent)

    async def _bisect(self, batch: Batch, error: InworldEmbeddingsError, spent: Spent) -> list[BatchOutcome]:
        """Finds the refused texts: tries some alone, then what is left, whole or in halves."""
        with self._call.bisecting():
            spent = spent.part(bisecting=True)
            names = (
                named_positions(error, len(batch)) if self._call.requests and self._names_are_right else []
            )
            few = ENOUGH if isinstance(error, BadRequestError) else ENOUGH_WRONG
            parts = await self._alone(batch, names or spread_out(len(batch))[:few], spent)
            if names:
                self._names_are_right = all(part.error for part in parts)
            rest = batch.without({part.indexes[0] for part in parts})
            if not rest:
                return parts
            if not names and len(parts) == few and parts[-1].error:
                return [*parts, BatchOutcome(rest.indexes, parts[-1].error)]  # it is not single texts
            if any(part.error for part in parts):
                return parts + await self._each([rest], spent)
            return parts + await self._halves(rest, error, spent)

    async def _halves(self, batch: Batch, error: InworldEmbeddingsError, spent: Spent) -> list[BatchOutcome]:
        """Sends a refused batch in two. If the first half is fine it is the other, which need not be sent to know."""
        if len(batch) == 1:
            return await self._each([batch], spent)
        first, *rest = batch.parts((len(batch) + 1) // 2)
        parts = await self._each([first], spent)
        if any(part.error for part in parts):
            return parts + await self._each(rest, spent)
        return parts + await self._halves(rest[0], error, spent)

    async def _alone(self, batch: Batch, positions: list[int], spent: Spent) -> list[BatchOutcome]:
        """Sends texts alone, one after another, until one of them is accepted."""
        parts: list[BatchOutcome] = []
        for position in positions:
            parts += await self._each([batch.pick([position])], spent)
            if parts[-1].error is None:
                break
        return parts

    def _is_no_shorter(self, error: InworldEmbeddingsError, batch: Batch) -> bool:
        """Whether a text is refused as too large that is no shorter than one before: then length explains nothing."""
        if not isinstance(error, RequestTooLargeError):
            return False
        before, self._call.shortest = self._call.shortest, min(self._call.shortest, len(batch.body))
        return len(batch.body) >= before

    def _out_of_time(self, spent: Spent) -> InworldEmbeddingsError:
        """The error of a batch that the end of its call or of its time kept from being sent."""
        call = self._call
        if call.halted is not None:
            return call.halted
        return call.out_of_time(spent.attempts, self._session.admission.last_error)

    def _final(self, batch: Batch, error: InworldEmbeddingsError, spent: Spent, limit: str) -> BatchOutcome:
        """The error that stands, with what was tried; it ends the call if every further request would meet it."""
        call = self._call
        if isinstance(error, APIError):
            error.attempts = spent.attempts
            if limit:
                limit = f"timeout={call.timeout:g}" if limit == "timeout" else limit
                explain(error, f"given up after {counted(spent.attempts)} by {limit}")
        if isinstance(error, RequestTooLargeError):
            self._session.cap.restore(self._most_before)
        if len(batch) == 1:
            call.refused += is_about_texts(error) or self._is_no_shorter(error, batch)
        refuses_all = call.refused >= ENOUGH and not call.requests
        if stops_the_call(error, self._session.policy) or refuses_all:
            call.halt(error)
        return BatchOutcome(batch.indexes, error)
