"""The engine over a real, tiny model that is made here: a BERT of one layer with random weights. No hub."""

import socket
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import Mock

import pytest

from inworld_embeddings.errors import ConfigurationError
from inworld_embeddings_emulator.engines import named
from inworld_embeddings_emulator.engines.sentence_transformers import SentenceTransformersEngine

library = pytest.importorskip("sentence_transformers", exc_type=ImportError)

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "hello", "world", "money", "back", "refund"]
TEXTS = ["hello world", "money back", "", "refund money back world hello"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A saved model of 16 dimensions: transformer and mean pooling."""
    import torch
    from sentence_transformers.sentence_transformer import modules as parts
    from transformers import BertConfig, BertModel, BertTokenizerFast

    root = tmp_path_factory.mktemp("models")
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    BertModel(BertConfig(vocab_size=len(WORDS), **sizes)).save_pretrained(root / "bert")
    vocabulary = {word: number for number, word in enumerate(WORDS)}
    BertTokenizerFast(vocab=vocabulary).save_pretrained(root / "bert")
    layers = [parts.Transformer(str(root / "bert")), parts.Pooling(16)]
    library.SentenceTransformer(modules=layers, device="cpu").save(str(root / "tiny-bert"))
    return root / "tiny-bert"


def test_its_vectors_are_the_models_whichever_thread_asks_and_its_name_is_no_path(folder, monkeypatch):
    engine = SentenceTransformersEngine(folder, device="cpu")
    assert (engine.name, engine.dimension) == ("sentence-transformers:tiny-bert", 16)
    expected = library.SentenceTransformer(str(folder), device="cpu").encode(TEXTS).tolist()
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(engine.embed, [TEXTS] * 8)) == [expected] * 8
    monkeypatch.chdir(folder)
    assert named("st:.").name == "sentence-transformers:tiny-bert"


@pytest.mark.parametrize(("kind", "reaches_out"), [("folder", False), ("id", True)])
def test_only_an_id_is_looked_for_on_a_hub(tmp_path, monkeypatch, kind, reaches_out):
    refuse = Mock(side_effect=RuntimeError("no network here"))  # an OSError would be retried for a minute
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with pytest.raises(ConfigurationError, match="could not be loaded"):
        SentenceTransformersEngine(tmp_path if kind == "folder" else "no-such-organisation/no-such-model")
    assert refuse.called is reaches_out
