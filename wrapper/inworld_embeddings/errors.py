"""Everything this package raises.

::

    InworldEmbeddingsError
    ├── ConfigurationError (ValueError)       how the client was set up
    ├── InvalidInputError (ValueError)        a text that cannot be sent; names its index
    ├── APIError                              a request that failed
    │   ├── APIConnectionError                no complete response arrived
    │   │   ├── TLSError
    │   │   └── RedirectError
    │   ├── APITimeoutError (TimeoutError)
    │   ├── APIStatusError                    the server said no
    │   │   ├── BadRequestError               400 and other 4xx
    │   │   ├── AuthenticationError           401
    │   │   ├── PermissionDeniedError         403
    │   │   ├── NotFoundError                 404, 405, 501
    │   │   ├── ConflictError                 408, 409, 425, 499
    │   │   ├── RequestTooLargeError          413, and 429 for a message over the size limit
    │   │   ├── RateLimitError                429
    │   │   └── InternalServerError           5xx
    │   └── APIResponseValidationError        200 with a body that is not one vector per text
    ├── PartialFailureError                   some texts failed; holds what succeeded
    ├── ClientClosedError
    ├── CacheError                            the cache's file is damaged, no cache, or cannot be used
    └── JobError                              a job that ended without being done
        ├── JobLockedError                    another process runs it
        ├── InputChangedError                 its input, or how it is embedded, is not what it was
        ├── JobCorruptError                   a part file is damaged
        ├── StorageError                      its folder cannot be written
        └── JobPausedError                    the service cannot go on; the same command does later

Every one of them pickles, and none holds a key or an input text.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .result import EmbeddingResult, Failure
else:  # for typing.get_type_hints; the two modules cannot both import the other
    EmbeddingResult = Failure = Any


class InworldEmbeddingsError(Exception):
    """The base of everything raised here."""

    def __init__(self, message: str = "", **fields: Any) -> None:
        super().__init__(message)
        self.__dict__.update(fields)


class ConfigurationError(InworldEmbeddingsError, ValueError):
    """The client is set up in a way that cannot work; nothing was sent."""


class InvalidInputError(InworldEmbeddingsError, ValueError):
    """An input cannot be sent as it is; nothing was sent.

    Attributes:
        index: Position of the offending text in what was passed, or None when it is not about one text.
    """

    index: int | None = None


class ClientClosedError(InworldEmbeddingsError):
    """The client was closed before or during the call."""


class CacheError(InworldEmbeddingsError):
    """A cache's file is damaged, is no cache, or cannot be used. The texts that were looked up were not sent.

    Attributes:
        path: The file.
    """

    path: str = ""


class APIError(InworldEmbeddingsError):
    """A request failed.

    Attributes:
        attempts: Requests that were sent for these texts, the first one included.
        retryable: Whether the same call may succeed later, unchanged.
        request_id: The server's id for the last attempt, if it gave one.
    """

    attempts: int = 0
    retryable: bool = False
    request_id: str | None = None


class APIConnectionError(APIError):
    """No complete response arrived: DNS, connect, reset, truncated or malformed response.

    Attributes:
        stale: The server had closed a kept-alive connection before it read this request.
        unsent: This machine had no descriptor, port or thread left to send it with.
    """

    retryable = True
    stale: bool = False
    unsent: bool = False


class TLSError(APIConnectionError):
    """The server's identity could not be established. Never retried, never downgraded."""

    retryable = False


class RedirectError(APIConnectionError):
    """The response is a redirect. Redirects are never followed: the key stays with its origin."""

    retryable = False


class APITimeoutError(APIError, TimeoutError):
    """Time ran out before a complete response arrived."""

    retryable = True


class APIStatusError(APIError):
    """The response has an error status.

    Attributes:
        status_code: HTTP status.
        code: gRPC status number from the body, if there was one.
        details: The body's ``details``: known types as objects of `inworld_embeddings.details`, others as dicts.
        retry_after: Seconds the server asked to wait, if it did.
    """

    status_code: int = 0
    code: int | None = None
    details: tuple[Any, ...] = ()
    retry_after: float | None = None


class BadRequestError(APIStatusError):
    """400, and 4xx statuses without a class of their own."""


class AuthenticationError(APIStatusError):
    """401: no valid credential."""


class PermissionDeniedError(APIStatusError):
    """403: the credential is unknown, deleted, or may not do this."""


class NotFoundError(APIStatusError):
    """404, 405, 501: no such endpoint at this base URL."""


class ConflictError(APIStatusError):
    """408, 409, 425, 499: the request collided or was given up on; safe to repeat."""

    retryable = True


class RequestTooLargeError(APIStatusError):
    """413, or a 429 that says the message is over the size limit, for a single text.

    Attributes:
        sizes: The message's size and the limit, in bytes, if the server named them.
    """

    sizes: tuple[int, int] | None = None


class RateLimitError(APIStatusError):
    """429: too many requests, or out of quota."""

    retryable = True


class InternalServerError(APIStatusError):
    """5xx."""

    retryable = True


class APIResponseValidationError(APIError):
    """The server said 200, but the body is not one valid vector per text.

    Raised for a wrong count, mixed or wrong dimensions, NaN or infinite numbers, numbers sent as strings,
    invalid JSON, another content type, or a body over the size cap.

    Attributes:
        content: Whether it was an embeddings response at all, only a wrong one.
    """

    retryable = True
    content: bool = False


class PartialFailureError(InworldEmbeddingsError):
    """Some texts have no vector. What succeeded is in ``result``: nothing paid for is lost.

    Attributes:
        result: An EmbeddingResult of the full length; the rows of failed texts are NaN.
        failures: One Failure(index, error, retryable) for each text without a vector, by index.
    """

    result: "EmbeddingResult"
    failures: "Sequence[Failure]" = ()

    @property
    def status_code(self) -> int | None:
        """HTTP status of the first failure; None if no response came, or it was 200."""
        return getattr(self.failures[0].error, "status_code", None) if self.failures else None


class JobError(InworldEmbeddingsError):
    """A job ended without being done. What it had published stays."""


class JobLockedError(JobError):
    """Another process runs the same job.

    Attributes:
        pid: Its process id, if the lock tells.
        host: Its machine's name, if the lock tells.
    """

    pid: int | None = None
    host: str | None = None


class InputChangedError(JobError):
    """The input is not what it was when the job began, or the vectors would not be; nothing was appended.

    Attributes:
        changed: What differs, such as ``("model",)``.
    """

    changed: tuple[str, ...] = ()


class JobCorruptError(JobError):
    """A file of a job is damaged.

    Attributes:
        path: The file.
    """

    path: str = ""


class StorageError(JobError):
    """A file of a job could not be written or read. Nothing half-written bears a part's name.

    Attributes:
        errno: The system's number for it, such as ``errno.ENOSPC``; None where it has none.
    """

    errno: int | None = None


class JobPausedError(JobError):
    """The service cannot go on: an outage, the key, a quota. No row failed by it; run the same job later.

    Attributes:
        retry_after: Seconds the server asked to wait, if it did.
    """

    retry_after: float | None = None
