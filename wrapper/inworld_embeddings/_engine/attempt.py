"""One attempt: sends a batch once, reads the response, and says what it was. Never raises for what the network does."""

import asyncio
import time
from typing import TYPE_CHECKING

import httpx

from .._batching import Batch
from .._decoding import extra_fields, oddities
from .._error_mapping import (
    Response,
    exchange_error,
    request_id,
    request_id_of_success,
    status_error,
    unexpected_content,
)
from .._http.adapters import cap_for
from .._throttle import Outcome as Load
from ..errors import (
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    InternalServerError,
    InworldEmbeddingsError,
    RateLimitError,
)
from ..result import Extra
from .admission import Permit
from .call import Call
from .observability import log_odd_vectors
from .results import Outcome

if TYPE_CHECKING:
    from .session import Session


async def attempt(session: "Session", call: Call, batch: Batch, permit: Permit, deadline: float) -> Outcome:
    """The vectors of a batch, or the error of this attempt. Releases its permit."""
    call.attempts += 1
    learned: tuple[Load, float | None] = Load.CANCELLED, None
    try:
        outcome = await _exchange(session, call, batch, permit, deadline)
        learned = _load_of(outcome)
    finally:
        permit.release(*learned)
    if not isinstance(outcome, InworldEmbeddingsError):
        permit.answered()
    elif isinstance(outcome, APIStatusError | APIConnectionError) and outcome.retryable:
        session.admission.last_error = outcome
    elif isinstance(outcome, APIResponseValidationError | APITimeoutError):
        session.transport.freshen()  # a timeout: the other idle connections may lead nowhere too (B22)
    return outcome


async def _exchange(session: "Session", call: Call, batch: Batch, permit: Permit, deadline: float) -> Outcome:
    request = session.request(call.envelope, batch.body)
    call.bytes_sent += len(request.content)
    ends = permit.started + session.admission.latency.attempt_timeout()
    try:
        async with asyncio.timeout_at(min(deadline, ends)):
            response = await session.send(request, cap_for(len(batch.texts), call.dimension))
    except TimeoutError:
        if ends < deadline:
            session.admission.latency.timed_out(ends, permit.started)
        return APITimeoutError("No complete response arrived in time.")
    except Exception as error:  # noqa: BLE001 - an auth flow or transport of the user's may raise anything
        return exchange_error(error, session.redactor(request), session.host)
    call.bytes_received += len(response.body)
    if response.status != 200:
        return status_error(response, now=time.time(), redactor=session.redactor(request).about(batch.texts))
    # Only once a response has told the dimension: it bounds what the next request may be answered with.
    if call.dimension is not None and permit.arrived():
        await asyncio.sleep(0)  # the next request goes out first, and the sockets are read
    try:
        return _read(session, call, batch, request, response)
    except MemoryError as error:
        return exchange_error(error, session.redactor(request))
    finally:
        session.transport.reuse(response.body)


def _read(
    session: "Session", call: Call, batch: Batch, request: httpx.Request, response: Response
) -> Outcome:
    """The vectors of a 200, or the error if it is not one vector for each text."""
    place = call.place(batch.indexes) if call.place and call.dimension else None
    try:
        vectors = session.decoder.decode(response.body, len(batch.texts), call.dimension, place)
        zeros, huge = oddities(vectors)
        if zeros and call.options["reject_zero"]:
            message = f"embeddings[{zeros[0]}] is all zero, which reject_zero=True refuses."
            raise APIResponseValidationError(message, content=True)  # noqa: TRY301 - as the decoder would
        engine = response.header("x-inworld-emulator-engine")
        if call.dimension is not None and engine != call.engine:
            message = (
                f"These vectors come from {engine or 'the service'}, earlier ones of this call from {call.engine or 'the service'}. "
                "Check what answers at base_url."
            )
            raise APIResponseValidationError(message, retryable=False)  # noqa: TRY301 - the same
    except APIResponseValidationError as error:
        redactor = session.redactor(request).about(batch.texts)
        error = unexpected_content(response, redactor) or error
        error.request_id = request_id(response, (), redactor)
        return error
    if zeros or huge:
        call.zero_vectors += len(zeros)
        call.huge_vectors += huge
        log_odd_vectors(len(zeros), huge)
    session.engine, session.answered = engine, True
    call.requests += 1
    call.dimension, call.engine = vectors.shape[1], engine
    if call.requests == 1:
        call.open.set()
    if call.extra is not None and (fields := extra_fields(response.body)):
        call.extra[batch.indexes[0]] = Extra(batch.indexes, fields)
    if (identity := request_id_of_success(response, session.redactor(request))) is not None:
        call.request_ids.append(identity)
    return vectors


def _load_of(outcome: "Outcome | None") -> tuple[Load, float | None]:
    """What an outcome tells about the load of the service."""
    retry_after = outcome.retry_after if isinstance(outcome, APIStatusError) else None
    match outcome:
        case RateLimitError():
            return Load.THROTTLED, retry_after
        case APIResponseValidationError(content=True):
            return Load.REFUSED, None
        case APIConnectionError(stale=True) | APIConnectionError(unsent=True):
            return Load.CANCELLED, None
        case APIConnectionError() | APITimeoutError() | InternalServerError() | APIResponseValidationError():
            return Load.FAILED, retry_after
        case APIError():
            return Load.REFUSED, retry_after
        case None | InworldEmbeddingsError():  # the caller's side, memory or the user's own code
            return Load.CANCELLED, None
    return Load.SUCCESS, None
