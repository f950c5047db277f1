"""Who may ask: the ``Authorization`` header against the one credential the emulator knows."""

import hmac

from inworld_embeddings._settings import TEST_KEY, join_key_and_secret
from inworld_embeddings.errors import ConfigurationError

from .rpc_status import Code, RpcError

__all__ = ["TEST_KEY", "basic_credential", "check_authorization"]

_NO_TOKEN = {  # seen on sibling endpoints [seen]
    "@type": "type.googleapis.com/ai.inworld.common.InworldStatus",
    "errorType": "SESSION_TOKEN_INVALID",
    "reconnectType": "NO_RETRY",
    "reconnectTime": None,
    "maxRetries": 0,
}


def basic_credential(api_key: str) -> bytes:
    """What follows ``Basic`` in the header of someone who holds the key.

    Raises:
        ConfigurationError: not of the form ``key:secret``, or with characters no key has; it is not echoed.
    """
    key, colon, secret = api_key.partition(":")
    if not (key and colon and secret):
        raise ConfigurationError(
            "The emulator's api_key must have the form key:secret, not yet base64-encoded."
        )
    return join_key_and_secret(key, secret).reveal().encode()


def check_authorization(header: str | None, credential: bytes) -> None:
    """Lets the holder of the credential pass.

    Args:
        header: Value of ``Authorization``, if there is one.
        credential: From `basic_credential`.

    Raises:
        RpcError: 401 without a Basic value, 403 with an unknown one, which is echoed in part as the API does.
    """
    scheme, _, value = (header or "").partition(" ")
    value = value.strip()
    if scheme.lower() != "basic" or not value:
        raise RpcError(Code.UNAUTHENTICATED, "authentication is required", (_NO_TOKEN,))
    if not hmac.compare_digest(value.encode("utf-8", "surrogatepass"), credential):
        raise RpcError(Code.PERMISSION_DENIED, f'API key does not exist or was deleted: "{value[:4]}***"')
