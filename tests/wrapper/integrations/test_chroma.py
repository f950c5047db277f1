"""Chroma: a collection on disk, opened again by a fresh process."""

import pytest

from inworld_embeddings import ConfigurationError

from .conftest import ANIMALS, KEY, PETS, assert_no_key, framework, in_fresh_process

chromadb = framework("chromadb")

from chromadb.config import Settings

from inworld_embeddings.integrations.chroma import InworldEmbeddingFunction

AGAIN = """
import chromadb, inworld_embeddings.integrations.chroma
from chromadb.config import Settings
client = chromadb.PersistentClient({path!r}, Settings(anonymized_telemetry=False))
collection = client.get_collection("texts")
print(collection.query(query_texts={query!r}, n_results=1)["documents"][0][0])
"""


def collection(path, **settings):
    client = chromadb.PersistentClient(str(path), Settings(anonymized_telemetry=False))
    made = client.create_collection("texts", embedding_function=InworldEmbeddingFunction(**settings))
    made.add(ids=list("abc"), documents=ANIMALS)
    return made


def test_a_local_collection_is_searched_by_a_process_that_has_no_key(tmp_path):
    made = collection(tmp_path, local=True)
    assert made.configuration["hnsw"]["space"] == "cosine"
    assert in_fresh_process(AGAIN.format(path=str(tmp_path), query=PETS)) == ANIMALS[0]


@pytest.mark.parametrize("name", ["INWORLD_API_KEY", "MY_KEY"])
def test_a_collection_is_stored_without_its_key(tmp_path, served, name):
    made = collection(tmp_path, api_key=KEY, base_url=served.url, api_key_env_var=name)
    assert_no_key(tmp_path, repr(made._embedding_function), vars(made._embedding_function))
    asked = len(served.log)
    code = AGAIN.format(path=str(tmp_path), query=ANIMALS[1])
    assert in_fresh_process(code, **{name: KEY}) == ANIMALS[1]
    assert len(served.log) == asked + 1


def test_what_is_wrong_is_told():
    made = InworldEmbeddingFunction(api_key_env_var="MY_KEY")
    with pytest.raises(ConfigurationError, match="set MY_KEY"):
        made(["a"])
    with pytest.raises(ValueError, match="The model of a collection cannot change"):
        made.validate_config_update(made.get_config(), {**made.get_config(), "model": "other"})
