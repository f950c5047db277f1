"""Public types at run time and for checkers: hints resolve, pydantic takes them, docstrings say what options do."""

import importlib
import inspect
import pkgutil
import typing

import pydantic
import pytest

import inworld_embeddings
import inworld_embeddings_emulator as emulator
from inworld_embeddings import AsyncEmbeddingClient, EmbeddingClient, EmbeddingResult, Failure, Plan, Stats
from inworld_embeddings.options import CLIENT

EXTRAS = {"cli", "distributed", "integrations"}  # made for a program or a framework
MODULES = [
    *(package.__name__ for package in (inworld_embeddings, emulator)),
    *(
        f"{package.__name__}.{module.name}"
        for package in (inworld_embeddings, emulator)
        for module in pkgutil.iter_modules(package.__path__)
        if not module.name.startswith("_") and module.name not in EXTRAS
    ),
]
CALLED = ("__init__", "__getitem__", "__iter__", "__exit__", "__aexit__")


def public(module):
    """The functions and classes of a module that others may use, with the methods of these."""
    of_its_own = [
        name for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__
    ]
    for value in (getattr(module, name) for name in getattr(module, "__all__", of_its_own) if name[0] != "_"):
        if inspect.isclass(value) or inspect.isfunction(value):
            yield value
        for name, member in inspect.getmembers(value) if inspect.isclass(value) else ():
            function = member.fget if isinstance(member, property) else getattr(member, "__func__", member)
            if inspect.isfunction(function) and (name[0] != "_" or name in CALLED):
                yield function


@pytest.mark.parametrize("name", MODULES)
def test_type_hints_of_public_names_resolve(name):
    failed = {}
    for value in public(importlib.import_module(name)):
        try:
            typing.get_type_hints(value, include_extras=True)
        except Exception as error:  # noqa: BLE001 - all of them at once
            failed[value.__qualname__] = error
    assert failed == {}


def test_pydantic_holds_them():
    class Settings(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(arbitrary_types_allowed=True)
        client: EmbeddingClient
        result: EmbeddingResult | None = None
        failure: Failure | None = None
        plan: Plan
        stats: Stats

    client = EmbeddingClient.local()
    settings = Settings(client=client, plan=client.plan(["a"]), stats=Stats())
    assert settings.client is client
    assert settings.model_copy(deep=True).client._settings == client._settings
    with pytest.raises(pydantic.ValidationError):
        Settings(client="a client", plan=client.plan(["a"]), stats=Stats())


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
