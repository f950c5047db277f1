"""The plugin as a stranger's suite uses it: each test here runs such a suite, one of them that of docs/use/testing.md."""

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "use" / "testing.md").read_text("utf-8")
GOOD = """
import asyncio, os
import pytest
from inworld_embeddings import APIStatusError
from inworld_embeddings.testing import fake_vectors

@pytest.mark.parametrize("number", range(2))
def test_the_next_begins_anew(inworld_client, inworld_log, number):
    assert inworld_client.embed("a").tolist() == pytest.approx(fake_vectors(["a"])[0], abs=1e-6)
    assert inworld_log.texts == ["a"]

def test_async_needs_no_plugin_for_asyncio(inworld_async_client, inworld_faults):
    inworld_faults("drop x1")

    async def scenario():
        async with inworld_async_client as client:
            return await client.embed(["a", "b"])

    assert len(asyncio.run(scenario())) == 2

@pytest.mark.inworld(faults="status=400", dimension=3)
class TestMarked:
    def test_of_the_class(self, inworld_client):
        with pytest.raises(APIStatusError):
            inworld_client.embed("a")

    @pytest.mark.inworld(faults="ok", seed=7)
    def test_nearer_counts(self, inworld_client, inworld_faults):
        assert inworld_client.embed("a").shape == (3,)
        assert inworld_faults.seed == 7

class Engine:
    name, dimension = "mine", 2

    def embed(self, texts):
        return [[0.6, 0.8] for _ in texts]

@pytest.mark.inworld(engine=Engine())
def test_engine(inworld_client):
    result = inworld_client.embed(["a"])
    assert (result.tolist(), result.engine) == ([pytest.approx([0.6, 0.8])], "mine")

@pytest.mark.parametrize("inworld_faults", ["status=400"], indirect=True)
@pytest.mark.parametrize("inworld_engine", [Engine()], indirect=True)
def test_parameters_of_the_fixtures(inworld_client, inworld_faults):
    with pytest.raises(APIStatusError):
        inworld_client.embed("a")
    inworld_faults.clear()
    assert inworld_client.embed("a").shape == (2,)

@pytest.mark.inworld(dimension=4)
def test_served_it_shares_faults_and_log_with_the_client(
    inworld_emulator, inworld_client, inworld_faults, inworld_log
):
    inworld_faults("status=503 x1, ok")
    with inworld_emulator.client() as client:
        assert (client.embed("a") == inworld_client.embed("a")).all()
    assert inworld_log.statuses == [503, 200, 200]
    assert inworld_emulator.log is inworld_log
    assert inworld_emulator.faults is inworld_faults

def test_the_environment_names_it(inworld_env):
    assert os.environ["INWORLD_EMULATOR_HOST"] == inworld_env.address

def test_afterwards_it_is_gone():
    assert "INWORLD_EMULATOR_HOST" not in os.environ

seen = []

@pytest.mark.parametrize("number", range(3))
def test_one_emulator_for_the_session(inworld_session_emulator, number):
    seen.append(inworld_session_emulator.url)
    with inworld_session_emulator.client() as client:
        client.embed(f"text {number}")
    assert len(set(seen)) == 1
    assert inworld_session_emulator.log.texts[-1] == f"text {number}"
    assert len(inworld_session_emulator.log) == len(seen)
"""

MISTAKES = {
    'fault="drop"': "*no argument 'fault'. Did you mean faults? There are: faults, seed, dimension, engine.*",
    'colour="red"': "*no argument 'colour'. There are: *",
    '"drop"': "*takes keywords only*",
    'faults="sttus=503"': "*did you mean status?*",
}


@pytest.fixture
def suite(pytester, monkeypatch):
    """Runs a suite that opted in. Whatever else is installed takes no part: the plugin needs nothing but pytest."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("INWORLD_API_KEY", "cGxhbnRlZC1rZXk6cGxhbnRlZC1zZWNyZXQ=")
    monkeypatch.delenv("INWORLD_EMULATOR_HOST", raising=False)
    opt_in, suite = (
        block for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "pytest" in block
    )
    pytester.makeconftest(opt_in)

    def run(code=suite, *arguments):
        pytester.makepyfile(code)
        return pytester.runpytest_subprocess("-W", "error", "--strict-markers", *arguments)

    return run


def test_fixtures_and_marker(suite):
    in_a_worker = ["-p", "xdist.plugin", "-n1"] if find_spec("xdist") else []
    suite(GOOD, *in_a_worker).assert_outcomes(passed=13)


def test_the_suite_of_the_page(suite):
    suite().assert_outcomes(passed=PAGE.count("def test_"))


def test_what_is_misspelled_is_told_without_a_fixture_too(suite):
    marked = "@pytest.mark.inworld({})\ndef test_{}({}): pass\n"
    tests = [marked.format(given, number, "inworld_client") for number, given in enumerate(MISTAKES)]
    result = suite("import pytest\n" + "\n".join([marked.format('fault="drop"', "alone", ""), *tests]))
    result.assert_outcomes(errors=5)
    result.stdout.fnmatch_lines([next(iter(MISTAKES.values())), *MISTAKES.values()])
