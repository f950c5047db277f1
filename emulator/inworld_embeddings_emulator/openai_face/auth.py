"""Who may ask: the Bearer key against the one credential the emulator knows."""

import base64
import hmac

from .errors import OpenAIError

_NO_KEY = "No API key: send it as 'Authorization: Bearer KEY'."
_WRONG_KEY = "Incorrect API key."
_TEST_KEY = " This server knows the published test key: OPENAI_API_KEY=local:local."


def check_bearer(header: str | None, credential: bytes, *, uses_test_key: bool) -> None:
    """Lets the holder of the credential pass, who may send ``key:secret`` or its base64 value.

    Args:
        header: Value of ``Authorization``, if there is one.
        credential: From `auth.basic_credential`.
        uses_test_key: Whether the message may name the key.

    Raises:
        OpenAIError: 401. What was sent is not echoed.
    """
    scheme, _, value = (header or "").partition(" ")
    given = value.strip().encode("utf-8", "surrogatepass")
    hint = _TEST_KEY if uses_test_key else ""
    if scheme.lower() != "bearer" or not given:
        raise OpenAIError(401, _NO_KEY + hint)
    as_base64 = hmac.compare_digest(given, credential)
    if not (as_base64 | hmac.compare_digest(base64.b64encode(given), credential)):
        raise OpenAIError(401, _WRONG_KEY + hint, code="invalid_api_key")
