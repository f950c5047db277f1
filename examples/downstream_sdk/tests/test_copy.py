"""The copy in its new home: the original is nowhere, and everything works under the new name."""

import asyncio
import importlib
import importlib.metadata
import importlib.util
import logging
import pickle
import pkgutil
import subprocess
import sys

import pytest

import acme_sdk
from acme_sdk import AcmeError, search
from acme_sdk._vendor import inworld_embeddings as copy


def test_the_original_is_not_installed():
    assert importlib.util.find_spec("inworld_embeddings") is None
    assert importlib.util.find_spec("inworld_embeddings_client") is None
    installed = {found.name for found in importlib.metadata.distributions()}
    assert "inworld-embeddings" not in installed


def test_the_wheel_carries_the_licences():
    files = [str(path) for path in importlib.metadata.files("acme-sdk")]
    licences = {
        path.rpartition("/")[2] for path in files if ".dist-info/licenses/" in path
    }
    assert licences >= {"LICENSE", "NOTICE", "Apache-2.0.txt"}
    assert any(path.endswith("inworld_embeddings/py.typed") for path in files)


def test_search_over_local_mode():
    with acme_sdk.EmbeddingClient.local() as client:
        found = search(
            client,
            "Can I have a refund of my money?",
            ["The weather is fine.", "How do I get my money back?"],
        )
    assert found.text == "How do I get my money back?"


def test_async_local_mode():
    async def run():
        async with copy.AsyncEmbeddingClient.local() as client:
            return await client.embed(["a", "b"])

    assert asyncio.run(run()).vectors.shape == (2, 768)


def test_clients_and_results_pickle_under_the_new_name():
    with copy.EmbeddingClient.local() as client:
        again = pickle.loads(pickle.dumps(client))
        result = client.embed(["x", "y"])
    with again:
        assert again.embed("x").tolist() == result[0].tolist()
    assert type(again).__module__ == "acme_sdk._vendor.inworld_embeddings.client"
    assert (
        pickle.loads(pickle.dumps(result)).vectors.tobytes() == result.vectors.tobytes()
    )


def test_every_error_pickles_and_is_the_sdks_own():
    classes = [
        value
        for value in vars(copy.errors).values()
        if isinstance(value, type) and issubclass(value, AcmeError)
    ]
    assert len(classes) > 15
    for cls in classes:
        back = pickle.loads(pickle.dumps(cls("said", attempts=2)))
        assert (type(back), str(back)) == (cls, "said")


def test_without_a_key_the_error_is_the_sdks(monkeypatch):
    for name in (
        "INWORLD_API_KEY",
        "INWORLD_KEY",
        "INWORLD_SECRET",
        "INWORLD_EMULATOR_HOST",
    ):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(AcmeError, match="INWORLD_API_KEY"):
        acme_sdk.connect()


def test_it_knows_what_it_is():
    about = copy.about()
    assert about.vendored
    assert about.version == copy.__version__
    assert len(about.spec_sha256) == 64


def test_its_log_has_its_own_name():
    assert importlib.import_module(
        "acme_sdk._vendor.inworld_embeddings._engine.observability"
    ).logger is logging.getLogger("acme_sdk._vendor.inworld_embeddings")


def test_every_module_imports():
    names = [
        module.name
        for module in pkgutil.walk_packages(copy.__path__, copy.__name__ + ".")
    ]
    assert len(names) > 40
    for name in names:
        if not name.endswith((".plugin", ".__main__")):
            importlib.import_module(name)


def test_importing_it_asks_no_metadata():
    program = "import sys, acme_sdk; print({'importlib.metadata', 'httpx', 'numpy'} & set(sys.modules) or 'none')"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "none"
