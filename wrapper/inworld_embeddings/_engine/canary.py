"""Canary mode: learns the canaries' vectors once, and sends one of them with each request."""

import asyncio
import dataclasses
import random
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from .._core.batches import Batch
from .._core.canary import WORDS, Flock, laden
from ..errors import APITimeoutError, InworldEmbeddingsError
from . import attempt as plain
from .call import TOO_LATE, Call
from .planning import planned
from .session import Session
from .turn import Turn

if TYPE_CHECKING:
    from ..result import Vectors
    from .flow import Settled

    Settle = Callable[[Session, Call, Batch], Awaitable[list[Settled]]]


async def attempt(session: Session, call: Call, batch: Batch, turn: Turn, deadline: float) -> plain.Outcome:
    """As `attempt.attempt`; with ``canary=True``, a canary goes with it. A hedge gets another one than its first."""
    flock = call.flock
    if flock is None:
        return await plain.attempt(session, call, batch, turn, deadline)
    number = flock.take()
    try:
        loaded = laden(batch, flock, number, random.random)
        return await plain.attempt(session, call, loaded, turn, deadline)
    finally:
        flock.give_back(number)


async def prepare(session: Session, call: Call, settle: "Settle") -> InworldEmbeddingsError | None:
    """Sees to it that a call has its canaries before its first request; else the error that ends the call.

    They are learned once for each session and model, whoever comes first; the others wait. A call keeps those it
    began with, so that a model that changes in between is noticed.
    """
    key = (call.options.model, call.options.service_provider or "")
    deadline = call.deadline_from(asyncio.get_running_loop().time())
    try:
        async with call.waiting(deadline), session.learning:
            if error := call.over():
                return error
            if call.flock is None:
                flock = session.flocks.get(key)
                if flock is None or flock.doubtful:
                    flock = session.flocks[key] = await _learned(session, call, settle)
                call.flock = flock
    except InworldEmbeddingsError as error:
        call.halt(error.with_traceback(None))  # the frames below hold the session
        return error
    except TimeoutError:
        return call.over() or APITimeoutError(TOO_LATE)
    return None


async def _learned(session: Session, call: Call, settle: "Settle") -> Flock:
    """The canaries with their vectors, by one request of their own, or more if a batch may not hold them all."""
    import numpy as np  # noqa: PLC0415 - loaded with the first answer

    options = dataclasses.replace(call.options, canary=False, hedge=False)
    learner = Call(options, started=call.started, endless=call.endless)
    parts: list[Settled] = []
    try:
        for batch in planned(WORDS, options):
            parts += await settle(session, learner, batch)
    finally:
        call.attempts += learner.attempts
        call.retries += learner.retries
        call.bytes_sent += learner.bytes_sent
        call.bytes_received += learner.bytes_received
    rows: list[Vectors] = []
    for part in parts:
        if isinstance(part.outcome, InworldEmbeddingsError):
            raise part.outcome
        rows.append(part.outcome)
    return Flock(np.concatenate(rows))
