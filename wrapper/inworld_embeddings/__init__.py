"""Python client for Inworld's embeddings API.

>>> from inworld_embeddings import EmbeddingClient
>>> client = EmbeddingClient.local()  # or EmbeddingClient(), with INWORLD_API_KEY set
>>> client.embed("Hello Inworld!").shape
(768,)

Importing it and making a client load neither httpx nor numpy: those come with the first request.
"""

from typing import TYPE_CHECKING, Any

from ._version import About, __version__, about
from .chunking import chunk
from .client import AsyncEmbeddingClient, EmbeddingClient
from .errors import (
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    CacheError,
    ClientClosedError,
    ConfigurationError,
    ConflictError,
    InputChangedError,
    InternalServerError,
    InvalidInputError,
    InworldEmbeddingsError,
    JobCorruptError,
    JobError,
    JobLockedError,
    JobPausedError,
    NotFoundError,
    PartialFailureError,
    PermissionDeniedError,
    RateLimitError,
    RedirectError,
    RequestTooLargeError,
    StorageError,
    TLSError,
)
from .models import MODELS, Model, OtherServiceProvider, ServiceProvider
from .options import CallOptions, ClientOptions, EmbedOptions, StreamOptions
from .ranking import rank, similarity
from .result import EmbeddingResult, Failure, Plan, Quantized, Stats

if TYPE_CHECKING:
    from .auth import BasicAuth, JWTAuth, ProviderAuth
    from .cache import Cache

__all__ = [
    "MODELS",
    "APIConnectionError",
    "APIError",
    "APIResponseValidationError",
    "APIStatusError",
    "APITimeoutError",
    "About",
    "AsyncEmbeddingClient",
    "AuthenticationError",
    "BadRequestError",
    "BasicAuth",
    "Cache",
    "CacheError",
    "CallOptions",
    "ClientClosedError",
    "ClientOptions",
    "ConfigurationError",
    "ConflictError",
    "EmbedOptions",
    "EmbeddingClient",
    "EmbeddingResult",
    "Failure",
    "InputChangedError",
    "InternalServerError",
    "InvalidInputError",
    "InworldEmbeddingsError",
    "JWTAuth",
    "JobCorruptError",
    "JobError",
    "JobLockedError",
    "JobPausedError",
    "Model",
    "NotFoundError",
    "OtherServiceProvider",
    "PartialFailureError",
    "PermissionDeniedError",
    "Plan",
    "ProviderAuth",
    "Quantized",
    "RateLimitError",
    "RedirectError",
    "RequestTooLargeError",
    "ServiceProvider",
    "Stats",
    "StorageError",
    "StreamOptions",
    "TLSError",
    "__version__",
    "about",
    "chunk",
    "rank",
    "similarity",
]


if not TYPE_CHECKING:  # else no misspelt name would be told

    def __getattr__(name: str) -> Any:
        """Loads what loads OpenSSL or httpx when it is asked for."""
        if name == "Cache":
            from .cache import Cache  # noqa: PLC0415 - see above

            return Cache
        if name not in ("BasicAuth", "JWTAuth", "ProviderAuth"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from . import auth  # noqa: PLC0415 - see above

        return getattr(auth, name)
