"""The examples of docs/use/testing.md and docs/use/local-mode.md run as they are printed."""

import re
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

DOCS = Path(__file__).resolve().parents[3] / "docs" / "use"
BLOCKS = [
    pytest.param(block, id=f"{name}-{number}")
    for name in ("testing", "local-mode")
    for number, block in enumerate(
        re.findall(r"```python\n(.*?)```", (DOCS / f"{name}.md").read_text("utf-8"), re.DOTALL)
    )
]


@pytest.mark.parametrize("block", [block for block in BLOCKS if "def test_" not in block.values[0]])
def test_programs(block):
    exec(block, {"__name__": "__main__"})


def test_the_suite(pytester, monkeypatch):
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # no more than a reader has
    opt_in, suite = [block.values[0] for block in BLOCKS if "pytest" in block.values[0]]
    pytester.makeconftest(opt_in)
    pytester.makepyfile(suite)
    pytester.runpytest_subprocess("-W", "error", "--strict-markers").assert_outcomes(
        passed=suite.count("def test_")
    )
