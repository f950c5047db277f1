"""The package at run time: hints resolve, docstrings say what options do, what is misspelt is told, `about()` tells versions."""

import hashlib
import inspect
import json
import typing
from pathlib import Path

import pytest

import inworld_embeddings
import inworld_embeddings_emulator as emulator
from inworld_embeddings import About, AsyncEmbeddingClient, EmbeddingClient, about, jobs, testing
from inworld_embeddings.options import CLIENT
from inworld_embeddings_emulator import engines

ROOT = Path(__file__).resolve().parents[2]
MODULES = [inworld_embeddings, jobs, testing, emulator, engines]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_type_hints_of_public_names_resolve(module):
    for value in (getattr(module, name) for name in module.__all__):
        members = vars(value) if inspect.isclass(value) else {}
        for name, one in {"": value, **members}.items():
            public = name[:1] != "_" or name[:2] == "__"
            if public and (inspect.isclass(one) or inspect.isfunction(one)):
                typing.get_type_hints(one, include_extras=True)


def test_the_docstring_lists_every_option_with_its_default():
    """Written out, not put together at run time: an editor shows what stands in the source."""
    told = " ".join(EmbeddingClient.__doc__.split())
    wanted = " ".join(f"{name}: {option.doc} Default: {option.default!r}." for name, option in CLIENT.items())
    assert f"Args: {wanted} Raises:" in told, f"write into its docstring:\n{wanted}"


@pytest.mark.parametrize("client", [EmbeddingClient, AsyncEmbeddingClient])
def test_what_is_misspelt_or_unnamed_is_told(client):
    with pytest.raises(TypeError, match=r"'timout'. Did you mean 'timeout'\?"):
        client(timout=3)
    with pytest.raises(TypeError, match=r"'batchsize'. Did you mean 'batch_size'\?"):
        client.local().embed_iter([], batchsize=3)
    with pytest.raises(TypeError, match=f"^{client.__name__} takes keywords only, such as api_key=.$"):
        client("a-key")


def test_about_tells_the_versions_of_the_package_the_spec_and_the_generator():
    origin = json.loads((ROOT / "generated/inworld_embeddings_client/provenance.json").read_text("utf-8"))
    generator = f"openapi-python-client {origin['tools']['openapi-python-client']}"
    spec = hashlib.sha256((ROOT / "openapi.yaml").read_bytes()).hexdigest()
    assert about() == About(inworld_embeddings.__version__, spec, generator, vendored=False)
