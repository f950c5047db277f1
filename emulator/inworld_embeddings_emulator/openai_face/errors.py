"""Error answers in OpenAI's words: ``{"error": {"message", "type", "param", "code"}}``."""

import json
from math import ceil

from ..messages import Reply
from ..rpc_status import JSON_HEADERS


class OpenAIError(Exception):
    """Ends a request with an error answer.

    Args:
        status: HTTP status.
        message: Shown to who asked: without a text or a key.
        param: Name of the field that is to blame, if one is.
        code: OpenAI's word for the case, if it has one.
        retry_after: Seconds to wait before asking again.
        final: Tell clients that understand ``x-should-retry`` not to ask again by themselves.
        allow: The methods that a path has, for 405.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        retry_after: float | None = None,
        final: bool = False,
        allow: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.param = param
        self.code = code
        self.retry_after = retry_after
        self.final = final
        self.allow = allow


def error_reply(error: OpenAIError) -> Reply:
    """The answer that tells of an error."""
    told = {
        "message": error.message,
        "type": _type(error.status),
        "param": error.param,
        "code": error.code,
    }
    body = json.dumps({"error": told}, separators=(",", ":")).encode()
    hints = []
    if error.retry_after is not None:
        hints.append(("retry-after", str(ceil(error.retry_after))))
    if error.allow is not None:
        hints.append(("allow", error.allow))
    if error.final:
        hints.append(("x-should-retry", "false"))
    return Reply(error.status, (*JSON_HEADERS, *hints), body)


def _type(status: int) -> str:
    if status == 429:
        return "rate_limit_error"
    return "server_error" if status >= 500 else "invalid_request_error"
