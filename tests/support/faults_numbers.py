"""200s with one odd number in an otherwise right answer (D06 to D09), and values nested without end (D10)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from support.fault import Fault, body_fault
from support.faults_body import whole
from support.vectors import DIM, embeddings_json, row_json, rows_json, vectors_for


def number(literal: str) -> Fault:
    """The first value of the last vector is this literal, whatever it is."""

    def build(texts: Sequence[str], dim: int) -> bytes:
        first, rest = row_json(texts[-1], dim).split(b",", 1)
        row = first[: first.index(b"[") + 1] + literal.encode() + b"," + rest
        return embeddings_json([*rows_json(texts[:-1], dim), row])

    return body_fault(f"number_{literal[:24]}", build)


def vectors_with(literal: str, texts: Sequence[str], dim: int = DIM) -> NDArray[np.float32]:
    """What a client must make of `number` with a good literal: numpy's rounding to float32."""
    vectors = vectors_for(texts, dim)
    vectors[-1, 0] = np.float32(float(literal))
    return vectors


GOOD_LITERALS = (
    "0", "1", "-1", "-0.0", "-0", "1e-45", "1e-46", "5e-324", "1e-400", "1E-2", "1e+2", "123456789",
    "16777217", "9007199254740993", "18446744073709551616", "3.4028234663852886e38", "0.1",
    "0." + "1234567890" * 1000,
    "0.500000029802322387695312" + "5" * 40,
)  # fmt: skip
"""Numbers that must be accepted (D09)."""

NOT_FINITE = (
    "NaN", "Infinity", "-Infinity", "nan", "inf", '"NaN"', '"Infinity"', '"-Infinity"',
    "1e999", "-1e999", "1e39", "-1e39", "3.5e38", "1" + "0" * 400,
)  # fmt: skip
"""Numbers that are none, or none in float32 (D06)."""

NO_NUMBERS = (
    '"0.5"', '""', "true", "false", "null", "[1]", "[]", "{}", "0x10", "01", "+1", ".5", "1.", "1e", "--1",
    "1_000", "1,5,", "", "'1'", "0.5 0.5", "\u0661",
)  # fmt: skip
"""Things in a number's place that are no JSON numbers (D08)."""

good_numbers = tuple(map(number, GOOD_LITERALS))
BAD_NUMBERS = tuple(map(number, (*NOT_FINITE, *NO_NUMBERS)))


def constant_vectors(literal: str) -> Fault:
    """Every value of every vector is this: ``"0"`` for all-zero vectors, ``"1e30"`` for a huge norm (D07)."""

    def build(texts: Sequence[str], dim: int) -> bytes:
        row = b'{"values":[' + b",".join([literal.encode()] * dim) + b"]}"
        return embeddings_json([row] * len(texts))

    return body_fault(f"constant_{literal}", build)


zero_vectors = constant_vectors("0")
huge_norm = constant_vectors("1e30")

_DEPTH = 200_000

DEEP_NESTING = (
    whole("deep_lists", b"[" * _DEPTH + b"]" * _DEPTH),
    whole("deep_lists_open", b"[" * _DEPTH),
    whole("deep_objects", b'{"a":' * _DEPTH + b"1" + b"}" * _DEPTH),
    whole("deep_values", b'{"embeddings":[{"values":' + b"[" * _DEPTH + b"]" * _DEPTH + b"}]}"),
    whole("deep_unknown", b'{"new":' + b"[" * _DEPTH + b"]" * _DEPTH + b',"embeddings":[]}'),
)
"""D10."""
