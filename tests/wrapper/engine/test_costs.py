"""What embedding costs, in counts that hold on any machine: nothing here looks at a clock."""

import asyncio
import sys
import tracemalloc

import pytest

from inworld_embeddings import AsyncEmbeddingClient, EmbeddingClient
from inworld_embeddings._engine.sync_bridge import loop_thread
from support.clients import KEY
from support.fault_server import FaultServer
from support.in_process import Instant
from support.processes import program

BATCH = 128
MODULES = 100  # measured: 71

pytestmark = pytest.mark.usefixtures("no_records")  # they would be what grows


def texts(count):
    return [f"{number:07} the quick brown fox jumps over the lazy dog, again" for number in range(count)]


def client_of(transport, **options):
    return EmbeddingClient(api_key=KEY, transport=transport, batch_size=BATCH, **options)


@pytest.mark.parametrize("count", [1, BATCH, BATCH + 1, 20 * BATCH])
def test_it_sends_what_was_planned_and_no_byte_more(count):
    transport = Instant(8)
    with client_of(transport) as client:
        planned = client.plan(texts(count))
        client.embed(texts(count))
    assert transport.requests == planned.requests == -(-count // BATCH)
    assert transport.bytes == planned.bytes


def test_a_result_takes_one_array_and_a_window():
    transport, count, dimension, window = Instant(512), 80 * BATCH, 512, 4
    given = texts(count)
    with client_of(transport, max_concurrency=window) as client:
        client.embed(given[: 2 * BATCH])
        tracemalloc.start()
        result, (_, peak) = client.embed(given), tracemalloc.get_traced_memory()
        tracemalloc.stop()
    a_batch = BATCH * dimension * (4 + 8)  # as float32, and what it is read from
    assert peak <= result.vectors.nbytes * 1.05 + window * a_batch + 100 * count


def test_a_client_is_made_with_few_modules_and_no_heavy_one():
    count = f"""
before = set(sys.modules)
from inworld_embeddings import EmbeddingClient
EmbeddingClient(api_key={KEY!r})
loaded = set(sys.modules) - before
heavy = "httpx httpx2 numpy asyncio msgspec simdjson rich click opentelemetry"
print(len(loaded), *loaded.intersection(heavy.split()))
"""
    done = program(count, preamble="import sys")
    number, *heavy = done.stdout.split()
    assert (int(number) <= MODULES, heavy) == (True, []), done.stdout


def profile_into(frames):
    """Collects the frames of our functions; a coroutine or generator has one, however often it is resumed."""

    def profile(frame, event, _argument):
        if event == "call" and frame.f_globals.get("__name__", "").startswith("inworld_embeddings"):
            frames.add(frame)

    return profile


def sync_calls(url):
    frames, loop = set(), loop_thread().loop
    with EmbeddingClient(base_url=url, api_key=KEY) as client:
        for _ in range(5):
            client.embed(["a"])
        loop.call_soon_threadsafe(sys.setprofile, profile_into(frames))
        sys.setprofile(profile_into(frames))
        client.embed(["a"])
        sys.setprofile(None)
        loop.call_soon_threadsafe(sys.setprofile, None)
    return [frame.f_code.co_qualname for frame in frames]


async def async_calls(url):
    frames = set()
    async with AsyncEmbeddingClient(base_url=url, api_key=KEY) as client:
        for _ in range(5):
            await client.embed(["a"])
        sys.setprofile(profile_into(frames))
        await client.embed(["a"])
        sys.setprofile(None)
    return [frame.f_code.co_qualname for frame in frames]


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="later versions inline comprehensions")
def test_a_warm_text_runs_through_few_functions():
    with FaultServer() as server:
        sync, asynchronous = sync_calls(server.url), asyncio.run(async_calls(server.url))
    assert len(sync) <= 110, sync
    assert len(asynchronous) <= 95, asynchronous
