"""The plugin as a stranger's suite uses it: each test here runs such a suite."""

import pytest

pytest_plugins = ["pytester"]

HEAD = """
import asyncio, os
import pytest
from inworld_embeddings import APIStatusError, EmbeddingClient
from inworld_embeddings.testing import fake_vectors
"""


@pytest.fixture(autouse=True)
def _alone(monkeypatch):
    """Whatever else is installed here takes no part: the plugin needs nothing but pytest."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


@pytest.fixture
def suite(pytester):
    """Runs a suite that opted in, and gives its outcome."""

    def run(code, *arguments):
        pytester.makeconftest('pytest_plugins = ["inworld_embeddings.testing.plugin"]')
        pytester.makepyfile(HEAD + code)
        return pytester.runpytest_subprocess("-W", "error", "--strict-markers", *arguments)

    return run


def test_client_faults_and_log(suite):
    suite(
        """
def test_retries(inworld_client, inworld_faults, inworld_log):
    inworld_faults("status=503 x2, ok")
    assert inworld_client.embed("a").tolist() == pytest.approx(fake_vectors(["a"])[0], abs=1e-6)
    assert inworld_log.statuses == [503, 503, 200]

def test_the_next_begins_anew(inworld_client, inworld_log):
    assert len(inworld_log) == 0
    inworld_client.embed(["a", "b"])
    assert inworld_log.texts == ["a", "b"]
"""
    ).assert_outcomes(passed=2)


def test_async_client_needs_no_plugin_for_asyncio(suite):
    suite(
        """
def test_async(inworld_async_client, inworld_faults):
    inworld_faults("drop x1")

    async def scenario():
        async with inworld_async_client as client:
            return await client.embed(["a", "b"])

    assert len(asyncio.run(scenario())) == 2

def test_left_open(inworld_async_client):
    assert asyncio.run(inworld_async_client.embed("a")).shape == (768,)
"""
    ).assert_outcomes(passed=2)


def test_marker(suite):
    suite(
        """
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
    assert result.tolist() == [pytest.approx([0.6, 0.8])]
    assert result.engine == "mine"
"""
    ).assert_outcomes(passed=3)


def test_served_emulator_shares_faults_and_log_with_the_client(suite):
    suite(
        """
@pytest.mark.inworld(dimension=4)
def test_served(inworld_emulator, inworld_client, inworld_faults, inworld_log):
    inworld_faults("status=503 x1, ok")
    with inworld_emulator.client() as client:
        assert (client.embed("a") == inworld_client.embed("a")).all()
    assert inworld_log.statuses == [503, 200, 200]
    assert inworld_emulator.log is inworld_log
    assert inworld_emulator.faults is inworld_faults
"""
    ).assert_outcomes(passed=1)


def test_the_environment_points_the_code_under_test_at_it(suite, monkeypatch):
    monkeypatch.setenv("INWORLD_API_KEY", "cGxhbnRlZC1rZXk6cGxhbnRlZC1zZWNyZXQ=")
    monkeypatch.delenv("INWORLD_EMULATOR_HOST", raising=False)
    suite(
        """
def code_under_test():
    with EmbeddingClient() as client:
        return client.embed("hello")

def test_one(inworld_env, inworld_log):
    assert code_under_test().shape == (768,)
    assert inworld_log.texts == ["hello"]
    assert os.environ["INWORLD_EMULATOR_HOST"] == inworld_env.address

def test_afterwards_it_is_gone():
    assert "INWORLD_EMULATOR_HOST" not in os.environ
"""
    ).assert_outcomes(passed=2)


def test_one_emulator_for_the_session(suite):
    suite(
        """
seen = []

@pytest.mark.parametrize("number", range(3))
def test_same(inworld_session_emulator, number):
    seen.append(inworld_session_emulator.url)
    with inworld_session_emulator.client() as client:
        client.embed("a")
    assert len(set(seen)) == 1
    assert len(inworld_session_emulator.log) == number + 1
"""
    ).assert_outcomes(passed=3)


@pytest.mark.parametrize(
    ("marker", "told"),
    [
        (
            "inworld(fault='drop')",
            "*no argument 'fault'. Did you mean faults? There are: faults, seed, dimension, engine.*",
        ),
        ("inworld(colour='red')", "*no argument 'colour'. There are: *"),
        ("inworld('drop')", "*takes keywords only*"),
    ],
)
@pytest.mark.parametrize("arguments", ["", "inworld_client"])
def test_a_misspelled_marker_is_told(suite, marker, told, arguments):
    result = suite(f"@pytest.mark.{marker}\ndef test_it({arguments}): pass\n")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([told])


def test_a_misspelled_script_is_told(suite):
    result = suite("@pytest.mark.inworld(faults='sttus=503')\ndef test_it(inworld_client): pass\n")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*did you mean status?*"])


def test_it_may_be_named_on_the_command_line(pytester):
    pytester.makepyfile(
        "def test_it(inworld_client):\n    assert inworld_client.embed('a').shape == (768,)\n"
    )
    pytester.runpytest_subprocess("-p", "inworld_embeddings.testing.plugin").assert_outcomes(passed=1)


def test_without_opting_in_there_is_nothing(pytester):
    pytester.makepyfile("def test_it(inworld_client): pass\n")
    result = pytester.runpytest_subprocess()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*fixture 'inworld_client' not found*"])


def test_xdist(suite):
    pytest.importorskip("xdist")
    suite(
        """
@pytest.mark.parametrize("number", range(6))
def test_many(inworld_emulator, inworld_session_emulator, inworld_log, number):
    for running in inworld_emulator, inworld_session_emulator:
        with running.client() as client:
            client.embed(f"text {number}")
    assert inworld_log.texts == [f"text {number}"]
""",
        "-p",
        "xdist.plugin",
        "-n2",
    ).assert_outcomes(passed=6)


def test_fixtures_and_marker_are_listed(suite):
    names = ["client", "async_client", "emulator", "env", "faults", "log", "engine", "session_emulator"]
    listed = suite("", "--fixtures").stdout.str()
    assert all(f"inworld_{name}" in listed for name in names)
    suite("", "--markers").stdout.fnmatch_lines(["@pytest.mark.inworld(*"])
