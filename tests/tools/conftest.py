"""The programs of tools/, run on copies of the project's inputs so that no test touches the project."""

from pathlib import Path

import pytest

from support.programs import ROOT, copy_of_inputs
from tools.spec.sync import extract

PAGE = Path(__file__).parent / "pages" / "create-embeddings.md"


@pytest.fixture
def page(tmp_path):
    """The published page as it once was, with the spec there is now."""
    text = PAGE.read_text("utf-8")
    path = tmp_path / "create-embeddings.md"
    path.write_text(text.replace(extract(text), (ROOT / "openapi.yaml").read_text("utf-8")), "utf-8")
    return path


@pytest.fixture
def project(tmp_path):
    return copy_of_inputs(tmp_path / "project")
