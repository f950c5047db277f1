"""Checks a credential before it is used. Nothing here ever echoes it.

The portal gives ``base64("key:secret")``, which goes into ``Authorization: Basic …`` as it is (api-facts [inworld]).
"""

import base64
import binascii
import re

from ..errors import ConfigurationError
from .secret import Secret

TEST_KEY = "local:local"
"""The published test credential, ``key:secret``. It opens emulators and nothing else."""

_WAYS = "Copy the value of the portal's Basic (Base64) button, or pass key= and secret=."
_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}\Z")


def basic_value(api_key: str) -> Secret:
    """The ready base64 value, checked.

    Raises:
        ConfigurationError: whitespace, control characters, another alphabet, or no ``key:secret`` inside.
    """
    if not isinstance(api_key, str):
        raise ConfigurationError(f"api_key must be a str or a callable, not {type(api_key).__name__}.")
    _refuse_unprintable("api_key", api_key)
    if api_key.lower().startswith(("basic ", "bearer ")):
        raise ConfigurationError("api_key is the bare value, without 'Basic ' or 'Bearer ' before it.")
    if ":" in api_key:
        raise ConfigurationError(f"api_key looks like key:secret, not its base64 value. {_WAYS}")
    if not _BASE64.match(api_key):
        raise ConfigurationError(f"api_key has characters that base64 does not use. {_WAYS}")
    _refuse_without_colon(api_key)
    return Secret(api_key)


def join_key_and_secret(key: str, secret: str) -> Secret:
    """``base64("key:secret")`` of a pair, checked.

    Raises:
        ConfigurationError: an empty part, whitespace, control characters, or a colon in the key.
    """
    for name, part in (("key", key), ("secret", secret)):
        if not isinstance(part, str):
            raise ConfigurationError(f"{name} must be a str, not {type(part).__name__}.")
        _refuse_unprintable(name, part)
    if ":" in key:
        raise ConfigurationError(
            "key contains a colon: pass what is before it as key=, what is after it as secret=."
        )
    return Secret(base64.b64encode(f"{key}:{secret}".encode()).decode())


def _refuse_unprintable(name: str, value: str) -> None:
    if not value:
        raise ConfigurationError(f"{name} is empty.")
    if value != value.strip():
        raise ConfigurationError(f"{name} starts or ends with whitespace or a newline: strip it.")
    if not value.isascii() or not value.isprintable():
        raise ConfigurationError(f"{name} contains a control or non-ASCII character.")


def _refuse_without_colon(api_key: str) -> None:
    try:
        decoded = base64.b64decode(api_key, validate=True)
    except binascii.Error:
        raise ConfigurationError(f"api_key is not complete base64: a part may be missing. {_WAYS}") from None
    key, colon, secret = decoded.partition(b":")
    if not (key and colon and secret):
        raise ConfigurationError(f"api_key is base64, but not of key:secret. {_WAYS}")
