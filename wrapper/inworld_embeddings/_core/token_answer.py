"""Reads what the token endpoint answered: a token and for how long to use it, or the error that says what to do."""

import re
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from .. import errors
from .excerpt import excerpt
from .redact import Redactor
from .reply import Reply
from .rpc_status import parse_status
from .secret import Secret
from .statuses import status_error
from .times import LONGEST, http_date, timestamp

UNKNOWN_LIFETIME: Final = 60.0
"""Seconds for which a token is used whose lifetime cannot be told."""
SHORTEST_USE: Final = 1.0
"""Seconds for which any token is used: so a server of instantly expiring ones is asked once a second at most."""
LONGEST_USE: Final = 24 * 3600.0
"""Seconds after which any token is renewed, however late it says it ends."""
SKEW: Final = 60.0
"""Seconds by which two clocks may differ before it is worth a word."""

_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]{1,16384}={0,2}")  # RFC 6750, section 2.1


@dataclass(frozen=True, slots=True)
class Token:
    """A token.

    Attributes:
        value: What goes after ``Bearer``.
        use_for: Seconds after the moment it was asked for in which it is used.
    """

    value: Secret
    use_for: float


def read_token(reply: Reply, *, now: float, leeway: float) -> Token:
    """The token in a 200.

    Its lifetime is ``expirationTime`` minus the answer's own ``Date``, so that our clock does not count. Without
    a ``Date`` our clock has to do, and a time that it calls past is no proof: then the lifetime is unknown.

    Args:
        reply: The answer.
        now: Wall clock, seconds since the epoch.
        leeway: Seconds before the end at which to renew; at most half the lifetime is given up for it.

    Raises:
        APIResponseValidationError: no token, or not a bearer token. Nothing of the body is echoed.
        AuthenticationError: by the server's own clock it has already expired.
    """
    answer = _json_object(reply)
    token, kind = answer.get("token"), answer.get("type")
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        raise errors.APIResponseValidationError("The answer holds no usable token.")
    if kind not in (None, "") and not (isinstance(kind, str) and kind.lower() == "bearer"):
        raise errors.APIResponseValidationError("The answer holds a token of a type that is not Bearer.")
    ends, server_now = _moment(answer.get("expirationTime")), server_time(reply)
    lifetime = None if ends is None else ends - (now if server_now is None else server_now)
    if lifetime is not None and lifetime <= 0:
        if server_now is not None:
            raise errors.AuthenticationError(
                f"The token had already expired {-lifetime:.0f} s ago, by the server's own clock.",
                status_code=200,
            )
        lifetime = None
    return Token(Secret(token), use_for(lifetime, leeway))


def use_for(lifetime: float | None, leeway: float) -> float:
    """Seconds for which to use a token that lives so many seconds; None when that is not known."""
    if lifetime is None:
        return UNKNOWN_LIFETIME
    return max(SHORTEST_USE, min(lifetime - min(leeway, lifetime / 2), LONGEST_USE))


def refusal(reply: Reply, *, now: float, redactor: Redactor) -> errors.APIError:
    """The exception for an answer that is not 200.

    What would be about a text, were it the API's answer, is about the credential here.
    """
    error = status_error(reply, now=now, redactor=redactor)
    status = parse_status(reply.body)
    text = status.message if status else excerpt(reply.body)
    about_text = isinstance(error, errors.BadRequestError | errors.RequestTooLargeError)
    notes = [
        f"HTTP {reply.status}: {redactor.clean(text).rstrip('.') or 'no message'}.",
        _advice(reply.status),
    ]
    if 400 <= reply.status < 500:
        notes.append(clock_note(reply, now=now, signing="signature" in text.lower()))
    made = errors.AuthenticationError if about_text else type(error)
    return made(" ".join(filter(None, notes)), **vars(error))


def clock_note(reply: Reply, *, now: float, signing: bool) -> str:
    """What to say about this machine's clock: a signature holds the time, and is refused when that is wrong.

    Args:
        reply: The refusal.
        now: This machine's clock, seconds since the epoch.
        signing: Whether the refusal is about the signature.
    """
    server_now = server_time(reply)
    skew = 0.0 if server_now is None else now - server_now
    if abs(skew) > SKEW:
        side = "ahead of" if skew > 0 else "behind"
        return f"This machine's clock is {abs(skew):.0f} s {side} the server's, which breaks signatures: set it right."
    if not signing:
        return ""
    if server_now is None:
        return "Check this machine's clock: signatures hold the time."
    return "This machine's clock agrees with the server's, so it is the secret or the key."


def server_time(reply: Reply) -> float | None:
    """The answer's ``Date``, seconds since the epoch."""
    return http_date((reply.header("date") or "")[:LONGEST])


def _advice(status: int) -> str:
    match status:
        case 400 | 401 | 403:
            return "Check key, secret and workspace."
        case 404 | 405 | 501:
            return "Check token_url."
        case _ if 300 <= status < 400:
            return "Redirects are never followed: the key stays with its origin. Check token_url."
    return ""


def _json_object(reply: Reply) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(reply.body)
    except (msgspec.DecodeError, RecursionError, ValueError):
        value = None
    if not isinstance(value, dict):
        raise errors.APIResponseValidationError("The answer is not a JSON object; is token_url right?")
    return value


def _moment(value: object) -> float | None:
    moment = timestamp(value)
    return None if moment is None else moment.timestamp()
