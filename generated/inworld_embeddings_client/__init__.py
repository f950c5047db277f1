# generated from openapi.yaml, do not edit; change it and run: nox -s generate
"""A client library for accessing ai/inworld/embedding/v1alpha/embedding_service.proto"""

from .api.embedding_service import embedding_service_embed as embed
from .client import AuthenticatedClient, Client
from .errors import UnexpectedStatus
from .models import (
    Embedding,
    EmbedRequest,
    EmbedRequestInput,
    EmbedResponse,
    ModelId,
    ProtobufAny,
    ServiceProvider,
    Status,
)
from .types import UNSET, Response, Unset

__all__ = (
    "AuthenticatedClient",
    "Client",
    "EmbedRequest",
    "EmbedRequestInput",
    "EmbedResponse",
    "Embedding",
    "ModelId",
    "ProtobufAny",
    "Response",
    "ServiceProvider",
    "Status",
    "UNSET",
    "UnexpectedStatus",
    "Unset",
    "embed",
)
