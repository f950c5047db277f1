"""The build program's own arithmetic; its real input, the weights and the texts, is no part of the project."""

import zlib

import numpy as np

from inworld_embeddings_emulator.engines import local


def test_the_engine_reads_back_what_the_build_program_packs():
    from build_table.pack import body, pack

    vectors = np.random.default_rng(7).normal(size=(600, 256)) * np.linspace(3, 0.5, 256)
    vectors[0] *= 1e-6
    rows = [f"t{number}" for number in range(len(vectors))]
    found = local.Table.parse(zlib.decompress(pack(body(rows, vectors))))
    weights = np.frombuffer(found.weights, np.uint8).astype(int)
    read = np.array([found.row(row) for row in range(len(rows))]) * np.array(found.scales) * weights[:, None]
    assert list(found.index) == rows
    assert (weights.min(), weights.max(), weights[0]) == (1, 255, 1)
    assert np.corrcoef(read.ravel(), vectors.ravel())[0, 1] > 0.985
