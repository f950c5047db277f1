"""The built-in engine: pinned to the bit, the same everywhere, near where the meaning or the spelling is near.

Run as a program, this file writes golden.json anew. Vectors that changed need a new engine name: stored vectors
carry it, and two spaces must never be mixed.
"""

import hashlib
import json
import struct
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from inworld_embeddings_emulator.engines import default_engine, local

GOLDEN = Path(__file__).with_name("golden.json")


def found(texts):
    """Hashes of the table, and of the vector of each text."""
    vectors = [struct.pack(f"<{len(vector)}d", *vector) for vector in default_engine().embed(texts)]
    table, *hashes = (hashlib.sha256(part).hexdigest() for part in (local.TABLE.read_bytes(), *vectors))
    return {"engine": local.NAME, "table": table, "vectors": dict(zip(texts, hashes, strict=True))}


def test_vectors_and_table_are_the_pinned_ones():
    pinned = json.loads(GOLDEN.read_text())
    assert found(list(pinned["vectors"])) == pinned


@pytest.mark.parametrize(
    "texts",
    [  # a text, one that is near, one that is far
        ("my car broke down", "the vehicle has engine trouble", "bake the bread for an hour"),
        ("Wojciech Kowalczyk", "kowalczyk, w.", "Marek Nowak"),
        ("погода в Москве", "Москва: погода сегодня", "рецепт борща"),
        ("東京の天気", "東京は晴れ", "大阪のご飯"),
    ],
)
def test_the_nearer_text_is_nearer(texts):
    one, near, far = np.array(default_engine().embed(texts))
    assert one @ near > one @ far + 0.005


def test_threads_and_a_full_cache_change_nothing(monkeypatch):
    monkeypatch.setattr(local, "_CACHED_WORDS", 16)
    fresh = local.LocalEngine(local.Table.load())
    texts = [f"item {number} of a long list" for number in range(100)]
    with ThreadPoolExecutor(4) as pool:
        together = [vector for part in pool.map(fresh.embed, [texts] * 2) for vector in part]
        assert {*pool.map(lambda _: default_engine(), range(8))} == {default_engine()}
    assert together == default_engine().embed(texts) * 2


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(found(list(json.loads(GOLDEN.read_text())["vectors"])), indent=2) + "\n")
