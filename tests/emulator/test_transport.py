"""Local mode's wire: the server's bytes without a socket, off the event loop, and from a zip."""

import asyncio
import os
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import httpx
import httpx2
import pytest

import inworld_embeddings
import inworld_embeddings_client
import inworld_embeddings_emulator
from inworld_embeddings_emulator import Emulator, EmulatorServer, LocalTransport

PATH = "/ml/v1alpha/embedding:embed"
URL = f"http://localhost{PATH}"
BODY = b'{"inputs":[{"text":"a"}]}'
AUTH = ("local", "local")


def outcome(transport, url=URL, library=httpx, method="POST"):
    try:
        with library.Client(transport=transport, auth=AUTH) as client:
            return told(client.request(method, url, content=iter([BODY[:5], BODY[5:]]), headers={"te": "x"}))
    except library.TransportError as error:
        return type(error)


async def async_outcome(transport, library=httpx):
    try:
        async with library.AsyncClient(transport=transport, auth=AUTH) as client:
            return told(await client.post(URL, content=BODY))
    except library.TransportError as error:
        return type(error)


def told(response):
    pairs = [pair for pair in response.headers.multi_items() if pair[0] not in ("date", "connection")]
    return response.status_code, sorted(pairs), response.content


FAULTS = {
    "drop": "RemoteProtocolError",
    "drop;reset": "ReadError",
    "drop=head": "RemoteProtocolError",
    "truncate=5": "RemoteProtocolError",
    "truncate=5;reset": "ReadError",
    "rate-limit;retry-after=1;retry-info=1": 429,
    "ok": 200,
}


@pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])
@pytest.mark.parametrize(("script", "expected"), FAULTS.items(), ids=FAULTS)
def test_the_same_over_a_socket_in_process_and_async_also_when_it_breaks(emulator, script, expected, library):
    with EmulatorServer(emulator, faults=script) as server:
        served = outcome(library.HTTPTransport(), server.url + PATH, library)
    transport = LocalTransport(emulator, script)
    for _ in range(2):  # it outlives the clients and loops that used it
        assert served == outcome(transport, library=library) == asyncio.run(async_outcome(transport, library))
    assert served[0] == expected if isinstance(expected, int) else served is getattr(library, expected)


@pytest.mark.parametrize(
    "line", ["HEAD /ml/v1alpha/embedding:embed", "POST //x", "POST /x%3Ay", "POST /x?a=b"]
)
def test_other_methods_and_targets_get_the_same_too(emulator, line):
    method, target = line.split()
    with EmulatorServer(emulator) as server:
        served = outcome(httpx.HTTPTransport(), server.url + target, method=method)
    inside = outcome(LocalTransport(emulator), f"http://localhost{target}", method=method)
    assert inside == served
    assert (inside[0], bool(inside[2])) == ((501, False) if method == "HEAD" else (404, True))


def test_latency_is_waited_for_and_no_longer_than_a_deadline(emulator, monkeypatch):
    async def scenario():
        async with asyncio.timeout(0.01):
            await async_outcome(LocalTransport(emulator, "latency=600"))

    with pytest.raises(TimeoutError):
        asyncio.run(scenario())
    waited = []
    monkeypatch.setattr(time, "sleep", waited.append)
    with EmulatorServer(emulator, faults="latency=500") as server:
        assert outcome(httpx.HTTPTransport(), server.url + PATH)[0] == 200
    assert outcome(LocalTransport(emulator, "latency=400"))[0] == 200
    assert {500.0, 400.0} <= set(waited)


def test_an_engine_does_not_block_the_loop_and_can_be_left_alone(engine):
    release, finished = threading.Event(), threading.Event()

    async def scenario():
        loop, arrived = asyncio.get_running_loop(), asyncio.Event()

        def slow(texts):
            loop.call_soon_threadsafe(arrived.set)
            assert release.wait(10)
            finished.set()
            return [[0.5, 0.5, 0.5]] * len(texts)

        engine.embed = slow
        call = asyncio.create_task(async_outcome(LocalTransport(Emulator(engine))))
        await asyncio.wait_for(arrived.wait(), 10)  # only because the loop still runs
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert not finished.is_set()
        release.set()

    asyncio.run(scenario())


ZIPPED = """
from inworld_embeddings import EmbeddingClient, errors
from inworld_embeddings_emulator import handle, playground
assert ".zip" in handle.__file__, handle.__file__
for made in (lambda: EmbeddingClient.local().embed("a").shape, lambda: len(playground.page_files())):
    try:
        print(made())
    except errors.ConfigurationError as error:
        print(error)
"""


MISSING = ["its table minilm_table.bin (FileNotFoundError)", "The playground's file app.js is missing"]


@pytest.mark.parametrize(
    ("left_out", "said"),
    [((), ["(768,)", "7"]), (("minilm_table.bin", "app.js"), MISSING)],
    ids=["whole", "not"],
)
def test_I10_local_mode_and_the_page_work_from_a_zip_and_name_a_missing_file(tmp_path, left_out, said):
    archive = tmp_path / "packages.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for package in (inworld_embeddings, inworld_embeddings_client, inworld_embeddings_emulator):
            folder = Path(package.__file__).parent
            for path in folder.rglob("*"):
                if path.is_file() and path.suffix != ".pyc" and path.name not in left_out:
                    packed.write(path, path.relative_to(folder.parent))
    env = {**os.environ, "PYTHONPATH": str(archive)}
    shown = subprocess.check_output([sys.executable, "-c", ZIPPED], env=env, text=True)
    assert all(part in line for part, line in zip(said, shown.splitlines(), strict=True))
