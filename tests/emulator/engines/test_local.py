"""The built-in engine: pinned to the bit, the same everywhere, near where the meaning or the spelling is near.

Run as a program, this file writes golden.json anew. Vectors that changed need a new engine name: stored vectors
carry it, and two spaces must never be mixed.
"""

import hashlib
import json
import math
import os
import struct
import subprocess
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from inworld_embeddings.errors import ConfigurationError
from inworld_embeddings_emulator.engines import default_engine, local

GOLDEN = Path(__file__).with_name("golden.json")
TEXTS = ["Hello Inworld!", "", "the", "?!", "東京", "\U0001f600", "\ud800", "\x00", "a" * 1000]
TEXTS += ["word " * 40_000, "x\u0301" * 500]


@pytest.fixture(scope="module")
def engine():
    return default_engine()


def product(one, other):
    return math.fsum(a * b for a, b in zip(one, other, strict=True))


def found(texts):
    """Hashes of the table, and of the vector of each text."""
    vectors = [struct.pack(f"<{len(vector)}d", *vector) for vector in default_engine().embed(texts)]
    table, *hashes = (hashlib.sha256(part).hexdigest() for part in (local.TABLE.read_bytes(), *vectors))
    return {"engine": local.NAME, "table": table, "vectors": dict(zip(texts, hashes, strict=True))}


def test_vectors_and_table_are_the_pinned_ones():
    pinned = json.loads(GOLDEN.read_text())
    assert found(list(pinned["vectors"])) == pinned


def test_a_vector_for_each_text_finite_short_in_print_and_of_unit_length(engine):
    vectors = engine.embed(TEXTS)
    assert vectors == [engine.embed([text])[0] for text in TEXTS]
    for vector in vectors:
        assert len(vector) == engine.dimension == 768
        assert all(type(value) is float and value == round(value, 7) for value in vector)
        assert "-0.0" not in map(repr, vector)
        assert math.fsum(value * value for value in vector) == pytest.approx(1.0, abs=5e-6)


def test_texts_without_words_share_one_vector_and_case_accents_and_spaces_do_not_count(engine):
    empty, spaces, control, word = engine.embed(["", " \r\n\u2003", "\x00\u200b", "a"])
    assert empty == spaces == control != word
    one, other = engine.embed(["Élan  VITAL", "elan\nvital"])
    assert one == other


@pytest.mark.parametrize(
    ("one", "near", "far"),
    [
        ("my car broke down", "the vehicle has engine trouble", "bake the bread for an hour"),
        ("embeding vectrs", "embedding vectors", "embroidery sectors"),
        ("Wojciech Kowalczyk", "kowalczyk, w.", "Marek Nowak"),
        ("dog bites man", "Dog bites man", "man bites dog"),
        ("Wo ist der Bahnhof?", "Der Bahnhof ist im Zentrum", "Ich trinke morgens Kaffee"),
        ("погода в Москве", "Москва: погода сегодня", "рецепт борща"),
        ("東京の天気", "東京は晴れ", "大阪のご飯"),
    ],
)
def test_the_nearer_text_is_nearer(engine, one, near, far):
    first, second, third = engine.embed([one, near, far])
    assert product(first, second) > product(first, third) + 0.005


def test_threads_and_a_full_cache_change_nothing(engine, monkeypatch):
    monkeypatch.setattr(local, "_CACHED_WORDS", 16)
    fresh = local.LocalEngine(local.Table.load())
    texts = [f"item {number} of a long list" for number in range(100)]
    with ThreadPoolExecutor(4) as pool:
        together = [vector for part in pool.map(fresh.embed, [texts] * 2) for vector in part]
        assert {id(made) for made in pool.map(lambda _: default_engine(), range(8))} == {id(engine)}
    assert together == engine.embed(texts) * 2
    assert engine.word.cache_info().maxsize < 10_000


def test_importing_the_engines_reads_no_table_and_hash_seeds_do_not_matter(engine):
    program = """
import json, sys
from inworld_embeddings_emulator import engines
assert "numpy" not in sys.modules
print(json.dumps(engines.default_engine().embed(["seeded hashes", "東京"])))
"""
    for seed in ("1", "2"):
        env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": seed}
        done = subprocess.run([sys.executable, "-c", program], env=env, check=True, capture_output=True)
        assert json.loads(done.stdout) == engine.embed(["seeded hashes", "東京"])


# The table.


def test_a_damaged_file_is_named(monkeypatch, tmp_path):
    damaged = tmp_path / "table.bin"
    monkeypatch.setattr(local, "TABLE", damaged)
    short = zlib.compress(local.HEADER.pack(2, 1) + bytes(600))
    for content in (b"", b"x", zlib.compress(b"x" * 1000)[:-1] + b"?", zlib.compress(b"x"), short):
        damaged.write_bytes(content)
        with pytest.raises(ConfigurationError, match=r"cannot read its table table\.bin"):
            local.Table.load()


# Words, pieces and n-grams.


if __name__ == "__main__":
    golden = json.loads(GOLDEN.read_text())
    GOLDEN.write_text(json.dumps(found(list(golden["vectors"])), indent=2) + "\n")
