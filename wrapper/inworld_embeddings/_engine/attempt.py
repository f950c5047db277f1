"""One attempt: send a batch once, read the answer, and say what it was. Never raises for what the network does."""

import asyncio
import time
from typing import TYPE_CHECKING, TypeAlias

import httpx

from .._core import norms
from .._core.batches import Batch
from .._core.canary import Laden
from .._core.decode import decode
from .._core.hints import request_id
from .._core.limiter import Outcome as Load
from .._core.reply import Reply
from .._core.statuses import status_error, unexpected_content
from ..errors import (
    APIConnectionError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    InternalServerError,
    InworldEmbeddingsError,
    RateLimitError,
)
from . import log
from .call import Call
from .failures import connection_error, out_of_memory, provider_error
from .guard import body_cap, cap_for
from .session import Session
from .turn import Turn

if TYPE_CHECKING:
    from ..result import Vectors

Outcome: TypeAlias = "Vectors | InworldEmbeddingsError"


async def attempt(session: Session, call: Call, batch: Batch, turn: Turn, deadline: float) -> Outcome:
    """The vectors of a batch, or the error of this attempt. Ends its turn."""
    call.attempts += 1
    call.bytes_sent += batch.size + call.envelope
    load, hint = Load.CANCELLED, None
    try:
        outcome = await _outcome(session, call, batch, turn, deadline)
        load, hint = _load_of(outcome)
    except MemoryError as error:
        outcome = out_of_memory(error)
    finally:
        turn.end(load, hint)
    if isinstance(outcome, APIResponseValidationError | APITimeoutError):
        session.freshen()  # a timeout: the other idle connections may lead nowhere too (B22)
    elif not isinstance(outcome, InworldEmbeddingsError):
        session.turnstile.answered(turn.started, turn.took or 0.0)
    return outcome


async def _outcome(session: Session, call: Call, batch: Batch, turn: Turn, deadline: float) -> Outcome:
    reply = await _exchange(session, call, batch, turn.started, deadline)
    if not isinstance(reply, Reply):
        return reply
    call.bytes_received += len(reply.body)
    if reply.status != 200:
        return status_error(reply, now=time.time(), redactor=session.redactor.about(batch.texts))
    # Only once an answer has told the dimension: it bounds what the next request may be answered with.
    if call.dimension is not None and turn.arrived():
        await asyncio.sleep(0)  # the next request goes out first, and the sockets are read
    outcome = _read(session, call, batch, reply)
    session.buffers.give(reply.body)
    return outcome


async def _exchange(
    session: Session, call: Call, batch: Batch, started: float, deadline: float
) -> Reply | InworldEmbeddingsError:
    latency = session.turnstile.latency
    own_end = started + latency.attempt_timeout()
    options = call.options
    try:
        body_cap.set(cap_for(len(batch), call.dimension))
        async with asyncio.timeout_at(min(deadline, own_end)):
            return await session.wire.send(batch.body, options.model, options.service_provider or "")
    except TimeoutError:
        if own_end < deadline:
            latency.timed_out(own_end, started)
        return APITimeoutError("No complete answer arrived in time.")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return connection_error(error, session.redactor)
    except InworldEmbeddingsError as error:
        return error.with_traceback(None)  # the frames below hold the request, and that the key
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - an auth flow or transport of the user's
        return provider_error(error)


def _read(session: Session, call: Call, batch: Batch, reply: Reply) -> Outcome:
    redactor = session.redactor
    identity = redactor.clean(request_id(reply.headers, ()) or "") or None
    try:
        if isinstance(batch, Laden):
            vectors = batch.checked(decode(reply.body, len(batch), call.dimension))
        else:
            vectors = decode(reply.body, len(batch), call.dimension, call.room(batch.indexes))
        _note_oddities(call, vectors)
    except APIResponseValidationError as error:
        error = unexpected_content(reply, redactor.about(batch.texts)) or error
        error.request_id = identity
        return error
    call.note_answer(vectors.shape[1], reply.header("x-inworld-emulator-engine"), identity)
    return vectors


def _note_oddities(call: Call, vectors: "Vectors") -> None:
    zeros, huge = norms.zeros(vectors), norms.huge(vectors)
    if zeros and call.options.reject_zero:
        raise APIResponseValidationError(f"embeddings[{zeros[0]}] is all zero.", content=True)
    call.zero_vectors += len(zeros)
    call.huge_vectors += huge
    if zeros or huge:
        log.odd_vectors(len(zeros), huge)


def _load_of(outcome: Outcome) -> tuple[Load, float | None]:
    """What an outcome tells about the load of the service: a refusal shows that it lives."""
    hint = outcome.retry_after if isinstance(outcome, APIStatusError) else None
    match outcome:
        case RateLimitError():
            return Load.THROTTLED, hint
        case APIConnectionError(stale=True):
            return Load.CANCELLED, None
        case APIConnectionError() | APITimeoutError() | InternalServerError() | APIResponseValidationError():
            return Load.FAILED, hint
    return Load.SUCCESS, hint
