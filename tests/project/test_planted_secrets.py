"""The search for planted secrets in tests/conftest.py finds them: each way out, shown by a suite that must fail."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

TESTS = {
    "print": "print('planted-secret')",
    "log": "logging.getLogger('x').debug('planted-secret')",
    "message": "ConfigurationError('the key is cGxhbnRlZC1rZXk6cGxhbnRlZC1zZWNyZXQ=')",
    "attribute": "ConfigurationError('clean', details=('planted-secret',))",
    "note": "ConfigurationError('clean').add_note('planted-text of mine')",
    "nothing": "ConfigurationError('clean')",
}
HEAD = "import logging\nfrom inworld_embeddings import ConfigurationError\n"


def test_each_leak_fails_its_test_and_no_leak_fails_none(tmp_path):
    shutil.copy(Path(__file__).parents[1] / "conftest.py", tmp_path)
    functions = [f"def test_{name}():\n    {line}\n" for name, line in TESTS.items()]
    (tmp_path / "test_leaks.py").write_text("\n\n".join([HEAD, *functions]))
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-rA",
        "-p",
        "no:cacheprovider",
        "-o",
        "log_level=DEBUG",
        tmp_path,
    ]
    environ = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # they take longer to start than the tests
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environ)
    outcomes = dict(re.findall(r"^(?:FAILED|PASSED) \S+::test_(\w+)(.*)$", done.stdout, re.MULTILINE))
    assert outcomes.pop("nothing") == "", done.stdout
    assert outcomes.keys() == TESTS.keys() - {"nothing"}, done.stdout
    assert all("a planted secret got out" in reason for reason in outcomes.values()), done.stdout
