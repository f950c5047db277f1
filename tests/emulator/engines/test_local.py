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


def test_the_committed_table_is_whole_and_frequent_words_weigh_less():
    table = local.Table.load()
    assert len(local.TABLE.read_bytes()) < 4_000_000
    assert len(table.index) == len(table.weights) == len(table.codes) > 35_000
    assert (min(table.scales), max(table.scales)) > (0, 0xFFFE)
    the, house, refund = (table.weights[table.index[word]] for word in ("the", "house", "refund"))
    assert 0 < min(table.weights) <= the < house / 4 < house < refund


def test_a_damaged_file_is_named(monkeypatch, tmp_path):
    damaged = tmp_path / "table.bin"
    monkeypatch.setattr(local, "TABLE", damaged)
    short = zlib.compress(local.HEADER.pack(2, 1) + bytes(600))
    for content in (b"", b"x", zlib.compress(b"x" * 1000)[:-1] + b"?", zlib.compress(b"x"), short):
        damaged.write_bytes(content)
        with pytest.raises(ConfigurationError, match=r"cannot read its table table\.bin"):
            local.Table.load()


# Words, pieces and n-grams.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello, World!", ["hello", ",", "world", "!"]),
        ("don't  $5+3=8", ["don", "'", "t", "$", "5", "+", "3", "=", "8"]),
        ("Café e\u0301te\u0301", ["cafe", "ete"]),
        ("İstanbul Λ\u03a3", ["istanbul", "λ\u03c3"]),
        ("東京タワー", ["東", "京", "タワー"]),
        ("a\x00b\u200bc\u00add", ["abcd"]),
        ("a\tb\nc\u00a0d\u2028e", ["a", "b", "c", "d", "e"]),
        ("hi\U0001f600\ufe0f \ud800 x", ["hi\U0001f600", "x"]),
        ("\u1c89\U00010d50", ["\u1c89\U00010d50"]),  # new in Unicode 16: every Python leaves them alone
        ("한글", ["\u1112\u1161\u11ab\u1100\u1173\u11af"]),
        ("", []),
    ],
)
def test_words_are_folded_and_split_as_bert_does(text, expected):
    assert local.words(text) == expected


def test_the_longest_piece_wins_and_a_missing_one_spoils_the_word():
    known = {"e", "em", "bed", "##bed", "##ding", "##d", "a", "##a"}
    for word, expected in {
        "embedding": ["em", "##bed", "##ding"], "beds": [], "": [], "a" * 100: ["a"] + ["##a"] * 99, "a" * 101: []
    }.items():  # fmt: skip
        assert local.pieces(word, known.__contains__) == expected


def test_words_of_any_length_are_equally_long_and_a_typo_stays_near():
    for text in ["", "a", "東", "embedding", "z" * 300, "\ud800"]:
        assert abs(math.hypot(*local.word_spelling(text)) - local.WORD_LENGTH) < 5, text
    name, typo, other = map(local.word_spelling, ("kowalczyk", "kowalcyzk", "marmalade"))
    assert product(name, typo) > 0.35 * local.WORD_LENGTH**2
    assert abs(product(name, other)) < 0.2 * local.WORD_LENGTH**2
    assert local.pair_spelling("new", "york") != local.pair_spelling("york", "new")


if __name__ == "__main__":
    golden = json.loads(GOLDEN.read_text())
    GOLDEN.write_text(json.dumps(found(list(golden["vectors"])), indent=2) + "\n")
