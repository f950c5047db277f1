"""Sizes against a plain protobuf encoder, written out here so that the bytes can be counted."""

import pytest

from inworld_embeddings_emulator.message_size import request_bytes, response_bytes
from inworld_embeddings_emulator.request_json import EmbedMessage


def varint(number):
    number %= 2**64
    parts = []
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    return bytes([*parts, number])


def delimited(field, content):
    return bytes([field << 3 | 2]) + varint(len(content)) + content


def encode(message):
    inputs = b"".join(delimited(1, delimited(1, text.encode()) if text else b"") for text in message.texts)
    model = delimited(1, message.model.encode()) if message.model else b""
    model += bytes([2 << 3]) + varint(message.provider) if message.provider else b""
    return inputs + (delimited(2, model) if model else b"")


@pytest.mark.parametrize(
    "texts", [(), ("",), ("a",), ("x" * 127,), ("x" * 126, "é" * 64, "😀"), ("x" * 20_000,)]
)
@pytest.mark.parametrize(
    ("model", "provider"), [("", 0), ("m" * 200, 1), ("", 2), ("m", 2**31 - 1), ("m", -1)]
)
def test_request(texts, model, provider):
    message = EmbedMessage(texts, model, provider)
    assert request_bytes(message) == len(encode(message))


@pytest.mark.parametrize(("count", "dimension"), [(0, 3), (1, 3), (2, 31), (2, 32), (7, 768), (3, 5000)])
def test_response(count, dimension):
    assert response_bytes(count, dimension) == count * len(delimited(1, delimited(1, bytes(4 * dimension))))
