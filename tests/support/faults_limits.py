"""Servers with limits: batches too large by texts or bytes, a text they refuse, so many requests a second."""

from collections.abc import Callable, Collection
from typing import Any

from support.fault import OK, Exchange, Fault, Request
from support.faults_status import rpc_body, status
from support.load import TokenBucket
from support.vectors import text_id

BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"

RECEIVED_LARGER = "grpc: received message larger than max ({size} vs. {limit})"
DECOMPRESSED_LARGER = "grpc: received message after decompression larger than max ({size} vs. {limit})"
SENDING_LARGER = "grpc: trying to send message larger than max ({size} vs. {limit})"


def when(condition: Callable[[Request], bool], then: Fault, otherwise: Fault = OK) -> Fault:
    """One fault if the request is so, another if not."""
    return Fault("when", lambda ex: ex.play(then if condition(ex.request) else otherwise))


def too_many_texts(limit: int, *, http: int = 413, otherwise: Fault = OK) -> Fault:
    """413 for batches of more texts (C06)."""
    return when(lambda request: len(request.texts) > limit, status(http), otherwise)


def too_many_bytes(limit: int, *, http: int = 413, otherwise: Fault = OK) -> Fault:
    """413 for bodies of more bytes (C06)."""
    return when(lambda request: request.body_bytes > limit, status(http), otherwise)


def message_larger_than_max(
    limit: int,
    *,
    size: Callable[[Request], int] = lambda request: request.body_bytes,
    wording: str = RECEIVED_LARGER,
    otherwise: Fault = OK,
) -> Fault:
    """The 429 that will never succeed: a gRPC hop's message limit, with both sizes in its message (C10).

    Args:
        limit: the most that ``size`` may be.
        size: bytes of the request; for a limit by texts, ``lambda r: 3072 * len(r.texts)``.
        wording: one of the three that gRPC uses, with ``{size}`` and ``{limit}``.
        otherwise: what smaller batches get.
    """

    def play(ex: Exchange) -> None:
        actual = size(ex.request)
        message = wording.format(size=actual, limit=limit)
        ex.play(status(429, code=8, message=message) if actual > limit else otherwise)

    return Fault("message_larger_than_max", play)


def poison(
    texts: Collection[str], *, field_violations: bool = False, http: int = 400, otherwise: Fault = OK
) -> Fault:
    """400 for any batch that holds one of these texts; a client has to bisect to find it (C01).

    With ``field_violations`` the error names the place of each, as ``inputs[3].text``.
    """
    guilty = frozenset(map(text_id, texts))

    def play(ex: Exchange) -> None:
        places = [index for index, text in enumerate(ex.request.texts) if text_id(text) in guilty]
        details = [_violations(places)] if field_violations else []
        ex.play(status(http, code=3, message="invalid input", details=details) if places else otherwise)

    return Fault("poison", play)


def _violations(places: list[int]) -> dict[str, Any]:
    named = [{"field": f"inputs[{index}].text", "description": "is refused"} for index in places]
    return {"@type": BAD_REQUEST, "fieldViolations": named}


def wrong_for(texts: Collection[str], bad: Fault, otherwise: Fault = OK) -> Fault:
    """Another fault for any batch that holds one of these texts, such as a body that is never valid."""
    guilty = frozenset(map(text_id, texts))
    return when(lambda request: any(text_id(text) in guilty for text in request.texts), bad, otherwise)


def rate_limited(bucket: TokenBucket, *, hint: bool = False, otherwise: Fault = OK) -> Fault:
    """429 when the bucket is empty (C07, G01); with ``hint``, Retry-After says when a token comes."""

    def play(ex: Exchange) -> None:
        wait = bucket.take()
        headers = [("Retry-After", str(max(1, round(wait))))] if hint else []
        ex.play(status(429, headers=headers) if wait else otherwise)

    return Fault("rate_limited", play)


def key_echo(text: str, *, http: int = 403) -> Fault:
    """An error message that quotes what the test gives it: a key, ANSI codes, line breaks (C14)."""
    return Fault(f"key_echo_{http}", lambda ex: ex.reply(http, rpc_body(7, text)))
