"""The Python examples of docs/openai.md run as they stand there, with the two variables set."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

for package in ("openai", "litellm", "langchain_openai"):
    pytest.importorskip(package)

PAGE = (Path(__file__).parents[3] / "docs" / "openai.md").read_text("utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("code", BLOCKS, ids=range(len(BLOCKS)))
def test_python_blocks_run(code, served):
    env = os.environ | {"OPENAI_BASE_URL": served, "OPENAI_API_KEY": "local:local"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_there_is_one_for_each_client():
    assert len(BLOCKS) == 5
