"""The signed request for a token, and what its response says: the parts of `JWTAuth` without I/O, clock or threads."""

import base64
import hmac
import re
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec

from . import errors
from ._error_mapping import Response, server_time, status_error
from ._redaction import Redactor, Secret
from .details import timestamp

UNKNOWN_LIFETIME: Final = 60.0
"""Seconds for which a token is used whose lifetime cannot be told."""


def key_and_secret(basic: Secret) -> tuple[Secret, Secret]:
    """The two halves of a checked ``base64("key:secret")`` value.

    Raises:
        ConfigurationError: they cannot be signed with; neither is echoed.
    """
    # Printable ASCII. A space or a comma would end the key in the header.
    pair = re.fullmatch(rb"([!-+\--9;-~]+):([ -~]+)", base64.b64decode(basic.reveal()))
    if pair is None:
        raise errors.ConfigurationError(
            "Key or secret has characters that a signed request cannot hold. Copy them from the portal again."
        )
    return Secret(pair[1].decode()), Secret(pair[2].decode())


def authorization(key: Secret, secret: Secret, now: float, nonce: str) -> Secret:
    """The ``Authorization`` header of a request for a token, by the scheme IW1-HMAC-SHA256 [inworld].

    It holds the key, the time, a nonce of 11 hex characters that is fresh for every request, and the signature of all.
    Every step of the signature feeds the raw bytes of the one before; one published sample has hex in between, and is
    wrong. The host and method in it are always these two, whatever host the request goes to.
    """
    moment = datetime.fromtimestamp(now, UTC).strftime("%Y%m%d%H%M%S")
    signed_names = ("api-engine.inworld.ai", "ai.inworld.engine.WorldEngine/GenerateToken")
    link = b"IW1" + secret.reveal().encode()
    for part in (moment, *signed_names, nonce, "iw1_request"):
        link = hmac.digest(link, part.encode(), "sha256")
    values = f"ApiKey={key.reveal()},DateTime={moment},Nonce={nonce},Signature={link.hex()}"
    return Secret(f"IW1-HMAC-SHA256 {values}")


class _Body(msgspec.Struct, rename="camel"):
    # What may stand in a header: RFC 6750, section 2.1.
    token: Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9._~+/-]{1,16384}={0,2}\Z")]
    type: Annotated[str, msgspec.Meta(pattern=r"\A(?i:bearer)?\Z")] | None = None
    expiration_time: Any = None


def read_token(response: Response, *, now: float, leeway: float) -> tuple[Secret, float]:
    """The token in a response, and the seconds for which to use it: until ``leeway`` seconds before its end.

    Its lifetime is ``expirationTime`` minus the response's own ``Date``, so that our clock does not count. Without
    a ``Date`` our clock has to do. An end that is already past tells nothing: then the lifetime is unknown.

    Raises:
        APIResponseValidationError: no bearer token in it. Nothing of the body is echoed.
    """
    try:
        body = msgspec.json.decode(response.body, type=_Body)
    except (msgspec.DecodeError, RecursionError, ValueError):
        raise errors.APIResponseValidationError(
            f"HTTP {response.status} without a bearer token in it. Check token_url; a login page may be in between."
        ) from None
    ends, server_now = timestamp(body.expiration_time), server_time(response)
    lifetime = ends.timestamp() - (now if server_now is None else server_now) if ends else 0.0
    if lifetime <= 0:
        return Secret(body.token), UNKNOWN_LIFETIME
    return Secret(body.token), lifetime - min(leeway, lifetime / 2)


def refusal(response: Response, *, now: float, redactor: Redactor) -> errors.APIError:
    """The exception for a response that is not 2xx. What elsewhere is about a text is about the credential here."""
    error, clock = status_error(response, now=now, redactor=redactor), ""
    server_now = server_time(response)
    if response.status in (400, 401, 403) and server_now is not None:
        skew = round(now - server_now)
        side = "behind" if skew < 0 else "ahead of"
        clock = f" Signatures hold the time: this machine's clock is {abs(skew)} s {side} the server's."
    about_text = isinstance(error, errors.BadRequestError | errors.RequestTooLargeError)
    return (errors.AuthenticationError if about_text else type(error))(f"{error}{clock}", **vars(error))
