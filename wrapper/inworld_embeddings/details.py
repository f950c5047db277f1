"""The types in `APIStatusError.details`: what google.rpc and Inworld add to an error. Unknown ones stay dicts."""

from ._core.rpc_details import (
    BadRequest,
    ErrorInfo,
    FieldViolation,
    InworldStatus,
    QuotaFailure,
    QuotaViolation,
    RequestInfo,
    RetryInfo,
)

__all__ = [
    "BadRequest",
    "ErrorInfo",
    "FieldViolation",
    "InworldStatus",
    "QuotaFailure",
    "QuotaViolation",
    "RequestInfo",
    "RetryInfo",
]
