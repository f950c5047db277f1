import json
import math
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from inworld_embeddings_emulator.engines import default_engine, local, table

TEXTS = [
    "Hello Inworld!",
    "",
    " \n\t",
    "the",
    "?!",
    "Привет, мир",
    "東京",
    "\U0001f600",
    "\ud800",
    "\x00",
    "a" * 1000,
    "word " * 40_000,
    "x\u0301" * 500,
]


@pytest.fixture(scope="module")
def engine():
    return default_engine()


def similarity(engine, one: str, other: str) -> float:
    first, second = engine.embed([one, other])
    return math.fsum(a * b for a, b in zip(first, second, strict=True))


def test_it_says_what_it_is(engine):
    assert engine.name == "inworld-local-minilm-ngram-v1"
    assert engine.dimension == 768


def test_a_vector_for_each_text_in_order(engine):
    assert engine.embed([]) == []
    assert engine.embed(TEXTS) == [engine.embed([text])[0] for text in TEXTS]


@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
def test_vectors_are_finite_short_in_print_and_of_unit_length(engine, text):
    (vector,) = engine.embed([text])
    assert len(vector) == engine.dimension
    assert all(type(value) is float and value == round(value, 7) for value in vector)
    assert "-0.0" not in map(repr, vector)
    assert math.fsum(value * value for value in vector) == pytest.approx(1.0, abs=5e-6)


def test_texts_without_words_share_one_vector(engine):
    empty, spaces, control = engine.embed(["", " \r\n\u2003", "\x00\u200b"])
    assert empty == spaces == control != engine.embed(["a"])[0]


@pytest.mark.parametrize(
    ("one", "near", "far"),
    [
        ("my car broke down", "the vehicle has engine trouble", "bake the bread for an hour"),
        ("embeding vectrs", "embedding vectors", "embroidery sectors"),
        ("Wojciech Kowalczyk", "kowalczyk, w.", "Marek Nowak"),
        ("dog bites man", "a dog bites a man", "man bites dog"),
        ("Wo ist der Bahnhof?", "Der Bahnhof ist im Zentrum", "Ich trinke morgens Kaffee"),
        ("погода в Москве", "Москва: погода сегодня", "рецепт борща"),
        ("東京の天気", "東京は晴れ", "大阪のご飯"),
    ],
)
def test_the_nearer_text_is_nearer(engine, one, near, far):
    assert similarity(engine, one, near) > similarity(engine, one, far) + 0.005


def test_case_accents_and_spacing_do_not_count(engine):
    one, other = engine.embed(["Élan  VITAL", "elan\nvital"])
    assert one == other


def test_threads_and_a_full_cache_change_nothing(engine):
    fresh = local.LocalEngine(table.Table.load())
    texts = [f"item {number} of a long list" for number in range(3000)]
    with ThreadPoolExecutor(4) as pool:
        together = [vector for part in pool.map(fresh.embed, [texts] * 2) for vector in part]
    assert together == engine.embed(texts) * 2


def test_the_engine_is_made_once_however_many_ask(engine):
    with ThreadPoolExecutor(8) as pool:
        assert {id(found) for found in pool.map(lambda _: default_engine(), range(32))} == {id(engine)}


def test_importing_the_engines_reads_no_table_and_hash_seeds_do_not_matter():
    program = """
import json, sys
from inworld_embeddings_emulator import engines
assert "inworld_embeddings_emulator.engines.table" not in sys.modules
print(json.dumps(engines.default_engine().embed(["seeded hashes", "東京"])))
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    outputs = [
        subprocess.run(
            [sys.executable, "-c", program],
            env={**environment, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert outputs[0] == outputs[1]
    assert json.loads(outputs[0]) == default_engine().embed(["seeded hashes", "東京"])


def test_the_table_stays_small():
    assert table.FILE.stat().st_size < 3_000_000
