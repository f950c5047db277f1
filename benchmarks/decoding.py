"""Decoding alone, in one process, interleaved: `decoding.py [ROUNDS]`; prints CPU seconds by dimension and decoder as JSON."""

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
import numpy as np
import orjson
from bodies import body, expected

from inworld_embeddings._decoding import Decoder as OurDecoder

BATCH = 128
DIMENSIONS = (256, 768, 1536, 3072)
Decoder = Callable[[bytes | bytearray], Any]

OURS, PLAIN, ORJSON = "inworld-embeddings", "inworld-embeddings, fallback decoder", "orjson + numpy"


def _ours(decode: Any, given: bytes | bytearray) -> Any:
    return decode(given, BATCH)


def _generic(loads: Callable[[bytes], Any], given: bytes | bytearray) -> Any:
    return np.array([item["values"] for item in loads(given)["embeddings"]], dtype=np.float32)


class _Item(msgspec.Struct):
    values: list[float]


class _Answer(msgspec.Struct):
    embeddings: list[_Item]


_typed = msgspec.json.Decoder(_Answer).decode


def _msgspec(given: bytes | bytearray) -> Any:
    return np.array([item.values for item in _typed(given).embeddings], dtype=np.float32)


def _copy(given: bytes | bytearray) -> Any:
    return bytearray(given)


def decoders() -> dict[str, Decoder]:
    """By label. The copy is the floor: the body, read and written once."""
    return {
        OURS: partial(_ours, OurDecoder().decode),
        PLAIN: partial(_ours, OurDecoder(fast=False).decode),
        ORJSON: partial(_generic, orjson.loads),
        "msgspec, typed + numpy": _msgspec,
        "stdlib json + numpy": partial(_generic, json.loads),
        "a copy of the body": _copy,
    }


def measured(dimension: int, rounds: int) -> dict[str, list[float]]:
    """CPU seconds for one body of a batch, by decoder."""
    given, wanted = body("inworld", dimension, tuple(range(BATCH))), expected(BATCH, dimension)
    table = decoders()
    for label, decode in table.items():
        if decode is not _copy and not np.array_equal(decode(given), wanted):
            raise ValueError(f"{label} decodes wrong")
    taken: dict[str, list[float]] = {label: [] for label in table}
    for _ in range(rounds):
        for label, decode in table.items():
            received = bytearray(given)  # in the cache, as what has just come from a socket
            started = time.thread_time()
            decode(received)
            taken[label].append(time.thread_time() - started)
    return taken


if __name__ == "__main__":
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 25
    print(json.dumps({str(dimension): measured(dimension, rounds) for dimension in DIMENSIONS}))
