"""The build program's own arithmetic; its real input, the weights and the texts, is no part of the project."""

import gzip
import hashlib
import io
import json
import math
import tarfile
import zipfile
import zlib

import msgspec
import numpy as np
import pytest

from inworld_embeddings_emulator.engines import local


@pytest.fixture
def vectors():
    return np.random.default_rng(7).normal(size=(600, 256)) * np.linspace(3, 0.5, 256)


def test_the_engine_reads_back_what_the_build_program_packs(vectors):
    from build_table.pack import body, pack

    vectors[0] *= 1e-6
    rows = [f"t{number}" for number in range(len(vectors))]
    found = local.Table.parse(zlib.decompress(pack(body(rows, vectors))))
    weights = np.frombuffer(found.weights, np.uint8).astype(int)
    read = np.array([found.row(row) for row in range(len(rows))]) * np.array(found.scales) * weights[:, None]
    assert list(found.index) == rows
    assert (weights.min(), weights.max(), weights[0]) == (1, 255, 1)
    assert np.corrcoef(read.ravel(), vectors.ravel())[0, 1] > 0.985


def test_the_sums_of_texts_learn_where_to_point():
    from build_table.distil import BATCH, first_vectors, learn, principal, unit

    random = np.random.default_rng(1)
    texts = [random.integers(0, 50, 4) for _ in range(2 * BATCH)]
    own, true = random.normal(size=(2, 50, 8)).astype(np.float32)
    sums = lambda rows: unit(np.array([rows[text].sum(axis=0) for text in texts]))  # noqa: E731
    cosine = lambda rows: float((sums(rows) * sums(true)).sum(axis=1).mean())  # noqa: E731
    first = first_vectors(own, np.ones(50, np.float32), texts, sums(true))
    learned = learn(first, texts, sums(true), epochs=500)
    assert cosine(first) < 0.6
    assert cosine(learned) > 0.9
    axes = principal(learned, texts, 8)
    assert np.allclose(sums(axes) @ sums(axes).T, sums(learned) @ sums(learned).T, atol=1e-4)
    spread = (sums(axes) ** 2).sum(axis=0)
    assert np.all(np.diff(spread) <= 0)


def test_rows_are_the_tokens_in_ascii_and_the_frequent_words_and_rare_ones_weigh_more_at_first():
    from build_table.distil import first_weights
    from build_table.pack import table_rows

    rows = table_rows(["[unused]"] * 999 + ["!", "7", "the", "é", "##s", "東", "owl"], ["the", "refund"])
    assert rows == ["!", "7", "the", "##s", "owl", "refund"]
    weights = first_weights(rows, ["the", "refund"])
    assert weights.tolist() == pytest.approx([0.004, 0.25, 1 / 1001, 0.8, 1, 2 / 1002])


def test_texts_are_short_printable_and_different(tmp_path, monkeypatch):
    from build_table import corpus

    said = [{"text": text} for text in ("one two three", "one two three", "no no", "n\u00e9 deux trois")]
    gloss = b'  1 the | licence\n00 03 n 01 thing 0 | a useful thing; "he used the thing"; "thing"\n'
    words = msgspec.msgpack.encode([{"format": "cB"}, [], ["the"], ["to", "it's", "of"]])
    for name, inside, content in (
        (corpus.CHAT, "chitchat_dataset/dataset.json", json.dumps({"a": {"messages": [said]}}).encode()),
        (corpus.FREQUENCIES, "wordfreq/data/small_en.msgpack.gz", gzip.compress(words)),
    ):
        with zipfile.ZipFile(tmp_path / name, "w") as wheel:
            wheel.writestr(inside, content)
    with tarfile.open(tmp_path / corpus.WORDNET, "w:gz") as archive:
        for part in ("noun", "verb", "adj", "adv"):
            member = tarfile.TarInfo(f"package/dict/data.{part}")
            member.size = len(gloss)
            archive.addfile(member, io.BytesIO(gloss))
    with pytest.raises(ValueError, match="has sha256"):
        corpus.texts(tmp_path)
    hashes = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in tmp_path.iterdir()}
    monkeypatch.setattr(corpus, "SHA256", hashes)
    assert sorted(corpus.texts(tmp_path)) == ["a useful thing", "he used the thing", "one two three"]
    assert corpus.frequent_words(tmp_path) == ["the", "of", "to"]


def test_gelu_is_exact_to_single_precision():
    from build_table.model import gelu

    x = np.linspace(-6, 6, 1001)
    exact = [value * 0.5 * (1 + math.erf(value / math.sqrt(2))) for value in x.tolist()]
    assert np.abs(gelu(x) - exact).max() < 1e-6


def test_other_weights_are_refused(tmp_path):
    from build_table.model import read_weights

    (tmp_path / "model.safetensors").write_bytes(b"something else")
    with pytest.raises(ValueError, match="53aa5117"):
        read_weights(tmp_path / "model.safetensors")


def test_the_committed_table_is_checked_but_for_rounding(capsys):
    from build_table.build import TABLE, check

    there = bytearray(zlib.decompress(TABLE.read_bytes()))
    there[-1] ^= 1
    assert check(bytes(there)) == 0
    there[::50] = bytes(value ^ 1 for value in there[::50])
    assert check(bytes(there)) == check(b"other") == 1
    assert "python -m build_table.build" in capsys.readouterr().out
