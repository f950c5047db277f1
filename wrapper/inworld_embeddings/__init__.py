"""Python client for Inworld's embeddings API.

>>> from inworld_embeddings import EmbeddingClient
>>> client = EmbeddingClient.local()  # or EmbeddingClient(), with INWORLD_API_KEY set
>>> client.embed("Hello Inworld!").shape
(768,)

Importing it and making a client load neither httpx nor numpy: those come with the first request.
"""

from typing import TYPE_CHECKING, Any

from ._version import __version__
from .async_client import AsyncEmbeddingClient
from .client import EmbeddingClient
from .errors import (
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    ClientClosedError,
    ConfigurationError,
    ConflictError,
    InternalServerError,
    InvalidInputError,
    InworldEmbeddingsError,
    NotFoundError,
    PartialFailureError,
    PermissionDeniedError,
    RateLimitError,
    RedirectError,
    RequestTooLargeError,
    RetryBudgetExhaustedError,
    TLSError,
)
from .models import MODELS, Model, OtherServiceProvider, ServiceProvider
from .provenance import About, about
from .result import EmbeddingResult, Failure, Plan, Stats

if TYPE_CHECKING:
    from .auth import BasicAuth, ProviderAuth
    from .jwt_auth import JWTAuth

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
    "ClientClosedError",
    "ConfigurationError",
    "ConflictError",
    "EmbeddingClient",
    "EmbeddingResult",
    "Failure",
    "InternalServerError",
    "InvalidInputError",
    "InworldEmbeddingsError",
    "JWTAuth",
    "Model",
    "NotFoundError",
    "OtherServiceProvider",
    "PartialFailureError",
    "PermissionDeniedError",
    "Plan",
    "ProviderAuth",
    "RateLimitError",
    "RedirectError",
    "RequestTooLargeError",
    "RetryBudgetExhaustedError",
    "ServiceProvider",
    "Stats",
    "TLSError",
    "__version__",
    "about",
]


def __getattr__(name: str) -> Any:
    """Loads the auth flows when they are asked for: they are httpx classes."""
    if name not in ("BasicAuth", "JWTAuth", "ProviderAuth"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name == "JWTAuth":
        from .jwt_auth import JWTAuth  # noqa: PLC0415 - see above

        return JWTAuth
    from . import auth  # noqa: PLC0415 - see above

    return getattr(auth, name)
