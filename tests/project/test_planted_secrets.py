"""The search for planted secrets in tests/conftest.py finds them: each way out, shown by a suite that fails."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SUITE = Path(__file__).resolve().parents[1]

LEAKS = {
    "print": "print('planted-secret')",
    "log": "logging.getLogger('x').debug('planted-secret')",
    "message": "ConfigurationError('the key is cGxhbnRlZC1rZXk6cGxhbnRlZC1zZWNyZXQ=')",
    "attribute": "ConfigurationError('clean', details=('planted-secret',))",
    "note": "ConfigurationError('clean').add_note('planted-text of mine')",
}


def run(tmp_path, line):
    shutil.copy(SUITE / "conftest.py", tmp_path)
    test = (
        f"import logging\nfrom inworld_embeddings import ConfigurationError\n\n\ndef test_it():\n    {line}\n"
    )
    (tmp_path / "test_it.py").write_text(test)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-o",
        "log_level=DEBUG",
        str(tmp_path),
    ]
    return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)


@pytest.mark.parametrize("name", LEAKS)
def test_a_leak_fails_the_test(tmp_path, name):
    done = run(tmp_path, LEAKS[name])
    assert done.returncode == 1, done.stdout
    assert "a planted secret got out" in done.stdout


def test_a_clean_test_passes(tmp_path):
    assert run(tmp_path, "ConfigurationError('clean')").returncode == 0
