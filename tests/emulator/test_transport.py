"""Local mode's wire: the server's bytes without a socket, off the event loop, from a zip and in a frozen program."""

import asyncio
import runpy
import sys
import threading
import time
import zipfile
from pathlib import Path
from unittest.mock import Mock, patch

import httpx
import httpx2
import pytest

import inworld_embeddings
import inworld_embeddings_client
import inworld_embeddings_emulator
from inworld_embeddings_emulator import Emulator, EmulatorServer, LocalTransport
from inworld_embeddings_emulator._pyinstaller import hook_dirs
from support.programs import run_with

PATH = "/ml/v1alpha/embedding:embed"
BODY = b'{"inputs":[{"text":"a"}]}'
AUTH = ("local", "local")


def outcome(transport, url="http://localhost", library=httpx, method="POST", path=PATH):
    """The response as it arrived, or the type of the error in its place."""
    try:
        with library.Client(transport=transport, auth=AUTH) as client:
            parts = iter([BODY[:5], BODY[5:]])
            return told(client.request(method, url + path, content=parts, headers={"te": "x"}))
    except library.TransportError as error:
        return type(error)


async def async_outcome(transport, library=httpx, method="POST", path=PATH):
    try:
        async with library.AsyncClient(transport=transport, auth=AUTH) as client:
            return told(await client.request(method, f"http://localhost{path}", content=BODY))
    except library.TransportError as error:
        return type(error)


def told(response):
    pairs = [pair for pair in response.headers.multi_items() if pair[0] not in ("date", "connection")]
    return response.status_code, sorted(pairs), response.content


CASES = {
    ("POST", PATH, "drop"): "RemoteProtocolError",
    ("POST", PATH, "drop;reset"): "ReadError",
    ("POST", PATH, "truncate=5"): "RemoteProtocolError",
    ("POST", PATH, "truncate=5;reset"): "ReadError",
    ("POST", PATH, "rate-limit;retry-after=1;retry-info=1"): 429,
    ("POST", PATH, "ok"): 200,
    ("HEAD", PATH, "ok"): 501,
    ("POST", "//x", "ok"): 404,
    ("POST", "/x%3Ay?a=b", "ok"): 404,
}


@pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])
@pytest.mark.parametrize("case", CASES, ids=" ".join)
def test_the_same_over_a_socket_in_process_and_async_also_when_it_breaks(emulator, library, case):
    method, path, script = case
    asked = {"library": library, "method": method, "path": path}
    with EmulatorServer(emulator, faults=script) as server:
        served = outcome(library.HTTPTransport(), server.url, **asked)
    inside = LocalTransport(emulator, script)
    for _ in range(2):  # it outlives the clients and loops that used it
        assert served == outcome(inside, **asked) == asyncio.run(async_outcome(inside, **asked))
    assert CASES[case] == (served.__name__ if isinstance(served, type) else served[0])


def test_latency_is_waited_for_and_no_longer_than_a_deadline(emulator, monkeypatch):
    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(async_outcome(LocalTransport(emulator, "latency=600")), 0.01))
    waited = []
    monkeypatch.setattr(time, "sleep", waited.append)
    with EmulatorServer(emulator, faults="latency=500") as server:
        assert outcome(httpx.HTTPTransport(), server.url)[0] == 200
    assert outcome(LocalTransport(emulator, "latency=400"))[0] == 200
    assert {500.0, 400.0} <= set(waited)


def test_an_engine_does_not_block_the_loop_and_can_be_left_alone(engine):
    release = threading.Event()

    async def scenario():
        loop, arrived = asyncio.get_running_loop(), asyncio.Event()
        engine.embed = lambda texts: loop.call_soon_threadsafe(arrived.set) and release.wait(10)
        call = asyncio.create_task(async_outcome(LocalTransport(Emulator(engine))))
        await asyncio.wait_for(arrived.wait(), 5)  # only because the loop still runs
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert not release.is_set()
        release.set()

    asyncio.run(scenario())


PACKAGES = (inworld_embeddings, inworld_embeddings_client, inworld_embeddings_emulator)
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
SAID = {
    "nothing": ["(768,)", "7"],
    "minilm_table.bin and app.js": ["its table minilm_table.bin", "file app.js is missing"],
}


def files_of(package):
    folder = Path(package.__file__).parent
    return {path.relative_to(folder.parent): path for path in folder.rglob("*.*") if path.suffix != ".pyc"}


@pytest.mark.parametrize("left_out", SAID)
def test_I10_local_mode_and_the_page_work_from_a_zip_and_name_a_missing_file(tmp_path, left_out):
    with zipfile.ZipFile(tmp_path / "packages.zip", "w") as packed:
        for package in PACKAGES:
            for name, path in files_of(package).items():
                if path.name not in left_out.split():
                    packed.write(path, name)
    shown = run_with([tmp_path / "packages.zip"], ZIPPED).stdout.splitlines()
    assert all(part in line for part, line in zip(SAID[left_out], shown, strict=True))


def test_I10_pyinstallers_hook_collects_every_package_with_files_beside_its_modules():
    """PyInstaller is not installed here; a frozen program was tried by hand."""
    collecting = Mock(collect_data_files=lambda package: [package])
    parts = dict.fromkeys(["PyInstaller", "PyInstaller.utils", "PyInstaller.utils.hooks"], collecting)
    with patch.dict(sys.modules, parts):
        found = runpy.run_path(str(Path(*hook_dirs(), "hook-inworld_embeddings.py")))["datas"]
    assert found == [p.__name__ for p in PACKAGES if {n.suffix for n in files_of(p)} - {".py", ".typed"}]
