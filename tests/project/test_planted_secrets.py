"""The search for planted secrets in tests/conftest.py finds them: each way out, shown by a suite that must fail."""

from pathlib import Path

pytest_plugins = ["pytester"]

LEAKS = {
    "print": "print('planted-secret')",
    "log": "logging.getLogger('x').debug('planted-secret')",
    "message": "ConfigurationError('the key is cGxhbnRlZC1rZXk6cGxhbnRlZC1zZWNyZXQ=')",
    "attribute": "ConfigurationError('clean', details=('planted-secret',))",
    "note": "ConfigurationError('clean').add_note('planted-text of mine')",
}
HEAD = "import logging\nfrom inworld_embeddings import ConfigurationError\n\ndef test(): ConfigurationError('clean')\n"


def test_each_leak_fails_its_test_and_no_leak_fails_none(pytester, monkeypatch, capsys):
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # they take longer to start than the tests
    pytester.makeconftest((Path(__file__).parents[1] / "conftest.py").read_text("utf-8"))
    pytester.makepyfile(HEAD + "".join(f"def test_{name}(): {line}\n" for name, line in LEAKS.items()))
    done = pytester.runpytest_subprocess("-o", "log_level=DEBUG")
    done.assert_outcomes(passed=1, failed=len(LEAKS))
    assert done.stdout.str().count("a planted secret got out") >= len(LEAKS)
    capsys.readouterr()  # or the search would find here what was printed there
