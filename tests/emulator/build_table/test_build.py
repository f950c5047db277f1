"""The build program's own arithmetic; its real input, the weights and the texts, is no part of the project."""

import zlib

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


def test_the_committed_table_is_checked_but_for_rounding(capsys):
    from build_table.build import TABLE, check

    there = bytearray(zlib.decompress(TABLE.read_bytes()))
    there[-1] ^= 1
    assert check(bytes(there)) == 0
    there[::50] = bytes(value ^ 1 for value in there[::50])
    assert check(bytes(there)) == check(b"other") == 1
    assert "python -m build_table.build" in capsys.readouterr().out
