"""The example of docs/use/frameworks.md, as it stands there, over an emulator that the environment names."""

import os
import re
from pathlib import Path

import pytest

from inworld_embeddings.testing import emulator
from inworld_embeddings_emulator.engines import default_engine

NAME = os.environ.get("INTEGRATIONS", "").partition(" ")[0].replace("-", "_")
PAGE = (Path(__file__).parents[3] / "docs/use/frameworks.md").read_text("utf-8")
BLOCKS = [
    block for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if f"integrations.{NAME} " in block
]


@pytest.mark.skipif(NAME in ("", "llm", "recipes"), reason="needs a framework whose example is Python")
def test_the_example_of_the_page_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert BLOCKS
    with emulator(engine=default_engine()) as served:
        monkeypatch.setenv("INWORLD_EMULATOR_HOST", served.address)
        for block in BLOCKS:
            exec(compile(block, "frameworks.md", "exec"), {"__name__": "__main__"})
        assert len(served.log)
