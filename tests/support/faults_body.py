"""200s whose JSON is right but whose shape is not (D01 to D05, D12, D15), and some odd ones that are right."""

import json
from collections.abc import Sequence

from support.fault import Exchange, Fault, body, body_fault, fault, good_body
from support.vectors import embeddings_json, good_json, row_json, rows_json, stray_texts, values_json


@body
def one_vector_short(texts: Sequence[str], dim: int) -> bytes:
    return embeddings_json(rows_json(texts[:-1], dim))


@body
def first_vector_missing(texts: Sequence[str], dim: int) -> bytes:
    """One short, and every vector that is there belongs one place further on."""
    return embeddings_json(rows_json(texts[1:], dim))


@body
def one_vector_extra(texts: Sequence[str], dim: int) -> bytes:
    return embeddings_json(rows_json([*texts, *stray_texts(1)], dim))


@body
def ragged(texts: Sequence[str], dim: int) -> bytes:
    """The last vector is one value short; with one text the answer is just of another dimension."""
    return embeddings_json([*rows_json(texts[:-1], dim), row_json(texts[-1], dim - 1)])


@body
def ragged_same_total(texts: Sequence[str], dim: int) -> bytes:
    """The first vector gives one value to the last: the sum of all lengths is right. Needs two texts."""
    first, last = row_json(texts[0], dim - 1), row_json(texts[-1], dim + 1)
    return embeddings_json([first, *rows_json(texts[1:-1], dim), last])


def other_dimension(dim: int) -> Fault:
    """Right but for the dimension, and all rows agree: only an earlier response can tell (D05)."""
    return body_fault(f"dimension_{dim}", lambda texts, _: good_json(texts, dim))


def last_row(name: str, row: bytes) -> Fault:
    """The last element of ``embeddings`` is this JSON (D03)."""
    return body_fault(f"row_{name}", lambda texts, dim: embeddings_json([*rows_json(texts[:-1], dim), row]))


def whole(name: str, data: bytes) -> Fault:
    """The body is this (D02)."""
    return body_fault(f"body_{name}", lambda _texts, _dim: data)


@body
def nested_values(texts: Sequence[str], dim: int) -> bytes:
    """``[[1], [2]]`` for ``[1, 2]``: a reader that flattens would not see it."""
    nested = [[[value] for value in json.loads(values_json(text, dim))] for text in texts]
    return json.dumps({"embeddings": [{"values": values} for values in nested]}).encode()


@body
def top_level_rows(texts: Sequence[str], dim: int) -> bytes:
    """A list of the right rows, without the object around it."""
    return b"[" + b",".join(rows_json(texts, dim)) + b"]"


@body
def bare_rows(texts: Sequence[str], dim: int) -> bytes:
    """Rows that are lists of numbers, not objects with ``values``."""
    return embeddings_json([values_json(text, dim) for text in texts])


@fault
def swapped(ex: Exchange) -> None:
    """The right vectors in reverse order (D15): nothing in the response tells."""
    texts = list(reversed(ex.request.texts))
    ex.reply(200, good_json(texts, ex.dim))


@fault
def somebody_elses_vectors(ex: Exchange) -> None:
    """A response that belongs to another request (D16)."""
    ex.reply(200, good_json(stray_texts(len(ex.request.texts)), ex.dim))


@body
def duplicate_embeddings_key(texts: Sequence[str], dim: int) -> bytes:
    """``embeddings`` twice, first with somebody else's vectors: readers differ in which one they take."""
    wrong, right = good_json(stray_texts(len(texts)), dim), good_json(texts, dim)
    return wrong[:-1] + b"," + right[1:]


@body
def duplicate_values_key(texts: Sequence[str], dim: int) -> bytes:
    """``values`` twice in the last row, first with somebody else's."""
    wrong, right = row_json(stray_texts(1)[0], dim), row_json(texts[-1], dim)
    return embeddings_json([*rows_json(texts[:-1], dim), wrong[:-1] + b"," + right[1:]])


def _with_unknown_fields(texts: Sequence[str], dim: int) -> bytes:
    rows = [
        b'{"index":3,"new":{"values":[9,9]},' + row[1:-1] + b',"z":null}' for row in rows_json(texts, dim)
    ]
    return b'{"model":"m","usage":{"embeddings":[1]},' + embeddings_json(rows)[1:-1] + b',"more":[[1],"x"]}'


def _with_white_space(texts: Sequence[str], dim: int) -> bytes:
    return json.dumps(json.loads(good_json(texts, dim)), indent="\t\r\n ").encode()


def _with_escaped_keys(texts: Sequence[str], dim: int) -> bytes:
    return good_json(texts, dim).replace(b'"embeddings"', b'"\\u0065mbeddings"')


unknown_fields = good_body("unknown_fields", _with_unknown_fields)
white_space = good_body("white_space", _with_white_space)
escaped_keys = good_body("escaped_keys", _with_escaped_keys)

GOOD_SHAPES = (unknown_fields, white_space, escaped_keys)
"""Odd, but right: must be accepted (D12)."""

WRONG_COUNTS = (
    one_vector_short,
    first_vector_missing,
    one_vector_extra,
    whole("no_vectors", b'{"embeddings":[]}'),
)
"""D01."""

BAD_ENVELOPES = (
    whole("embeddings_missing", b"{}"),
    whole("embeddings_null", b'{"embeddings":null}'),
    whole("embeddings_object", b'{"embeddings":{}}'),
    whole("embeddings_string", b'{"embeddings":"none"}'),
    whole("embeddings_number", b'{"embeddings":1}'),
    whole("top_level_list", b"[]"),
    whole("top_level_null", b"null"),
    whole("top_level_string", b'"ok"'),
    whole("top_level_number", b"1"),
    whole("top_level_true", b"true"),
    whole("blank", b" \n"),
    whole("error_in_200", b'{"code":13,"message":"internal","details":[]}'),
    whole("cut", b'{"embeddings":[{"values":[0.1,'),
    top_level_rows,
    bare_rows,
)
"""D02."""

BAD_ROWS = (
    last_row("values_missing", b"{}"),
    last_row("values_null", b'{"values":null}'),
    last_row("values_empty", b'{"values":[]}'),
    last_row("values_object", b'{"values":{}}'),
    last_row("values_string", b'{"values":"0.1"}'),
    last_row("values_number", b'{"values":0.1}'),
    last_row("null", b"null"),
    last_row("list", b"[]"),
    last_row("string", b'"row"'),
    nested_values,
)
"""D03, and D08 for rows."""

UNEQUAL_ROWS = (ragged, ragged_same_total)
"""D04; both need at least two texts."""
