"""What one types becomes an engine, or an error with the way out; and the engine of hashes."""

import sys

import pytest

from inworld_embeddings.errors import ConfigurationError
from inworld_embeddings_emulator import EmulatorServer
from inworld_embeddings_emulator.engines import HashEngine, default_engine, named
from inworld_embeddings_emulator.openai_face import OpenAIFace


def test_each_has_a_short_text():
    assert named("local") is default_engine()
    assert [named(spec).name for spec in ("hash", "hash:", "hash:3")] == ["hash-768", "hash-768", "hash-3"]
    with EmulatorServer(OpenAIFace.local(HashEngine(3), "planted-key:planted-secret")) as server:
        engine = named(f"openai:{server.url}/v1#org/model:latest", api_key="planted-key:planted-secret")
    assert engine.name == "openai-compatible:org/model:latest"
    engine.close()


ERRORS = {
    "Choose from: local": ["", "Local", "local:x", "minilm"],
    "st:FOLDER_OR_ID": ["st:"],
    "openai:URL#MODEL": ["openai:http://127.0.0.1:9", "openai:#m"],
    "such as hash:256": ["hash:x", "hash:-1", "hash:²", "hash:9999999999"],
    "1 or more": ["hash:0"],
    "Is the server running": ["openai:http://127.0.0.1:9#m"],
    "folder does not exist": ["st:./no-such-folder", "st:~/no-such-folder", "st:a/b/c"],
    r"pip install 'inworld-embeddings\[st\]'": ["st:org/model"],
}


@pytest.mark.parametrize("says", ERRORS)
def test_errors_name_the_way_out(monkeypatch, says):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)  # as without the extra
    for spec in ERRORS[says]:
        with pytest.raises(ConfigurationError, match=says):
            named(spec)


@pytest.mark.parametrize("spec", ["local", "hash", "st:org/model"])
def test_only_a_backend_takes_a_key(spec):
    with pytest.raises(ConfigurationError, match="takes no key") as caught:
        named(spec, api_key="planted-secret")
    assert "planted" not in str(caught.value)


def test_hash_vectors_are_these_on_every_python_and_platform():
    assert HashEngine(4).embed(["a", "", "naïve 🦊"]) == [
        [0.7091667, -0.4474205, 0.5061848, -0.2016792],
        [-0.5766087, 0.3576276, -0.7170865, 0.1594109],
        [-0.6622721, -0.2212033, 0.0692133, 0.7125126],
    ]
