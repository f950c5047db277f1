"""What the loopback service answers: the same vectors in every peer's format, encoded ahead of time. No I/O.

A text begins with its number, seven digits; its vector is row ``number % POOL`` of a fixed table, so that every result
can be checked. Numbers are printed with the fewest digits that give the same float32, as services do.
"""

import base64
import functools
import gzip
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

POOL = 512
DIGITS = 7

Rows = Sequence[str]


def texts(count: int, start: int = 0) -> list[str]:
    """Numbered texts of 60 characters."""
    return [
        f"{number:0{DIGITS}} the quick brown fox jumps over the lazy dog, again"
        for number in range(start, start + count)
    ]


@functools.cache
def table(dimension: int) -> NDArray[np.float32]:
    """The vectors, shape (POOL, dimension): random directions of length one."""
    rows = np.random.default_rng(dimension).standard_normal((POOL, dimension))
    units: NDArray[np.float32] = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return units


def expected(count: int, dimension: int, start: int = 0) -> NDArray[np.float32]:
    """The vectors of ``texts(count, start)``."""
    rows: NDArray[np.float32] = table(dimension)[np.arange(start, start + count) % POOL]
    return rows


@functools.cache
def _as_floats(dimension: int) -> list[str]:
    return [f"[{','.join(map(str, row))}]" for row in table(dimension)]


@functools.cache
def _as_base64(dimension: int) -> list[str]:
    return [f'"{base64.b64encode(row.tobytes()).decode()}"' for row in table(dimension)]


def bytes_per_float(dimension: int) -> float:
    """Characters of JSON for one number and its comma."""
    return sum(map(len, _as_floats(dimension))) / (POOL * dimension)


def _inworld(rows: Rows) -> str:
    return '{"embeddings":[' + ",".join('{"values":' + row + "}" for row in rows) + "]}"


def _openai(rows: Rows) -> str:
    head = '{"object":"embedding","index":'
    data = ",".join(f'{head}{index},"embedding":{row}}}' for index, row in enumerate(rows))
    rest = '"model":"loopback","usage":{"prompt_tokens":8,"total_tokens":8},"id":"0"'
    return f'{{"object":"list","data":[{data}],{rest}}}'


def _cohere(kind: str, rows: Rows) -> str:
    head = '"id":"0","response_type":"embeddings_by_type"'
    return f'{{{head},"embeddings":{{"{kind}":[{",".join(rows)}]}}}}'


def _pinecone(rows: Rows) -> str:
    data = ",".join(f'{{"values":{row},"vector_type":"dense"}}' for row in rows)
    return f'{{"model":"loopback","vector_type":"dense","data":[{data}],"usage":{{"total_tokens":8}}}}'


def _plain(rows: Rows) -> str:
    return f"[{','.join(rows)}]"


Format = tuple[Callable[[int], list[str]], Callable[[Rows], str]]
FORMATS: dict[str, Format] = {
    "inworld": (_as_floats, _inworld),
    "openai": (_as_floats, _openai),
    "openai-base64": (_as_base64, _openai),
    "cohere": (_as_floats, functools.partial(_cohere, "float")),
    "cohere-base64": (_as_base64, functools.partial(_cohere, "base64")),
    "pinecone": (_as_floats, _pinecone),
    "huggingface": (_as_floats, _plain),
}


@functools.lru_cache(maxsize=256)
def body(form: str, dimension: int, rows: tuple[int, ...], coding: str = "") -> bytes:
    """The body for texts whose vectors are these rows of the table; ``coding`` is "", "gzip" or "zstd"."""
    encode, wrap = FORMATS[form]
    encoded = encode(dimension)
    plain = wrap([encoded[row] for row in rows]).encode()
    return _CODINGS[coding](plain)


def _zstd(plain: bytes) -> bytes:
    import zstandard

    return zstandard.ZstdCompressor().compress(plain)


_CODINGS: dict[str, Callable[[bytes], bytes]] = {"": bytes, "gzip": gzip.compress, "zstd": _zstd}
