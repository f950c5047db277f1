"""The answers that faults give in place of the real one."""

import re
from collections.abc import Callable, Mapping
from email.utils import formatdate
from math import ceil
from typing import Final

from ..handle import EmbedMessage, check_size, request_bytes
from ..messages import JSON_HEADERS, Carriage, Reply, RpcError, error_reply, status_reply
from .kinds import Drop, Hint, Html, MaxMessage, Poison, Quota, Status
from .state import Hit

_CODES: Final = {  # grpc-gateway v2, runtime/errors.go, read backwards [source]
    400: 3, 401: 16, 403: 7, 404: 5, 408: 1, 409: 10, 429: 8, 499: 1, 500: 13, 501: 12, 503: 14, 504: 4
}  # fmt: skip
_UNKNOWN: Final = 2

_REASONS: Final = {502: "Bad Gateway", 503: "Service Temporarily Unavailable", 504: "Gateway Time-out"}
_MOST_VIOLATIONS: Final = 100


def refusal(hit: Hit, asked: Callable[[], EmbedMessage], wall: Callable[[], float]) -> Reply | None:
    """The answer in place of the real one, if this fault gives one to this request.

    Args:
        hit: The fault.
        asked: What the request asks for.
        wall: Wall clock, seconds since the epoch, for dates.
    """
    match hit.fault:
        case Status() as fault:
            return _status(fault, wall)
        case Html() as fault:
            return _html(fault)
        case Quota() as fault:
            return _over_quota(fault, hit.seconds, wall)
        case Drop() as fault:
            return Reply(200, JSON_HEADERS, b"{}", Carriage(drop=fault.at, reset=fault.reset))
        case MaxMessage() as fault:
            return too_large(fault, request_bytes(asked()))
        case Poison() as fault:
            return _poisoned(fault, asked().texts)
    return None


def _status(fault: Status, wall: Callable[[], float]) -> Reply:
    details = [_retry_info(fault.retry_info)] if fault.retry_info is not None else []
    message = f"injected by the emulator: {fault.label}" if fault.message is None else fault.message
    reply = status_reply(fault.code, _CODES.get(fault.code, _UNKNOWN), message, details)
    headers = _retry_after(fault.retry_after)
    if fault.retry_date is not None:
        headers += (("retry-after", formatdate(ceil(wall() + fault.retry_date), usegmt=True)),)
    return Reply(reply.status, reply.headers + headers, reply.body)


def _html(fault: Html) -> Reply:
    title = f"{fault.code} {_REASONS.get(fault.code, 'Error')}"
    page = f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
    return Reply(fault.code, (("content-type", "text/html"), *_retry_after(fault.retry_after)), page.encode())


def _over_quota(fault: Quota, wait: float, wall: Callable[[], float]) -> Reply:
    after = wait if fault.hint is Hint.RETRY_AFTER else None
    info = wait if fault.hint is Hint.RETRY_INFO else None
    return _status(Status(429, retry_after=after, retry_info=info, message="quota exceeded"), wall)


def _retry_after(seconds: float | None) -> tuple[tuple[str, str], ...]:
    return (("retry-after", str(ceil(seconds))),) if seconds is not None else ()


def _retry_info(seconds: float) -> Mapping[str, object]:
    text = f"{seconds:.9f}".rstrip("0").rstrip(".")
    return {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{text}s"}


def too_large(fault: MaxMessage, size: int) -> Reply | None:
    """The refusal of a message of so many protobuf bytes, if it is too large."""
    try:
        check_size(size, fault.size)
    except RpcError as error:
        return error_reply(error)
    return None


def _poisoned(fault: Poison, texts: tuple[str, ...]) -> Reply | None:
    pattern = re.compile(fault.pattern)
    places = [place for place, text in enumerate(texts) if pattern.search(text)]
    if not places:
        return None
    violations = [
        {"field": f"inputs[{place}]", "description": "refused by the emulator's poison pattern"}
        for place in places[:_MOST_VIOLATIONS]
    ]
    details = {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": violations}
    return status_reply(400, 3, "invalid input", [] if fault.silent else [details])
