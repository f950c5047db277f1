# generated from openapi.yaml, do not edit; change it and run: nox -s generate
"""Contains all the data models used in inputs/outputs"""

from .embed_request import EmbedRequest
from .embed_request_input import EmbedRequestInput
from .embed_response import EmbedResponse
from .embedding import Embedding
from .model_id import ModelId
from .protobuf_any import ProtobufAny
from .service_provider import ServiceProvider
from .status import Status

__all__ = (
    "Embedding",
    "EmbedRequest",
    "EmbedRequestInput",
    "EmbedResponse",
    "ModelId",
    "ProtobufAny",
    "ServiceProvider",
    "Status",
)
