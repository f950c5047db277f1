"""Signs a request for a token the way Inworld's gateway checks it (scheme IW1-HMAC-SHA256, api-facts [inworld])."""

import base64
import binascii
import hmac
from datetime import UTC, datetime
from typing import Final

from ..errors import ConfigurationError
from .secret import Secret

# The gateway checks against these two names, whatever host the request goes to.
_HOST: Final = "api-engine.inworld.ai"
_METHOD: Final = "ai.inworld.engine.WorldEngine/GenerateToken"


def signature(secret: Secret, moment: str, nonce: str) -> str:
    """The signature, lower-case hex.

    Every step feeds the raw bytes of the one before; one published sample has hex in between, and is wrong.

    Args:
        secret: The secret half of the credential.
        moment: UTC as ``YYYYMMDDHHMMSS``, the same text as in the header.
        nonce: 11 hex characters, the same as in the header.
    """
    key = b"IW1" + secret.reveal().encode()
    for part in (moment, _HOST, _METHOD, nonce, "iw1_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key.hex()


def authorization(key: Secret, secret: Secret, moment: datetime, nonce: str) -> Secret:
    """The value of the ``Authorization`` header of a request for a token.

    Args:
        key: The public half of the credential.
        secret: The other half; it does not travel.
        moment: Now; an aware datetime. The server refuses signatures of another time.
        nonce: 11 hex characters, fresh for every request.
    """
    stamp = moment.astimezone(UTC).strftime("%Y%m%d%H%M%S")
    signed = signature(secret, stamp, nonce)
    return Secret(f"IW1-HMAC-SHA256 ApiKey={key.reveal()},DateTime={stamp},Nonce={nonce},Signature={signed}")


def key_and_secret(basic: Secret) -> tuple[Secret, Secret]:
    """The two halves of a ``base64("key:secret")`` value.

    Raises:
        ConfigurationError: they cannot be signed with; neither is echoed.
    """
    try:
        key, _, secret = base64.b64decode(basic.reveal(), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise ConfigurationError("The credential is not base64 of key:secret in UTF-8.") from None
    if not key or not secret or not key.isascii() or not key.isprintable() or {" ", ","} & set(key):
        raise ConfigurationError("The key inside the credential has characters that cannot be signed with.")
    return Secret(key), Secret(secret)
