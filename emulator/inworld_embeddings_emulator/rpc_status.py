"""Error answers in the words of grpc-gateway: ``{"code", "message", "details"}`` with the HTTP status of the code."""

import json
from collections.abc import Mapping, Sequence
from enum import IntEnum

from .messages import Reply

JSON_HEADERS = (("content-type", "application/json"),)


class Code(IntEnum):
    """The gRPC codes the emulator uses."""

    INVALID_ARGUMENT = 3
    NOT_FOUND = 5
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAUTHENTICATED = 16


_HTTP_STATUS = {  # grpc-gateway v2, runtime/errors.go [source]
    Code.INVALID_ARGUMENT: 400,
    Code.NOT_FOUND: 404,
    Code.PERMISSION_DENIED: 403,
    Code.RESOURCE_EXHAUSTED: 429,
    Code.UNIMPLEMENTED: 501,
    Code.INTERNAL: 500,
    Code.UNAUTHENTICATED: 401,
}


class RpcError(Exception):
    """Ends a request with an error answer."""

    def __init__(self, code: Code, message: str, details: tuple[Mapping[str, object], ...] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details


def error_reply(error: RpcError) -> Reply:
    """The answer that tells of an error."""
    return status_reply(_HTTP_STATUS[error.code], error.code.value, error.message, error.details)


def status_reply(http: int, code: int, message: str, details: Sequence[Mapping[str, object]] = ()) -> Reply:
    """An answer with a ``google.rpc.Status`` as its body."""
    status = {"code": code, "message": message, "details": details}
    return Reply(http, JSON_HEADERS, json.dumps(status, separators=(",", ":")).encode())


def plain_reply(status: int, text: str) -> Reply:
    """An answer as a proxy in front of the API would give it, before the API saw the request."""
    return Reply(status, (("content-type", "text/plain"),), text.encode())
