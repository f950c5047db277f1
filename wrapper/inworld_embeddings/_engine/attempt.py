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

if TYPE_CHECKING:
    from ..result import Vectors

Outcome: TypeAlias = "Vectors | InworldEmbeddingsError"


async def attempt(session: Session, call: Call, batch: Batch, started: float, deadline: float) -> Outcome:
    """The vectors of a batch, or the error of this attempt. Ends the turn that began at ``started``."""
    call.attempts += 1
    call.bytes_sent += batch.size + call.envelope
    load, hint = Load.CANCELLED, None
    try:
        outcome = await _exchange(session, call, batch, started, deadline)
        load, hint = _load_of(outcome)
    except MemoryError as error:
        outcome = out_of_memory(error)
    finally:
        session.turnstile.leave(started, load, hint)
    if isinstance(outcome, APIResponseValidationError | APITimeoutError):
        session.freshen()  # a timeout: the other idle connections may lead nowhere too (B22)
    elif not isinstance(outcome, InworldEmbeddingsError):
        session.turnstile.answered(started)
    return outcome


async def _exchange(session: Session, call: Call, batch: Batch, started: float, deadline: float) -> Outcome:
    latency = session.turnstile.latency
    own_end = started + latency.attempt_timeout()
    options = call.options
    try:
        body_cap.set(cap_for(len(batch), call.dimension))
        async with asyncio.timeout_at(min(deadline, own_end)):
            reply = await session.wire.send(batch.texts, options.model, options.service_provider or "")
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
    call.bytes_received += len(reply.body)
    return _read(session, call, batch, reply)


def _read(session: Session, call: Call, batch: Batch, reply: Reply) -> Outcome:
    redactor = session.redactor
    if reply.status != 200:
        return status_error(reply, now=time.time(), redactor=redactor.about(batch.texts))
    identity = redactor.clean(request_id(reply.headers, ()) or "") or None
    try:
        vectors = decode(reply.body, len(batch), call.dimension)
        vectors = batch.checked(vectors) if isinstance(batch, Laden) else vectors
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
