"""The vector each text must get: a pure function of the text, so that any mix-up on the way shows."""

from hashlib import shake_128

import numpy as np

from inworld_embeddings_emulator.handle import embeddings_body

DIM = 8
"""Dimension of a server's vectors unless a test asks for another."""


def vector_for(text, dim=DIM):
    """The vector of a text: shape ``(dim,)``, values in [-1, 1) with 24 bits each, so exact in float32."""
    utf8 = text.encode("utf-8", "surrogatepass")  # a client that sends half a surrogate must not crash us
    words = np.frombuffer(shake_128(utf8).digest(4 * dim), "<u4") >> 8
    return ((words.astype(np.float64) - 2**23) / 2**23).astype(np.float32)


def vectors_for(texts, dim=DIM):
    return np.array([vector_for(text, dim) for text in texts], np.float32).reshape(len(texts), dim)


def good_json(texts, dim=DIM):
    return embeddings_body(vectors_for(texts, dim).tolist())
