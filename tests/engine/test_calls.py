"""How many Python functions of ours one warm text runs through: a pinned number, the same on every machine.

Counted are the calls of all `inworld_embeddings*` packages on all threads (`sys.setprofile`); a coroutine or generator
counts once, however often it is resumed. The numbers are CPython 3.11's: later versions inline comprehensions.
"""

import subprocess
import sys

import pytest

from support.clients import KEY
from support.fault_server import FaultServer

MOST = {"sync": 110, "async": 95}

COUNT = """
import asyncio, collections, sys, threading
from inworld_embeddings import AsyncEmbeddingClient, EmbeddingClient

way, url, key = sys.argv[1:]
calls, kept = collections.Counter(), {}

def count(frame, event, _argument):
    name = frame.f_globals.get("__name__", "")
    if event == "call" and name.startswith("inworld_embeddings") and id(frame) not in kept:
        if frame.f_code.co_flags & 0x2A0:  # a generator, a coroutine or both: resumed under the same frame
            kept[id(frame)] = frame
        calls[f"{name}.{frame.f_code.co_qualname}"] += 1

def sync():
    client = EmbeddingClient(base_url=url, api_key=key)
    for _ in range(5):
        client.embed(["a"])
    from inworld_embeddings._engine.sync_bridge import portal
    def switch(profile):
        done = threading.Event()
        portal().loop.call_soon_threadsafe(lambda: (sys.setprofile(profile), done.set()))
        done.wait()
    switch(count)
    sys.setprofile(count)
    client.embed(["a"])
    sys.setprofile(None)
    switch(None)
    client.close()

async def asynchronous():
    async with AsyncEmbeddingClient(base_url=url, api_key=key) as client:
        for _ in range(5):
            await client.embed(["a"])
        sys.setprofile(count)
        await client.embed(["a"])
        sys.setprofile(None)

sync() if way == "sync" else asyncio.run(asynchronous())
print(*(f"{number:3} {name}" for name, number in calls.items()), sum(calls.values()), sep="\\n")
"""


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="the numbers are CPython 3.11's")
@pytest.mark.parametrize("way", MOST)
def test_a_warm_text_runs_through_few_functions(way):
    with FaultServer() as server:
        done = subprocess.run(
            [sys.executable, "-c", COUNT, way, server.url, KEY], capture_output=True, text=True
        )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-1]) <= MOST[way], done.stdout
