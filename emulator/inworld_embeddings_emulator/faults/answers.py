"""Good answers made wrong: too short, too long, ragged, with a null or a NaN, of another dimension."""

import json
from math import nan
from typing import Any

from ..handle import response_bytes
from ..messages import Reply
from .bad_answers import Dimension, Long, Nan, Null, Ragged, Short, Swap, Zero
from .fault import Fault
from .kinds import MaxMessage
from .refusals import too_large

_ROWS = {"embeddings": "values", "data": "embedding"}
"""Where the two faces of the emulator keep their rows, and each row its vector."""


def reshaped(fault: Fault, reply: Reply) -> Reply:
    """The answer that a fault makes of a good one; the same one where it makes nothing of it."""
    if not isinstance(fault, Short | Long | Ragged | Null | Nan | Zero | Swap | Dimension | MaxMessage):
        return reply
    root = json.loads(reply.body)
    name = next((name for name in _ROWS if name in root), "embeddings")
    rows, key = root.get(name, []), _ROWS[name]
    if isinstance(fault, MaxMessage):
        return too_large(fault, response_bytes(len(rows), len(rows[0][key]) if rows else 0)) or reply
    made = _rows(fault, rows, key)
    if made == rows:
        return reply
    body = json.dumps(root | {name: made}, separators=(",", ":"), ensure_ascii=False)
    return Reply(reply.status, reply.headers, body.encode(), reply.carriage)


def _rows(fault: Fault, rows: list[Any], key: str) -> list[Any]:
    match fault:
        case Short(count):
            return rows[: max(0, len(rows) - count)]
        case Long(count):
            return rows + rows[-1:] * count
        case Swap():
            order = [-1, *range(1, len(rows) - 1), 0] if len(rows) > 1 else range(len(rows))
            return [row | {key: rows[place][key]} for row, place in zip(rows, order, strict=True)]
    if not all(isinstance(row[key], list) for row in rows):
        return rows  # base64: what it holds is not looked into
    vectors = _vectors(fault, [row[key] for row in rows])
    return [row | {key: vector} for row, vector in zip(rows, vectors, strict=True)]


def _vectors(fault: Fault, vectors: list[list[Any]]) -> list[list[Any]]:
    rest, last = vectors[:-1], vectors[-1:]
    match fault:
        case Ragged():
            return rest + [vector[:-1] for vector in last]
        case Null():
            return rest + [[None, *vector[1:]] for vector in last]
        case Nan():
            return rest + [[nan, *vector[1:]] for vector in last]
        case Zero():
            return [[0] * len(vector) for vector in vectors]
        case Dimension(size):
            return [(vector + [0] * size)[:size] for vector in vectors]
    return vectors
