"""How well searches find their paraphrase: the engine, its n-gram half alone, and the full model."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from _table_model import MiniLM, read_vocab
from inworld_embeddings_emulator.engines import default_engine, local

PARAPHRASES: Final = Path(__file__).parents[1] / "tests" / "emulator" / "engines" / "paraphrases.json"

Embed = Callable[[Sequence[str]], Any]


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
