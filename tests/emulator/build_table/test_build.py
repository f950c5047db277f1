"""The build program's own arithmetic; its real input, the weights, is no part of the project."""

import json
import math
import zlib

import numpy as np
import pytest


@pytest.fixture
def vectors():
    return np.random.default_rng(7).normal(size=(600, 256)) * np.linspace(3, 0.5, 256)


def test_the_engine_reads_back_what_the_build_program_packs(vectors):
    from build_table.pack import body, pack
    from inworld_embeddings_emulator.engines import local

    tokens = [f"t{number}" for number in range(len(vectors))]
    packed = pack(body(tokens, bytes([9]) * len(tokens), vectors))
    found = local.Table.parse(zlib.decompress(packed))
    read = np.array([found.row(row) for row in range(len(tokens))]) * np.array(found.scales)
    assert list(found.index) == tokens
    assert np.corrcoef(read.ravel(), vectors.ravel())[0, 1] > 0.985


def test_axes_are_sorted_and_do_not_depend_on_the_signs_of_the_eigenvectors(vectors):
    from build_table.pack import principal

    found = principal(vectors, 16)
    assert found.shape == (600, 16)
    assert np.all(np.diff(found.std(axis=0)) <= 0)
    assert np.allclose(found, principal(vectors[::-1], 16)[::-1])


def test_only_ascii_tokens_are_kept():
    from build_table.pack import wanted

    assert wanted(["[unused]"] * 999 + ["the", "é", "##s", "東", "house"]) == [999, 1001, 1003]


@pytest.mark.parametrize(
    ("i", "token", "expected"),
    [(999, "!", 1), (1020, "7", 64), (1037, "a", 1), (1996, "the", 1), (2995, "a", 127), (29_000, "b", 245)],
)
def test_rare_words_weigh_more(i, token, expected):
    from build_table.pack import weight

    assert weight(i, token) == expected


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


def test_a_stale_table_is_reported_with_the_command_that_rebuilds_it(capsys, tmp_path):
    from build_table.build import check

    assert check(tmp_path / "weights.whl", b"other") == 1
    assert "python -m build_table.build" in capsys.readouterr().out


# Search by meaning. Measured when this was written: engine 82.5 %, n-grams alone 5 %, full model 97.5 %, of 40 queries
# over 80 texts. `python -m build_table.build --quality` measures all three anew.


def test_paraphrases_find_their_document_by_the_table_and_not_by_the_spelling():
    from build_table.build import by_engine, by_spelling, top1

    assert top1(by_engine) >= 0.75
    assert top1(by_spelling) <= 0.1


def test_the_paraphrases_share_few_words():
    from build_table.build import PARAPHRASES
    from inworld_embeddings_emulator.engines import default_engine
    from inworld_embeddings_emulator.engines.local import words

    heavy = 20  # of 255
    weigh = default_engine().word
    pairs = json.loads(PARAPHRASES.read_text())["pairs"]
    shared = [
        {word for word in set(words(a)) & set(words(b)) if weigh(word).weight > heavy} for a, b in pairs
    ]
    assert len(pairs) >= 24
    assert not any(shared)
