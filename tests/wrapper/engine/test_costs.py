"""What embedding costs, in counts that hold on any machine: nothing here looks at a clock."""

import sys
import tracemalloc

import pytest

from inworld_embeddings import EmbeddingClient
from support.clients import KEY
from support.fault_server import FaultServer
from support.in_process import Instant
from support.processes import assert_silent, program

BATCH = 128
MODULES = 100  # measured: 71

pytestmark = pytest.mark.usefixtures("no_records")  # they would be what grows


def texts(count):
    return [f"{number:07} the quick brown fox jumps over the lazy dog, again" for number in range(count)]


def client_of(transport, **options):
    return EmbeddingClient(api_key=KEY, transport=transport, batch_size=BATCH, **options)


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


COUNT = """
def count(frame, event, _argument):
    'Keeps the frames of our functions: a coroutine or generator has one, however often it is resumed.'
    if event == "call" and frame.f_globals.get("__name__", "").startswith("inworld_embeddings"):
        frames.add(frame)

def sync():
    from inworld_embeddings._engine.sync_bridge import loop_thread
    with make() as client:
        for _ in range(5):
            client.embed(["a"])
        loop_thread().loop.call_soon_threadsafe(sys.setprofile, count)
        sys.setprofile(count)
        client.embed(["a"])
        sys.setprofile(None)
        loop_thread().loop.call_soon_threadsafe(sys.setprofile, None)

async def asynchronous():
    async with make(AsyncEmbeddingClient) as client:
        for _ in range(5):
            await client.embed(["a"])
        sys.setprofile(count)
        await client.embed(["a"])
        sys.setprofile(None)

for way in sync, lambda: asyncio.run(asynchronous()):
    frames = set()
    way()
    print(*sorted(frame.f_code.co_qualname for frame in frames), len(frames), sep="\\n")
"""


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="later versions inline comprehensions")
def test_a_warm_text_runs_through_few_functions():
    with FaultServer() as server:
        done = program(COUNT, server.url)
    assert_silent(done)
    sync, asynchronous = (int(line) for line in done.stdout.splitlines() if line.isdigit())
    assert sync <= 110, done.stdout
    assert asynchronous <= 95, done.stdout
