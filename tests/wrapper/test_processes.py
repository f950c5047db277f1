"""Rows F01, F07 and F11: programs that fork, that end, and that run elsewhere; what they load and what they write."""

import os
import queue

import pytest

from inworld_embeddings import ConfigurationError, EmbeddingClient
from support.fault import OK
from support.fault_server import FaultServer
from support.faults import black_hole
from support.processes import STORM, assert_silent, program, storm

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")

# Python 3.12 and later warn of any fork beside threads; that is what is tried here.
NO_FORK_WARNING = ("-W", "ignore::DeprecationWarning")


def printed(code, *options, script=OK, **settings):
    """What a program prints that talks to a server, ends well and complains of nothing."""
    with FaultServer(script) as server:
        done = program(code, server.url, *options, **settings)
    server.oracle.assert_well_formed()
    assert_silent(done)
    return done.stdout.strip()


@forks
@storm(10, 300)
def test_F01_children_forked_amid_calls_get_their_own_responses_and_the_parent_keeps_its_own(size):
    code = """
import multiprocessing
from concurrent.futures import ThreadPoolExecutor

client = make()
assert right(client, "before the fork")
over = threading.Event()

def in_the_parent(name):
    while not over.is_set():
        assert right(client, f"{name} {time.monotonic()}")

def in_a_child(name):
    return sum(right(client, f"{name} {number}") for number in range(SIZE))

with ThreadPoolExecutor(8) as threads:
    calls = threads.map(in_the_parent, [f"parent {n}" for n in range(8)])
    with multiprocessing.get_context("fork").Pool(5) as children:
        print(sum(children.map(in_a_child, [f"child {n}" for n in range(10)], chunksize=1)))
    over.set()
    list(calls)
print(right(client, "after"))
"""
    assert printed(code, *NO_FORK_WARNING, size=size) == f"{10 * size}\nTrue"


FORKS = {
    "before the first use, a child of a child, and an iteration begun before": """
def forked(work):
    if (pid := os.fork()) == 0:
        sys.exit(work())
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

def goes_on():
    try:
        return bool(next(rows))
    except RuntimeError as error:
        return "before a fork" not in str(error)

client = make(batch_size=1)
assert not forked(lambda: not right(client, "as gunicorn does with --preload"))
assert right(client, "parent")
assert not forked(lambda: forked(lambda: not right(client, "grandchild")) or not right(client, "child"))
rows = client.embed_iter(map(str, range(10**6)))
next(rows)
assert not forked(goes_on)
assert not forked(client.close)
print(next(rows)[0] == 1 and right(client, "parent"))
rows.close()
""",
    "an async client, with an event loop of its own in the child": """
client = make(AsyncEmbeddingClient)

async def right(text):
    return np.array_equal(await client.embed(text), vector_for(text))

loop = asyncio.new_event_loop()
assert loop.run_until_complete(right("parent"))
if (pid := os.fork()) == 0:
    os._exit(not asyncio.run(right("child")))
assert os.waitpid(pid, 0)[1] == 0
print(loop.run_until_complete(right("parent again")))
loop.run_until_complete(client.close())  # ends what is its own here, or the loop's end complains
loop.close()
""",
}


@forks
@pytest.mark.parametrize("code", FORKS.values(), ids=FORKS)
def test_F01_a_fork(code):
    assert printed(code, *NO_FORK_WARNING) == "True"


WITHOUT_A_PAUSE = """
client = make(batch_size=2)
texts = list(map(str, range(1000)))
def work():
    while True:
        client.embed(["a", "b", "c"])
        list(client.embed_iter(iter(["d", "e", "f"])))
for _ in range(8):
    threading.Thread(target=work, daemon=True).start()
    threading.Thread(target=client.embed, args=(texts,), daemon=True).start()
    threading.Thread(target=lambda: list(client.embed_iter(iter(texts))), daemon=True).start()
    threading.Thread(target=client.embed, args=("hang",), daemon=True).start()
time.sleep(random.uniform(0, 0.3))
"""

ENDINGS = {
    "clients in every state": """
import builtins
class Node: pass
used, closed, unused, builtins.client = make(), make(), make(), make()
node = Node(); node.me, node.client = node, make()
EmbeddingClient.local().embed(["word"] * 500)  # batches on worker threads
for client in (used, closed, builtins.client, node.client): client.embed('x')
closed.close()
left = make(batch_size=1)
rows = left.embed_iter(map(str, range(10**6)))
next(rows)
threading.Thread(target=used.embed, args=("hang",), daemon=True).start()
with make() as client:
    client.embed('x')
    sys.exit(0)""",
    "daemon threads that call without a pause": WITHOUT_A_PAUSE,
    "an ordinary thread that goes on working": """
client = make()
client.embed('x')  # Python 3.12 and later start no thread any more once the main one has ended
def work():
    time.sleep(0.2)
    assert all(right(client, str(n)) for n in range(50))
threading.Thread(target=work).start()""",
    "asyncio.run without a close": """
asyncio.run(make(AsyncEmbeddingClient).embed('x'))
async def left_in_the_middle():
    async for _ in make(AsyncEmbeddingClient, batch_size=1).embed_iter(map(str, range(1000))):
        break
asyncio.run(left_in_the_middle())
async def not_awaited():
    task = asyncio.create_task(make(AsyncEmbeddingClient).embed('hang'))
    await asyncio.sleep(0.1)
asyncio.run(not_awaited())""",
    "a key provider that hangs": """
try:
    EmbeddingClient(api_key=threading.Event().wait, base_url=URL, timeout=0.3, max_retries=0).embed("a")
except APITimeoutError:
    pass""",
}
# What goes wrong at an exit goes wrong now and then only.
AT_RANDOM = [f"random.seed({seed})\n{WITHOUT_A_PAUSE}" for seed in range(8 * STORM)]
LONG = [pytest.param(code, marks=pytest.mark.long, id="at a random moment") for code in AT_RANDOM]


@pytest.mark.parametrize("code", [*(pytest.param(ENDINGS[name], id=name) for name in ENDINGS), *LONG])
def test_F07_the_interpreter_ends_in_silence(code):
    printed(code, script=lambda request: black_hole if request.texts[0] == "hang" else OK)


def test_F11_gevent():
    pytest.importorskip("gevent")
    code = """from gevent import monkey; monkey.patch_all()
import gevent
client = make(batch_size=3)
jobs = [gevent.spawn(lambda n=n: [right(client, f"{n}:{i}") for i in range(10)]) for n in range(20)]
gevent.joinall(jobs, timeout=30, raise_error=True)
print(all(all(job.value) for job in jobs), len(list(client.embed_iter(map(str, range(10))))))
client.close()
"""
    assert printed(code) == "True 10"


def test_first_use_downloads_nothing_and_writes_no_file():
    code = """
import sys

def watch(event, arguments):
    writes = event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")
    if writes or event in ("socket.connect", "socket.getaddrinfo", "urllib.Request", "subprocess.Popen"):
        raise SystemExit(f"{event}{arguments}")

sys.addaudithook(watch)
from inworld_embeddings import EmbeddingClient
with EmbeddingClient.local() as client:
    print(client.embed("hello").shape)
"""
    assert printed(code, "-B", preamble="") == "(768,)"


@forks
def test_I06_a_fork_during_another_threads_first_call_waits_for_its_imports():
    """What a thread that is gone was importing stays locked in the child for ever."""
    code = """
import builtins, os, threading
from inworld_embeddings import EmbeddingClient
client = EmbeddingClient.local()
importing, forked = threading.Event(), threading.Event()
real = builtins.__import__
def slowly(name, *rest, **more):
    if name == "numpy" and not importing.is_set():
        importing.set()
        forked.wait(0.3)  # for ever, if the fork waited for nothing: it comes in the middle of this
    return real(name, *rest, **more)
builtins.__import__ = slowly
first = threading.Thread(target=client.embed, args=("a",))
first.start()
importing.wait()
child = os.fork()
forked.set()
if child == 0:
    os._exit(client.embed("b").shape != (768,))
first.join()
print(os.waitpid(child, 0)[1])
"""
    assert printed(code, *NO_FORK_WARNING, preamble="", timeout=60) == "0"


def test_I06_time_that_stands_still_stops_no_sync_call():
    """As with freezegun, which replaces the monotonic clock too, that the engine's loop would wait by."""
    code = """
client = make(max_retries=3)
time.time = time.monotonic = lambda: 1.6e9
print(right(client, "a"))
client.close()
"""
    assert printed(code, script="status=503, ok") == "True"


def test_I06_gevent_that_patches_after_the_first_call_is_named(monkeypatch):
    with EmbeddingClient.local() as client:
        client.embed("a")
        with monkeypatch.context() as patch:
            patch.setattr("queue.SimpleQueue", queue.Queue)  # as gevent does, among others
            with pytest.raises(ConfigurationError, match="first thing in the program"):
                client.embed("b")


def test_I06_an_async_client_is_loaded_off_the_event_loop():
    code = """
import asyncio, sys, threading
from inworld_embeddings import AsyncEmbeddingClient
heavy, on_the_loop = {"httpx", "numpy", "msgspec"}, set()

def watch(event, given):
    if event == "import" and threading.current_thread() is threading.main_thread():
        on_the_loop.add(given[0])

sys.addaudithook(watch)
async def main():
    async with AsyncEmbeddingClient(api_key="YTpi") as client:
        print(heavy - sys.modules.keys(), heavy & on_the_loop)
asyncio.run(main())
"""
    assert printed(code, preamble="") == "set() set()"
