import asyncio
import os
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import httpx
import pytest

import inworld_embeddings
import inworld_embeddings_client
import inworld_embeddings_emulator
from inworld_embeddings import EmbeddingClient
from inworld_embeddings.errors import ConfigurationError
from inworld_embeddings_emulator import Emulator, LocalTransport

URL = "http://emulator.localhost/ml/v1alpha/embedding:embed"
BODY = b'{"inputs":[{"text":"a"}]}'
AUTH = ("local", "local")


@pytest.fixture
def transport(emulator):
    return LocalTransport(emulator)


def test_sync_and_async_again_and_again(transport):
    async def ask():
        async with httpx.AsyncClient(transport=transport, auth=AUTH) as client:
            return await client.post(URL, content=BODY)

    for _ in range(2):  # it outlives the clients and loops that used it
        other = asyncio.run(ask())
        with httpx.Client(transport=transport, auth=AUTH) as client:
            response = client.post(URL, content=iter([BODY[:5], BODY[5:]]))
        assert (response.status_code, response.headers, response.content) == (
            200,
            other.headers,
            other.content,
        )
    assert response.headers["content-length"] == str(len(response.content))
    assert response.headers["x-inworld-emulator-engine"] == "tiny"


def test_an_engine_does_not_block_the_loop_and_can_be_cancelled(engine):
    release, finished = threading.Event(), threading.Event()

    async def scenario():
        loop, arrived = asyncio.get_running_loop(), asyncio.Event()

        def slow(texts):
            loop.call_soon_threadsafe(arrived.set)
            assert release.wait(10)
            finished.set()
            return [[0.5, 0.5, 0.5]] * len(texts)

        engine.embed = slow
        async with httpx.AsyncClient(transport=LocalTransport(Emulator(engine)), auth=AUTH) as client:
            call = asyncio.create_task(client.post(URL, content=BODY))
            await asyncio.wait_for(arrived.wait(), 10)  # only because the loop still runs
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            assert not finished.is_set()
            release.set()

    asyncio.run(scenario())


def test_what_an_engine_does_is_never_blamed_on_the_key(engine):
    class Engine:
        name = "broken"
        embed = engine.embed

        @property
        def dimension(self):
            raise LookupError("private")

    with (
        EmbeddingClient.local(engine=Engine()) as client,
        pytest.raises(ConfigurationError, match=r"The emulator or its engine raised LookupError\."),
    ):
        client.embed("private")


ZIPPED = """
import sys
from inworld_embeddings import EmbeddingClient, errors
from inworld_embeddings_emulator import handle
assert ".zip" in handle.__file__, handle.__file__
try:
    with EmbeddingClient.local() as client:
        print(client.embed("a").shape)
except errors.ConfigurationError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("left_out", "said"),
    [(None, "(768,)"), ("minilm_table.bin", "its table minilm_table.bin (FileNotFoundError)")],
)
def test_local_mode_works_from_a_zip_and_names_a_missing_file(tmp_path, left_out, said):
    archive = tmp_path / "packages.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for package in (inworld_embeddings, inworld_embeddings_client, inworld_embeddings_emulator):
            folder = Path(package.__file__).parent
            for path in folder.rglob("*"):
                if path.is_file() and path.suffix != ".pyc" and path.name != left_out:
                    packed.write(path, path.relative_to(folder.parent))
    done = subprocess.run(
        [sys.executable, "-c", ZIPPED],
        env={**os.environ, "PYTHONPATH": str(archive)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said in done.stdout
