"""`named`: what one types becomes an engine, or an error with the way out."""

import sys

import pytest

from inworld_embeddings import EmbeddingClient
from inworld_embeddings.errors import ConfigurationError
from inworld_embeddings_emulator import Emulator, EmulatorServer
from inworld_embeddings_emulator.engines import HashEngine, default_engine, named
from inworld_embeddings_emulator.openai_face import OpenAIFace


def test_the_built_in_one():
    assert named("local") is default_engine()


@pytest.mark.parametrize(
    ("spec", "name"), [("hash", "hash-768"), ("hash:", "hash-768"), ("hash:3", "hash-3")]
)
def test_hash(spec, name):
    assert named(spec).name == name


@pytest.mark.parametrize("kind", ["openai", "openai-compatible"])
def test_openai(kind):
    with EmulatorServer(OpenAIFace.local(HashEngine(3), "planted-key:planted-secret")) as server:
        engine = named(f"{kind}:{server.url}/v1#org/model:latest", api_key="planted-key:planted-secret")
        assert engine.embed(["a"]) == HashEngine(3).embed(["a"])
    assert engine.name == "openai-compatible:org/model:latest"
    engine.close()


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("", "Choose from: local"),
        ("Local", "Choose from: local"),
        ("local:x", "Choose from: local"),
        ("minilm", "hash:DIMENSION"),
        ("st", "st:FOLDER_OR_ID"),
        ("st:", "st:FOLDER_OR_ID"),
        ("openai:", "openai:URL#MODEL"),
        ("hash:x", "hash:256"),
        ("hash:-1", "hash:256"),
        ("hash:²", "hash:256"),
        ("hash:0", "1 or more"),
        ("hash:9999999999", "hash:256"),
        ("openai:http://127.0.0.1:9", "needs both"),
        ("openai:#m", "needs both"),
        ("openai:http://127.0.0.1:9#m", "Is the server running"),
        ("st:./no-such-folder", "folder does not exist"),
        ("st:~/no-such-folder", "folder does not exist"),
        ("st:a/b/c", "folder does not exist"),
        ("st:..", "could not be loaded|needs its extra"),
    ],
)
def test_errors_name_the_way_out(spec, says):
    with pytest.raises(ConfigurationError, match=says):
        named(spec)


def test_without_the_extra_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'inworld-embeddings\[st\]'"):
        named("st:org/model")


@pytest.mark.parametrize("spec", ["local", "hash", "st:org/model"])
def test_only_a_backend_takes_a_key(spec):
    with pytest.raises(ConfigurationError, match="takes no key") as caught:
        named(spec, api_key="planted-secret")
    assert "planted" not in str(caught.value)


@pytest.mark.parametrize("spec", ["local", "hash:16"])
def test_the_result_names_the_engine_in_process_and_over_a_socket(spec):
    engine = named(spec)
    with EmbeddingClient.local(engine=engine) as client:
        assert client.embed(["a"]).engine == engine.name
    with EmulatorServer(Emulator(engine)) as server:
        client = EmbeddingClient(base_url=server.url, api_key="bG9jYWw6bG9jYWw=")
        with client:
            assert client.embed(["a"]).engine == engine.name
