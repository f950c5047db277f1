"""Settles a batch: attempts, waits and splits until each of its texts has a vector or an error."""

import asyncio
import contextlib
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from .._core import blame
from .._core.batches import Batch
from .._core.retry import (
    Again,
    Divide,
    Isolate,
    Kind,
    Spent,
    Step,
    Stop,
    decide,
    is_about_texts,
    stops_the_call,
)
from ..errors import (
    APIError,
    APITimeoutError,
    ClientClosedError,
    InworldEmbeddingsError,
    RequestTooLargeError,
    RetryBudgetExhaustedError,
)
from . import log
from .attempt import Outcome
from .call import TOO_LATE, Call
from .canary import prepare
from .hedge import hedged
from .session import Session
from .turn import Turn
from .turnstile import TooLateError


@dataclass(frozen=True, slots=True)
class Settled:
    """A batch, or a part of one, with its outcome."""

    indexes: Sequence[int]
    outcome: Outcome = field(repr=False)


async def settle(session: Session, call: Call, batch: Batch) -> list[Settled]:
    """The outcome of every text of a batch, by index."""
    try:
        if not session.closed:
            if call.options.canary and (error := await prepare(session, call, settle)):
                return [Settled(batch.indexes, error)]
            return await Flow(session, call).run(batch)
    except asyncio.CancelledError:
        if not session.closed:
            raise
    return [Settled(batch.indexes, _closed(call))]


def _closed(call: Call) -> InworldEmbeddingsError:
    call.halted = ClientClosedError("The client was closed while this call was going on.")
    return call.halted


def _no_budget(error: InworldEmbeddingsError) -> InworldEmbeddingsError:
    return RetryBudgetExhaustedError(
        f"Too many of the recent requests failed, so this one was not repeated. {type(error).__name__}: {error}"
    )


def _is_good(settled: Settled) -> bool:
    return not isinstance(settled.outcome, InworldEmbeddingsError)


class Flow:
    """The way of one batch through attempts."""

    def __init__(self, session: Session, call: Call) -> None:
        self._session = session
        self._call = call
        self._deadline = call.deadline_from(asyncio.get_running_loop().time())
        self._most_before = session.cap.most
        self._names_are_right = True

    async def run(self, batch: Batch) -> list[Settled]:
        """The outcome of every text, by index."""
        try:
            settled = await self.settle(batch, Spent())
        finally:
            self._call.doubt.drop(self)
        return sorted(settled, key=lambda part: part.indexes[0])

    async def settle(self, batch: Batch, spent: Spent) -> list[Settled]:
        """The outcome of every text; ``spent`` is what the larger batch it came from had used."""
        most = self._session.cap.most
        if most is not None and len(batch) > most:
            return await self._each(batch.parts(most), spent)
        while True:
            outcome = await self._attempt(batch, spent)
            if not isinstance(outcome, InworldEmbeddingsError):
                self._session.cap.took(len(batch))
                return [Settled(batch.indexes, outcome)]
            match self._step(outcome, batch, spent):
                case Again(kind, wait):
                    if kind is not Kind.FREE and not self._session.turnstile.budget.spend():
                        return [self._final(batch, _no_budget(outcome), spent)]
                    spent.note(kind)
                    self._call.retries += 1
                    log.retry(outcome, wait, texts=len(batch), attempts=spent.attempts)
                    await self._pause(wait)
                case Divide(most):
                    self._session.cap.lower(most)
                    return await self._each(batch.parts(most), spent)
                case Isolate():
                    return await self._isolate(batch, outcome, spent)
                case _:
                    return [self._final(batch, outcome, spent)]

    async def _attempt(self, batch: Batch, spent: Spent) -> Outcome:
        """One attempt, once it is this batch's turn, unless the call is over by then."""
        try:
            turn = await self._turn()
        except (TooLateError, TimeoutError):
            return self._call.over() or APITimeoutError(TOO_LATE)
        spent.attempts += 1
        return await hedged(self._session, self._call, batch, turn, self._deadline, spent)

    async def _turn(self) -> Turn:
        """Waits for a turn to send, see `Turnstile.enter`, if there is none right now."""
        call = self._call
        if not call.over() and not call.is_doubtful() and not call.slots.locked():
            call.doubt.drop(self)
            if turn := self._in_turn(self._session.turnstile.enter_at_once(self._deadline)):
                await call.slots.acquire()  # at once, too
                return turn
        async with call.waiting(self._deadline):
            while True:
                if call.over():
                    raise TooLateError
                if call.is_doubtful():
                    await call.doubt.take(self)
                if not call.is_doubtful():
                    call.doubt.drop(self)
                if (turn := await self._next_turn()) is not None:
                    return turn

    async def _next_turn(self) -> Turn | None:
        """A turn, or None if it is not this batch that may send."""
        call, started = self._call, None
        await call.slots.acquire()
        try:
            started = await self._session.turnstile.enter(self._deadline, self._may_send)
        finally:
            if started is None:
                call.slots.release()
        return self._in_turn(started)

    def _in_turn(self, started: float | None) -> Turn | None:
        return None if started is None else Turn(self._session.turnstile, started, self._call.slots)

    def _may_send(self) -> bool:
        call = self._call
        return not call.over() and (not call.is_doubtful() or call.doubt.is_held_by(self))

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with self._call.waiting():
                await asyncio.sleep(seconds)

    def _step(self, error: InworldEmbeddingsError, batch: Batch, spent: Spent) -> Step:
        if error is self._call.halted:
            return Stop()
        return decide(
            error,
            spent,
            texts=len(batch),
            max_retries=self._call.options.max_retries,
            remaining=self._deadline - asyncio.get_running_loop().time(),
            random=random.random,
        )

    async def _each(self, batches: list[Batch], spent: Spent) -> list[Settled]:
        """The parts of a batch, one after another: what one of them learns, the next one need not."""
        return [part for batch in batches for part in await self.settle(batch, spent.part())]

    async def _isolate(self, batch: Batch, error: InworldEmbeddingsError, spent: Spent) -> list[Settled]:
        """Finds the texts to blame: tries some alone, then what is left, whole or in halves."""
        spent = spent.part(searching=True)
        if self._call.has_answers():
            named = blame.named(error, len(batch)) if self._names_are_right else []
            settled = await self._alone(batch, named, spent)
            self._names_are_right = self._names_are_right and not any(map(_is_good, settled))
        else:
            self._call.suspected = True
            await self._call.doubt.take(self)
            settled = await self._alone(batch, blame.spread(len(batch)), spent)
        rest = blame.without(batch, {part.indexes[0] for part in settled})
        if rest is None:
            return settled
        found = any(not _is_good(part) for part in settled)
        return settled + await self._each([rest] if found else blame.halves(rest), spent)

    async def _alone(self, batch: Batch, positions: list[int], spent: Spent) -> list[Settled]:
        """Sends texts alone, one after another, until one of them is accepted."""
        settled: list[Settled] = []
        for position in positions:
            settled += await self._each([batch.pick([position])], spent)
            if _is_good(settled[-1]):
                break
        return settled

    def _final(self, batch: Batch, error: InworldEmbeddingsError, spent: Spent) -> Settled:
        """The error that stands, with what was tried; it ends the call if every further request would meet it."""
        if error is not self._call.halted:
            if isinstance(error, APIError):
                error.attempts = spent.attempts
            if isinstance(error, RequestTooLargeError):
                self._session.cap.restore(self._most_before)
            self._call.refused += is_about_texts(error) and len(batch) == 1
            if stops_the_call(error) or self._is_hopeless(error):
                self._call.halt(error)
        return Settled(batch.indexes, error)

    def _is_hopeless(self, error: InworldEmbeddingsError) -> bool:
        """Whether it is no use to go on: the service is down, or refuses whatever it is sent."""
        if self._session.turnstile.limiter.probing and isinstance(error, APIError) and error.retryable:
            return True
        return self._call.refused >= blame.ENOUGH and not self._call.has_answers()
