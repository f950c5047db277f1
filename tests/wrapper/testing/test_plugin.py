"""The plugin as a stranger's suite uses it: each test here runs such a suite, one of them that of docs/use/testing.md."""

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "use" / "testing.md").read_text("utf-8")
BEYOND_THE_PAGE = """
import asyncio, os
import pytest
from inworld_embeddings import APIStatusError

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

@pytest.mark.parametrize("inworld_faults", ["status=503 x1, ok"], indirect=True)
@pytest.mark.inworld(engine=Engine())
def test_all_share_the_engine_the_faults_and_the_log(
    inworld_emulator, inworld_client, inworld_async_client, inworld_log
):
    async def by_async():
        async with inworld_async_client as client:
            return await client.embed("a")

    with inworld_emulator.client() as client:
        vectors = [client.embed("a"), inworld_client.embed("a"), asyncio.run(by_async())]
    assert [vector.tolist() for vector in vectors] == [pytest.approx([0.6, 0.8])] * 3
    assert inworld_log.statuses == [503, 200, 200, 200]

def test_the_environment_names_it(inworld_env):
    assert os.environ["INWORLD_EMULATOR_HOST"] == inworld_env.address

def test_afterwards_it_is_gone():
    assert "INWORLD_EMULATOR_HOST" not in os.environ

@pytest.mark.parametrize("inworld_engine", [Engine()], indirect=True)
@pytest.mark.parametrize("number", [1, 2])
def test_one_emulator_for_the_session_and_a_log_for_each_test(
    inworld_session_emulator, inworld_client, inworld_log, number
):
    with inworld_session_emulator.client() as client:
        client.embed("a")
    assert len(inworld_session_emulator.log) == number
    assert inworld_client.embed("a").shape == (2,)
    assert len(inworld_log) == 1
"""

MISTAKES = {
    'fault="drop"': "*no argument 'fault'. Did you mean faults? There are: faults, seed, dimension, engine.*",
    '"drop"': "*takes keywords only*",
    'faults="sttus=503"': "*did you mean status?*",
}


@pytest.fixture
def suite(pytester, monkeypatch):
    """Runs a suite that opted in. Whatever else is installed takes no part: the plugin needs nothing but pytest."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
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
    suite(BEYOND_THE_PAGE, *in_a_worker).assert_outcomes(passed=7)


def test_the_suite_of_the_page(suite):
    suite().assert_outcomes(passed=PAGE.count("def test_"))


def test_what_is_misspelled_is_told_without_a_fixture_too(suite):
    marked = "@pytest.mark.inworld({})\ndef test_{}({}): pass\n"
    tests = [marked.format(given, number, "inworld_client") for number, given in enumerate(MISTAKES)]
    result = suite("import pytest\n" + "\n".join([marked.format('fault="drop"', "alone", ""), *tests]))
    result.assert_outcomes(errors=4)
    result.stdout.fnmatch_lines([next(iter(MISTAKES.values())), *MISTAKES.values()])
