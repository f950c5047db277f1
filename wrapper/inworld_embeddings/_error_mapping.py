"""How an error status, a broken connection or an odd 200 becomes an exception that says what to do.

Exceptions are built here, not raised: whoever decides on retries reads them first. The clock is an argument. No body
and no header makes anything here raise, however broken.
"""

import errno
import re
import ssl
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import msgspec

from . import errors
from ._redaction import LOOK, Redactor, excerpt
from .details import Detail, InworldStatus, RequestInfo, RetryInfo, http_date, integer, parse_details

_CLASSES: Final[dict[int, type[errors.APIStatusError]]] = {
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

_ADVICE: Final = {
    errors.AuthenticationError: "Check INWORLD_API_KEY, or api_key=.",
    errors.PermissionDeniedError: "The key is unknown here, was deleted, or may not do this. For signed tokens also "
    "check this machine's clock.",
    errors.NotFoundError: "Check base_url.",
    errors.RateLimitError: "Lower rate_limit= or max_concurrency=.",
}

_NO_MEANS: Final = frozenset(
    getattr(errno, name) for name in ("EMFILE", "ENFILE", "ENOBUFS", "ENOMEM", "EAGAIN", "EADDRNOTAVAIL")
)
"""Error numbers of a system that is short of something."""

_LONGEST_HEADER: Final = 1000
# ASCII digits only: float() would also take "1_000", "nan", "1e9" and other scripts' digits.
_NUMBER = re.compile(r"[0-9]{1,300}(?:\.[0-9]{1,300})?")
# RFC 1123, RFC 850 and asctime dates, also several of them in one comma-separated value.
_DATE = re.compile(r"\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6},? [0-9A-Za-z: +-]{16,40}")
# Nothing to escape, and no "..", which would be a mask next to a piece of a key.
_PLAIN_ID = re.compile(r"(?!.*\.\.)[A-Za-z0-9._:-]{1,128}")
# grpc-go and gRPC's C core say "(A vs. B)"; newer grpc-go, after decompression, knows only B.
_TOO_LARGE = re.compile(
    r"message[a-z\s]{0,40}?\slarger\s{1,3}than\s{1,3}max\s{0,3}\(?\s{0,3}"
    r"(?:([0-9]{1,15})\s{0,3}vs\.?\s{0,3})?([0-9]{1,15})",
    re.IGNORECASE,
)
# The host of an address as it is written: urlsplit gives it in lower case, in which a key would not be recognised.
_HOST = re.compile(r"(?:[a-z][a-z0-9+.-]{0,30}:)?//(?:[^/?#]*@)?(\[[^\]]*\]|[^\[/?#:]*)", re.IGNORECASE)


class StaleConnectionError(httpx.RemoteProtocolError):
    """A connection that had been used before ended before a byte of this response came."""


class WrongSchemeError(httpx.RemoteProtocolError):
    """A request in clear was answered in TLS."""


class OversizedHeadError(httpx.RemoteProtocolError):
    """More headers than anyone means."""


class ProxyRefusedError(httpx.ProxyError):
    """The proxy refused the tunnel for a reason that a retry does not change."""


@dataclass(slots=True)
class Response:
    """A complete HTTP response as plain data, without an HTTP library.

    Attributes:
        status: HTTP status.
        raw_headers: (name, value) pairs as they were sent: names in any case, repeated ones kept.
        body: The body, decompressed.
    """

    status: int
    raw_headers: list[tuple[bytes, bytes]]
    body: bytes | bytearray

    def header(self, name: str) -> str | None:
        """The first value of a header; its name in lower case."""
        wanted = name.encode()
        for key, value in self.raw_headers:
            if key.lower() == wanted:
                return value.decode("latin-1")
        return None

    def as_httpx(self, request: httpx.Request) -> httpx.Response:
        """The same for an auth flow, without what only a transport needs."""
        left = (b"content-encoding", b"content-length", b"transfer-encoding")
        headers = [(name, value) for name, value in self.raw_headers if name.lower() not in left]
        return httpx.Response(self.status, headers=headers, content=bytes(self.body), request=request)

    def values(self, name: str) -> list[str]:
        """All values of a header, in order; its name in lower case."""
        wanted = name.encode()
        return [value.decode("latin-1") for key, value in self.raw_headers if key.lower() == wanted]


def parse_status(body: bytes | bytearray) -> tuple[int | None, str, tuple[Detail | dict[str, Any], ...]]:
    """gRPC code, message and details of an error body: a ``google.rpc.Status``, plain or as ``{"error": {…}}``.

    Of any other body the message is an excerpt. It is not yet safe to print. The first 64 kB are looked at.
    """
    try:
        value = msgspec.json.decode(body[:LOOK])
    except (msgspec.DecodeError, RecursionError, ValueError):
        value = None
    if isinstance(value, dict) and isinstance(value.get("error"), dict):
        value = value["error"]
    if not isinstance(value, dict):
        return None, excerpt(body), ()
    code, message = integer(value.get("code")), value.get("message")
    if not isinstance(message, str):
        message = excerpt(body) if code is None else ""
    return code, message, parse_details(value.get("details"))


def status_error(response: Response, *, now: float, redactor: Redactor) -> errors.APIError:
    """The exception for a response that is not 200. See `retry_after` on ``now``."""
    if 300 <= response.status < 400:
        return _redirect_error(response, redactor)
    code, text, details = parse_status(response.body)
    identity = request_id(response, details, redactor)
    if response.status < 300:
        return errors.APIResponseValidationError(
            f"HTTP {response.status} where 200 with vectors was expected.", request_id=identity
        )
    sizes = received_too_large(text) if response.status == 429 else None
    fallback = errors.InternalServerError if response.status >= 500 else errors.BadRequestError
    kind = errors.RequestTooLargeError if sizes else _CLASSES.get(response.status, fallback)
    wait = retry_after(response, details, now)
    message = f"HTTP {response.status}: {redactor.clean(text) or 'no message'}"
    if wait:
        message += f" (the server asks to wait {wait:g} s)"
    if advice := _ADVICE.get(kind):
        message += f" ({advice})"
    return kind(
        message,
        status_code=response.status,
        code=code,
        details=redactor.clean_details(details),
        retry_after=wait,
        request_id=identity,
        **({"sizes": sizes} if sizes else {}),
    )


def _redirect_error(response: Response, redactor: Redactor) -> errors.RedirectError:
    target = _HOST.match(response.header("location") or "")
    host = redactor.clean(target[1], 100) if target else ""
    return errors.RedirectError(
        f"HTTP {response.status} redirect to {host or 'no host'}. Redirects are never followed, so that the key "
        "stays with its origin. Check base_url; a login page or proxy may be in between.",
        status_code=response.status,
        request_id=request_id(response, (), redactor),
    )


def received_too_large(message: str) -> tuple[int, int] | None:
    """(size, largest allowed) in bytes, if a message says that a gRPC hop refused a message for its size.

    Such a request comes as HTTP 429 but never succeeds unchanged: split it. The size is always over the limit;
    where the server does not say it, it is the least it can be.
    """
    match = _TOO_LARGE.search(message[:LOOK])
    if match is None:
        return None
    allowed = int(match[2])
    return max(int(match[1] or 0), allowed + 1), allowed


def retry_after(response: Response, details: Iterable[Any], now: float) -> float | None:
    """Seconds to wait, the longest that the server asks for in any valid way; None without any.

    Read are ``Retry-After`` (seconds or a date), ``retry-after-ms``, ``RetryInfo`` and Inworld's ``reconnectTime``.
    Repeated headers all count. Dates are measured against the response's own ``Date``, for the server's clock may not
    be ours; without one against ``now``, seconds since the epoch. Past ones mean now.
    """
    server_now = server_time(response)
    server_now = now if server_now is None else server_now
    waits = [number / 1000 for value in response.values("retry-after-ms") for number in _numbers(value)]
    for value in response.values("retry-after"):
        waits += [*_numbers(value), *(max(0.0, moment - server_now) for moment in _dates(value))]
    for detail in details:
        match detail:
            case RetryInfo(retry_delay=float() as delay):
                waits.append(delay)
            case InworldStatus(reconnect_type="TIMEOUT", reconnect_time=moment) if moment:
                waits.append(max(0.0, moment.timestamp() - server_now))
    return max(waits, default=None)


def server_time(response: Response) -> float | None:
    """The response's ``Date``, seconds since the epoch; None without one that can be read."""
    return next((moment for value in response.values("date") for moment in _dates(value)), None)


def _numbers(value: str) -> Iterator[float]:
    for part in value[:_LONGEST_HEADER].split(","):
        if _NUMBER.fullmatch(stripped := part.strip(" \t")):
            yield float(stripped)


def _dates(value: str) -> Iterator[float]:
    """Dates in a header value, seconds since the epoch."""
    for text in _DATE.findall(value[:_LONGEST_HEADER]):
        if (moment := http_date(text)) is not None:
            yield moment


def request_id(response: Response, details: Iterable[Any], redactor: Redactor) -> str | None:
    """The server's id for the request, from a header or else from ``RequestInfo``; cleaned, 128 characters at most."""
    candidates = [
        *response.values("x-inworld-request-id"),
        *response.values("x-request-id"),
        *(detail.request_id for detail in details if isinstance(detail, RequestInfo)),
    ]
    return next((redactor.clean(stripped, 128) for value in candidates if (stripped := value.strip())), None)


def request_id_of_success(response: Response, redactor: Redactor) -> str | None:
    """The id in a 200, where every call counts: None unless it is plain, and holds no piece of a key.

    Plain are 1 to 128 ASCII letters, digits and ``._:-``.
    """
    for wanted in (b"x-inworld-request-id", b"x-request-id"):
        for name, value in response.raw_headers:
            if name.lower() == wanted:
                text = value.decode("latin-1")
                return text if _PLAIN_ID.fullmatch(text) and not redactor.finds_key(text) else None
    return None


def unexpected_content(response: Response, redactor: Redactor) -> errors.APIResponseValidationError | None:
    """The error for a 200 that is no JSON at all, such as a login page in between; None if it claims to be JSON."""
    kind = response.header("content-type") or "no content type"
    if "json" in kind.lower():
        return None
    return errors.APIResponseValidationError(
        f"HTTP 200 with {redactor.clean(kind, 100)} where JSON was expected. "
        "Something between here and the service may have answered: a proxy or a login page. Check base_url."
    )


def exchange_error(
    error: Exception, redactor: Redactor, host: str = "the service"
) -> errors.InworldEmbeddingsError:
    """The error for what was raised in place of a response, by the network, for want of memory, or by the user's code.

    An exception of the HTTP library is described, not chained: it holds the request, and the request holds the key.
    """
    error = as_httpx(error)
    match error:
        case errors.InworldEmbeddingsError():
            return error.with_traceback(None)  # the frames below hold the request, and that the key
        case httpx.HTTPError() | httpx.InvalidURL():
            return _http_error(error, redactor, host)
        case MemoryError():
            made = errors.InworldEmbeddingsError(
                "Not enough memory for the response. A smaller batch_size needs less."
            )
            made.__cause__ = error
            return made
        case OSError():  # TimeoutError is one: a vault, a metadata service or a proxy that fails once
            return errors.APIConnectionError(_described(error))
    return errors.ConfigurationError(_described(error))


def as_httpx(error: Exception) -> Exception:
    """An exception of httpx2 as httpx's of the same name; any other as it is."""
    for kind in type(error).__mro__:
        known = getattr(httpx, kind.__name__, None) if kind.__module__ == "httpx2" else None
        if known is kind:  # somebody has put httpx2 in httpx's place
            return error
        if known is not None:
            made: Exception = known.__new__(known, str(error))
            made.__cause__ = error.__cause__
            return made
    return error


def _described(error: Exception) -> str:
    """What is told of an exception of the user's code: its type, and the last line it came through.

    Neither told nor chained: its text, its fields and the frames of its traceback may hold a key that nobody has seen.
    """
    where = traceback.extract_tb(error.__traceback__)[-1:]
    told = type(error).__name__ + "".join(f" at {Path(at.filename).name}:{at.lineno}" for at in where)
    return f"The key provider, auth flow or transport that this client was given raised {told}."


def _http_error(error: Exception, redactor: Redactor, host: str) -> errors.InworldEmbeddingsError:
    reason = redactor.clean(f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)
    host = redactor.clean(host, 100)
    match error:
        case StaleConnectionError():
            return errors.APIConnectionError(f"{host} had closed the connection ({reason}).", stale=True)
        case ProxyRefusedError():
            return errors.ConfigurationError(
                f"The proxy cannot be used ({reason}). Check proxy= and HTTPS_PROXY."
            )
        case WrongSchemeError():
            return errors.TLSError("The server speaks TLS on this port: base_url must begin with https://.")
        case OversizedHeadError():
            return errors.APIConnectionError(f"The response was not read ({reason}).", retryable=False)
        case httpx.TimeoutException():
            return errors.APITimeoutError(f"The attempt timed out at {host} ({reason}).")
        case httpx.UnsupportedProtocol() | httpx.InvalidURL() | httpx.LocalProtocolError():
            return errors.ConfigurationError(
                f"The request cannot be sent ({reason}). Check base_url, the proxy and the certificates."
            )
        case httpx.DecodingError():
            return errors.APIResponseValidationError(f"The response cannot be decompressed ({reason}).")
        case _ if _is_tls_failure(error):
            return errors.TLSError(
                f"No trusted connection to {host} ({reason}). The server's certificate or TLS version was refused, or it does "
                "not speak TLS on this port (then base_url must begin with http://); verify= or SSL_CERT_FILE names the "
                "certificates to trust."
            )
        case _ if _has_no_means(error):
            return errors.APIConnectionError(
                f"No connection to {host} could be opened: this machine has no descriptors, ports or threads left "
                f"({reason}). Raise the limit (ulimit -n), or lower max_concurrency.",
                unsent=True,
            )
    return errors.APIConnectionError(
        f"The connection to {host} failed ({reason}). Check base_url, the network and the proxy."
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An error and its causes. What was being handled meanwhile (a context) is not why it failed."""
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        is_pools = type(seen).__module__.startswith("httpcore")  # raised once more, `from None`
        seen = seen.__cause__ or (seen.__context__ if is_pools else None)


def _is_tls_failure(error: BaseException) -> bool:
    """Whether TLS itself said no. A connection that merely ended during the handshake is not that."""
    ended = ssl.SSLEOFError | ssl.SSLZeroReturnError | ssl.SSLSyscallError
    return any(isinstance(seen, ssl.SSLError) and not isinstance(seen, ended) for seen in _causes(error))


def _has_no_means(error: BaseException) -> bool:
    """Whether this machine had nothing left to send with."""
    return any(isinstance(seen, OSError) and seen.errno in _NO_MEANS for seen in _causes(error))
