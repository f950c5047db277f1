"""Decoding alone, in one process, interleaved: `decoding.py [ROUNDS]`; prints CPU seconds by dimension and decoder as JSON."""

import importlib.util
import json
import sys
import time
from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any, cast

import msgspec
import numpy as np
import orjson
from bodies import body, expected

BATCH = 128
DIMENSIONS = (256, 768, 1536, 3072)
Decoder = Callable[[bytes], Any]

OURS, PLAIN, ORJSON = "inworld-embeddings", "inworld-embeddings, fallback decoder", "orjson + numpy"


def our_decoder(*, plain: bool) -> Decoder:
    """The package's decoder; with ``plain``, a second copy of it that does not find simdjson."""
    spec = importlib.util.find_spec("inworld_embeddings._core.decode")
    if spec is None or spec.loader is None:
        raise RuntimeError("no decoder")
    module = importlib.util.module_from_spec(spec)
    kept = sys.modules.get("simdjson")
    if plain:
        sys.modules["simdjson"] = cast("ModuleType", None)
    spec.loader.exec_module(module)
    if kept is not None:
        sys.modules["simdjson"] = kept
    return partial(_ours, module.decode)


def _ours(decode: Any, given: bytes) -> Any:
    return decode(given, BATCH)


def _generic(loads: Callable[[bytes], Any], given: bytes) -> Any:
    return np.array([item["values"] for item in loads(given)["embeddings"]], dtype=np.float32)


class _Item(msgspec.Struct):
    values: list[float]


class _Answer(msgspec.Struct):
    embeddings: list[_Item]


_typed = msgspec.json.Decoder(_Answer).decode


def _msgspec(given: bytes) -> Any:
    return np.array([item.values for item in _typed(given).embeddings], dtype=np.float32)


def _copy(given: bytes) -> Any:
    return bytearray(given)


def decoders() -> dict[str, Decoder]:
    """By label. The copy is the floor: the body, read and written once."""
    return {
        OURS: our_decoder(plain=False),
        PLAIN: our_decoder(plain=True),
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
            started = time.thread_time()
            decode(given)
            taken[label].append(time.thread_time() - started)
    return taken


if __name__ == "__main__":
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 25
    print(json.dumps({str(dimension): measured(dimension, rounds) for dimension in DIMENSIONS}))
