"""Turns an error answer into the exception that says what to do about it."""

from .. import errors
from . import hints, rpc_status
from .excerpt import excerpt
from .redact import Redactor
from .reply import Reply

_CLASSES: dict[int, type[errors.APIStatusError]] = {
    401: errors.AuthenticationError,
    403: errors.PermissionDeniedError,
    404: errors.NotFoundError,
    405: errors.NotFoundError,
    408: errors.ConflictError,
    409: errors.ConflictError,
    413: errors.RequestTooLargeError,
    425: errors.ConflictError,
    429: errors.RateLimitError,
    499: errors.ConflictError,
    501: errors.NotFoundError,
}

_ADVICE = {
    401: "Check INWORLD_API_KEY, or api_key=.",
    403: "The key is unknown here, was deleted, or may not do this. For signed tokens also check this machine's clock.",
    404: "Check base_url.",
    405: "Check base_url.",
    501: "Check base_url.",
}


def status_error(reply: Reply, *, now: float, redactor: Redactor) -> errors.APIError:
    """The exception for an answer that is not 200. Built, not raised: whoever decides on retries reads it first.

    Args:
        reply: The answer.
        now: Wall clock, seconds since the epoch, for hints given as dates.
        redactor: Cleans the server's text of pieces of the key.
    """
    if 200 <= reply.status < 300:
        return errors.APIResponseValidationError(f"HTTP {reply.status} where 200 with vectors was expected.")
    if 300 <= reply.status < 400:
        return _redirect_error(reply, redactor)
    status = rpc_status.parse_status(reply.body)
    text = status.message if status else excerpt(reply.body)
    details = status.details if status else ()
    message = f"HTTP {reply.status}: {redactor.clean(text) or 'no message'}"
    if advice := _ADVICE.get(reply.status):
        message += f" ({advice})"
    sizes = rpc_status.received_too_large(text) if reply.status == 429 else None
    return (errors.RequestTooLargeError if sizes else _class_of(reply.status))(
        message,
        status_code=reply.status,
        code=status.code if status else None,
        details=redactor.clean_details(details),
        retry_after=hints.retry_after(reply.headers, details, now),
        request_id=redactor.clean(hints.request_id(reply.headers, details) or "") or None,
        **({"sizes": sizes} if sizes else {}),
    )


def _class_of(status: int) -> type[errors.APIStatusError]:
    return _CLASSES.get(status) or (errors.InternalServerError if status >= 500 else errors.BadRequestError)


def _redirect_error(reply: Reply, redactor: Redactor) -> errors.RedirectError:
    host = _host_of(reply.header("location") or reply.header("x-withheld-location") or "")
    return errors.RedirectError(
        f"HTTP {reply.status} redirect to {redactor.clean(host, 100)}. Redirects are never followed, so that the key "
        "stays with its origin. Check base_url; a login page or proxy may be in between.",
        status_code=reply.status,
    )


def _host_of(location: str) -> str:
    """The host as it is written: `urlsplit` gives it in lower case, in which a key would not be recognised."""
    from urllib.parse import urlsplit  # noqa: PLC0415 - rare path

    try:
        parts = urlsplit(location)
        start = parts.netloc.lower().rfind(parts.hostname or "")
        return parts.netloc[start:][: len(parts.hostname or "")] or "no host"
    except ValueError:
        return "an unreadable address"


def unexpected_content(reply: Reply, redactor: Redactor) -> errors.APIResponseValidationError | None:
    """The error for a 200 that is no JSON at all, such as a login page in between; None if it claims to be JSON."""
    kind = reply.header("content-type") or "no content type"
    if "json" in kind.lower():
        return None
    return errors.APIResponseValidationError(
        f"HTTP 200 with {redactor.clean(kind, 100)} where JSON was expected. "
        "Something between here and the service may have answered: a proxy or a login page. Check base_url."
    )
