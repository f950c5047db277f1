"""Rows F08 and I07: a client travels to another process by its settings, never with its key, and an error whole."""

import base64
import copy
import functools
import pickle
import ssl

import cloudpickle
import httpx
import pytest

from inworld_embeddings import AsyncEmbeddingClient, BasicAuth, EmbeddingClient, OtherServiceProvider, errors
from support.clients import KEY
from support.fault_server import FaultServer

CLASSES = [one for one in vars(errors).values() if getattr(one, "__module__", "") == errors.__name__]


@pytest.mark.parametrize("cls", CLASSES)
def test_every_error_survives_a_pickle(cls):
    error = cls("said", attempts=2, index=3)
    back = pickle.loads(pickle.dumps(error))
    assert (type(back), str(back), vars(back)) == (cls, "said", vars(error))


HERE = base64.b64encode(b"another-key:of-the-environment").decode()
SETTINGS = {"base_url": "https://api.inworld.ai/v2", "proxy": "http://proxy.example:3128", "trust_env": False}
SETTINGS |= {
    "service_provider": OtherServiceProvider("SERVICE_PROVIDER_NEW"),
    "extra_body": {"dimensions": 256},
}
SETTINGS |= {"batch_size": 5, "verify": __file__, "user_agent": "mine/1"}


def key_of_another_vault():
    return HERE


@pytest.mark.parametrize("kind", [EmbeddingClient, AsyncEmbeddingClient])
def test_F08_all_settings_travel_and_the_environment_gives_the_key(kind, monkeypatch):
    monkeypatch.setenv("INWORLD_API_KEY", KEY)
    client = kind(**SETTINGS)
    monkeypatch.setenv("INWORLD_API_KEY", HERE)
    again = pickle.loads(pickle.dumps(client))
    assert (type(again), again._options) == (kind, client._options)
    assert again._settings == client._settings._replace(credential=again._settings.credential)
    assert again._settings.credential.reveal() == HERE


def test_I07_a_key_that_was_an_argument_is_never_replaced_by_another_owners(monkeypatch):
    data = pickle.dumps(EmbeddingClient(api_key=KEY))
    with pytest.raises(errors.ConfigurationError, match=r"does not travel.*INWORLD_API_KEY") as caught:
        pickle.loads(data)
    assert KEY not in str(caught.value)
    monkeypatch.setenv("INWORLD_API_KEY", HERE)
    with pytest.raises(errors.ConfigurationError, match=r"another key.*INWORLD_API_KEY"):
        pickle.loads(data)
    monkeypatch.setenv("INWORLD_API_KEY", KEY)
    assert pickle.loads(data)._settings.credential.reveal() == KEY


@pytest.mark.parametrize("copier", [copy.copy, copy.deepcopy])
@pytest.mark.parametrize("given", [{"api_key": KEY}, {"auth": BasicAuth(KEY)}, {"api_key": lambda: KEY}])
def test_I07_a_copy_keeps_the_credential_and_has_connections_of_its_own(copier, given, monkeypatch):
    monkeypatch.setenv("INWORLD_API_KEY", HERE)
    with FaultServer() as server, EmbeddingClient(**given, base_url=server.url, batch_size=5) as client:
        client.embed("x")
        with copier(client) as again:
            assert (again._options, again._settings) == (client._options, client._settings)
            client.close()
            server.oracle.check(["a", "b"], again.embed(["a", "b"]).vectors)


def test_F08_the_key_is_not_in_the_bytes_and_a_provider_travels_by_its_name():
    key, secret = base64.b64decode(KEY).decode().split(":")
    for given in ({"api_key": KEY}, {"key": key, "secret": secret}):
        data = pickle.dumps(EmbeddingClient(**given))
        assert not [part for part in (KEY, key, secret) if part.encode() in data]
    data = pickle.dumps(EmbeddingClient(api_key=key_of_another_vault))
    assert HERE.encode() not in data
    assert pickle.loads(data)._settings.credential is key_of_another_vault


TIED = {
    "transport": {"api_key": KEY, "transport": httpx.MockTransport(lambda request: httpx.Response(200))},
    "http_client": {"api_key": KEY, "http_client": httpx.AsyncClient()},
    "auth": {"auth": BasicAuth(KEY)},
    "key provider may hold a key": {"api_key": functools.partial(str, KEY)},
    "from a module travels by name": {"api_key": lambda: KEY},
    "extra_headers": {"api_key": KEY, "extra_headers": {"X-Key": "planted-secret"}},
    "verify= belongs": {"api_key": KEY, "verify": ssl.create_default_context()},
    "password": {"api_key": KEY, "proxy": "http://me:planted-secret@proxy.example:3128"},
}


@pytest.mark.parametrize("pickler", [pickle, cloudpickle], ids=["pickle", "cloudpickle"])
@pytest.mark.parametrize("what", TIED)
def test_F08_what_cannot_travel_says_why(pickler, what):
    client = EmbeddingClient(**TIED[what])
    with pytest.raises(TypeError, match=f"(?s){what}.*Make one in the other process") as caught:
        pickler.dumps(client)
    assert KEY not in str(caught.value)
    assert "planted-secret" not in str(caught.value)


def test_I07_a_provider_of_the_main_program_is_not_written_down_by_cloudpickle(monkeypatch):
    """Its function would be: code, defaults and the globals it uses, where the key is."""
    monkeypatch.setattr(key_of_another_vault, "__module__", "__main__")
    with pytest.raises(TypeError, match="travels by name"):
        cloudpickle.dumps(EmbeddingClient(api_key=key_of_another_vault))
