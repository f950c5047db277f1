"""Turns what httpx raises into this package's errors.

The original exception is described, not chained: it holds the request, and the request holds the key.
"""

import ssl

import httpx

from .. import errors
from .._core.redact import Redactor
from .._http.faults import OversizedHeadError, ProxyRefusedError, StaleConnectionError, WrongSchemeError


def connection_error(error: Exception, redactor: Redactor) -> errors.InworldEmbeddingsError:
    """The error for an attempt without a complete answer."""
    reason = redactor.clean(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)
    match error:
        case StaleConnectionError():
            return errors.APIConnectionError(f"The server had closed the connection ({reason}).", stale=True)
        case ProxyRefusedError():
            return errors.ConfigurationError(
                f"The proxy cannot be used ({reason}). Check proxy= and HTTPS_PROXY."
            )
        case WrongSchemeError():
            return errors.TLSError("The server speaks TLS on this port: base_url must begin with https://.")
        case OversizedHeadError():
            return errors.APIConnectionError(f"The answer was not read ({reason}).", retryable=False)
        case httpx.TimeoutException():
            return errors.APITimeoutError(f"The attempt timed out ({reason}).")
        case httpx.UnsupportedProtocol() | httpx.InvalidURL() | httpx.LocalProtocolError():
            return errors.ConfigurationError(
                f"The request cannot be sent ({reason}). Check base_url and proxy."
            )
        case httpx.DecodingError():
            return errors.APIResponseValidationError(f"The answer cannot be decompressed ({reason}).")
        case _ if is_tls_failure(error):
            return errors.TLSError(
                f"No trusted connection ({reason}). The server's certificate or TLS version was refused, or it does "
                "not speak TLS on this port (then base_url must begin with http://); SSL_CERT_FILE names further "
                "certificates to trust."
            )
    return errors.APIConnectionError(f"The connection failed ({reason}).")


def is_tls_failure(error: BaseException) -> bool:
    """Whether TLS itself said no. A connection that merely ended during the handshake is not that."""
    seen: BaseException | None = error
    while seen is not None:  # causes only: what was being handled meanwhile (a context) is not why it failed
        if isinstance(seen, ssl.SSLError) and not isinstance(seen, _ENDS):
            return True
        seen = seen.__cause__
    return False


_ENDS = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)


def out_of_memory(error: MemoryError) -> errors.InworldEmbeddingsError:
    """The error for an answer that there was no room for; the other batches keep theirs."""
    made = errors.InworldEmbeddingsError("Not enough memory for the answer. A smaller batch_size needs less.")
    made.__cause__ = error
    return made


def provider_error(error: Exception) -> errors.ConfigurationError:
    """The error for an exception out of the user's own auth flow, key provider or transport; it stays the cause."""
    made = errors.ConfigurationError(
        f"The key provider, auth flow or transport that this client was given raised {type(error).__name__}."
    )
    made.__cause__ = error
    return made
