"""Sizes of the messages between gateway and service, in protobuf bytes, and the limit of a gRPC hop.

The limit is gRPC's default [source]; that the service keeps the default, and the field numbers being single-byte
tags, are assumed.
"""

from .request_json import EmbedMessage
from .rpc_status import Code, RpcError

MAX_MESSAGE_BYTES = 4 * 1024 * 1024


def request_bytes(message: EmbedMessage) -> int:
    """Size of the request message."""
    inputs = sum(_delimited(_string_field(text)) for text in message.texts)
    provider = 1 + _varint(message.provider) if message.provider else 0
    model = _string_field(message.model) + provider
    return inputs + (_delimited(model) if model else 0)


def response_bytes(count: int, dimension: int) -> int:
    """Size of the response message: each vector is a message of packed 32-bit floats."""
    return count * _delimited(_delimited(4 * dimension))


def check_size(size: int, limit: int = MAX_MESSAGE_BYTES) -> None:
    """Lets messages within the limit pass.

    Raises:
        RpcError: 429, for good: a message this large will never pass, so waiting does not help.
    """
    if size > limit:
        message = f"grpc: received message larger than max ({size} vs. {limit})"
        raise RpcError(Code.RESOURCE_EXHAUSTED, message)


def _string_field(text: str) -> int:
    return _delimited(len(text) if text.isascii() else len(text.encode())) if text else 0


def _delimited(length: int) -> int:
    return 1 + _varint(length) + length


def _varint(number: int) -> int:
    return max(1, (number.bit_length() + 6) // 7) if number >= 0 else 10
