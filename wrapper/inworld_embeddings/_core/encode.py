"""Texts as the JSON that travels, in one pass: what is encoded here is what is measured, and what is sent.

Compact JSON in UTF-8, nothing escaped beyond what JSON requires. A test holds it against the generated client's own
bodies.
"""

from collections.abc import Sequence

import msgspec


class _Input(msgspec.Struct, gc=False):
    text: str


_encode = msgspec.json.Encoder().encode


def encode_inputs(texts: Sequence[str]) -> bytes:
    """The members of ``inputs``, with commas between them and no brackets around them.

    Raises:
        UnicodeEncodeError: a lone surrogate; `inputs.checked_text` has found it before.
    """
    return _encode([_Input(text) for text in texts])[1:-1]


def encoded_size(text: str) -> int:
    """Bytes that one text adds to a request body, without the comma."""
    return len(_encode(_Input(text)))


def envelope_size(model: str, service_provider: str) -> int:
    """Bytes of a request body around its inputs."""
    return len(_encode({"inputs": [], "model": {"model": model, "serviceProvider": service_provider}}))
