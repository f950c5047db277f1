"""What holds for every adapter: whose key it is, whose errors they are, and that its example of docs/use/frameworks.md runs."""

import os
import pickle

import pytest

from inworld_embeddings import ConfigurationError, PermissionDeniedError
from inworld_embeddings.integrations._clients import Clients
from inworld_embeddings.testing import emulator
from inworld_embeddings_emulator.engines import default_engine
from support.clients import KEY as WRONG

from .conftest import assert_no_key, assert_right, example_of

NAME = os.environ.get("INTEGRATIONS", "").partition(" ")[0]


@pytest.mark.skipif(NAME in ("", "llm"), reason="needs a framework whose example is Python")
def test_the_example_of_the_page_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with emulator(engine=default_engine()) as served:
        monkeypatch.setenv("INWORLD_EMULATOR_HOST", served.address)
        exec(compile(example_of(NAME), "frameworks.md", "exec"), {"__name__": "__main__"})
        assert len(served.log)


def test_a_pickle_has_no_key_and_opens_where_the_same_one_is(settings, key, monkeypatch):
    made = Clients(**settings, timeout=7.5)
    sent = pickle.dumps(made)
    assert_no_key(sent, repr(made), vars(made))
    assert pickle.loads(sent) == made
    assert_right(pickle.loads(sent).embed(["a"]), ["a"])
    monkeypatch.setenv("INWORLD_API_KEY", WRONG)
    with pytest.raises(ConfigurationError, match="another key"):
        pickle.loads(sent)


def test_errors_are_the_clients_own(settings):
    with pytest.raises(PermissionDeniedError):
        Clients(base_url=settings["base_url"], api_key=WRONG).embed(["a"])
    with pytest.raises(ConfigurationError, match="local=True takes no api_key="):
        Clients(**settings, local=True)
