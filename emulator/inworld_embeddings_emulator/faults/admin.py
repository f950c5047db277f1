"""The admin call: reads and changes the script of a running emulator. Only pages of its own may call it from a browser."""

import json
from collections.abc import Mapping
from typing import Any

from inworld_embeddings.errors import ConfigurationError

from ..messages import JSON_HEADERS, Reply, Request, status_reply
from .state import Faults

MAX_BODY_BYTES = 64 * 1024


class _RefusedError(Exception):
    """Ends the call with a status and what is wrong."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


def administer(faults: Faults, request: Request) -> Reply:
    """The answer to a request that has shown the key.

    Args:
        faults: What is read and changed.
        request: GET; PUT with the script as ``application/json`` (``{"faults": …, "seed": …}``) or ``text/plain``; DELETE.
    """
    try:
        _change(faults, request)
    except _RefusedError as error:
        return status_reply(error.status, error.code, str(error))
    except ConfigurationError as error:
        return status_reply(400, 3, str(error))
    return Reply(200, (*JSON_HEADERS, ("cache-control", "no-store")), json.dumps(_told(faults)).encode())


def foreign(headers: Mapping[str, str]) -> Reply | None:
    """The refusal of a browser's request that comes from a page of somewhere else."""
    origin, site = headers.get("origin"), headers.get("sec-fetch-site", "none")
    own = origin is None or origin.partition("://")[2].lower() == headers.get("host", "").lower() != ""
    if own and site in ("none", "same-origin"):
        return None
    return status_reply(403, 7, "only pages of this emulator may call this from a browser")


def _change(faults: Faults, request: Request) -> None:
    match request.method:
        case "GET":
            pass
        case "DELETE":
            faults.clear()
        case "PUT":
            script, seed = _given(request)
            faults.set(script, seed=seed)
        case _:
            raise _RefusedError(405, 12, "GET reads the faults, PUT sets them, DELETE ends them")


def _given(request: Request) -> tuple[str | list[str], int | None]:
    """The script and the seed in a body."""
    if len(request.body) > MAX_BODY_BYTES:
        raise _RefusedError(413, 3, f"the body is over {MAX_BODY_BYTES} bytes")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if kind == "text/plain":
            return request.body.decode(), None
        if kind == "application/json":
            return _fields(json.loads(request.body))
    except (ValueError, RecursionError):
        raise _RefusedError(400, 3, "the body is not UTF-8, or not JSON") from None
    raise _RefusedError(415, 3, "content-type must be application/json or text/plain")


def _fields(body: Any) -> tuple[str | list[str], int | None]:
    fields = dict(body) if isinstance(body, dict) else {}
    script, seed = fields.pop("faults", None), fields.pop("seed", None)
    texts = script if isinstance(script, list) else [script]
    if fields or not texts or not all(isinstance(text, str) for text in texts):
        raise _RefusedError(
            400, 3, 'the body must be {"faults": a script or a list of them, "seed": a whole number}'
        )
    return script, seed


def _told(faults: Faults) -> dict[str, Any]:
    return {
        "faults": str(faults.script),
        "seed": faults.seed,
        "requests": faults.requests,
        "injected": faults.injected,
    }
