"""Row F01: a process forks after, and in the middle of, using a client."""

import os

import pytest

from support.fault_server import FaultServer
from support.processes import assert_silent, program

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")

# Python 3.12 and later warn of any fork beside threads; that is what is tried here.
NO_FORK_WARNING = ("-W", "ignore::DeprecationWarning")

BUSY = """
client = make()
assert right(client, "before the fork")
wrong, over = [], threading.Event()

def work(name):
    number = 0
    while not over.is_set():
        number += 1
        if not right(client, f"{name} {number}"):
            wrong.append(name)

threads = [threading.Thread(target=work, args=(f"parent {n}",)) for n in range(8)]
for thread in threads:
    thread.start()

def child(name):
    return sum(not right(client, f"{name} {number}") for number in range(150 * STORM))
"""

FORKED = (
    BUSY
    + """
children = []
for n in range(8):
    time.sleep(random.uniform(0, 0.02))
    pid = os.fork()
    if pid == 0:
        bad = child(f"child {n}")
        LEAVE
    children.append(pid)
codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children]
over.set()
for thread in threads:
    thread.join()
assert right(client, "after")
print(codes, len(wrong))
"""
)


@pytest.mark.parametrize("leave", ["os._exit(bad)", "client.close(); sys.exit(bad)", "sys.exit(bad)"])
def test_F01_children_forked_amid_calls_get_their_own_answers_and_the_parent_keeps_its_own(leave):
    with FaultServer() as server:
        done = program(FORKED.replace("LEAVE", leave), server.url, *NO_FORK_WARNING)
        assert_silent(done)
        assert done.stdout.split() == [*["[0,", "0,", "0,", "0,", "0,", "0,", "0,", "0]"], "0"]
        assert len(server.requests) > 8 * 150
        server.oracle.assert_well_formed()


def test_F01_multiprocessing_by_fork():
    code = (
        BUSY
        + """
import multiprocessing
with multiprocessing.get_context("fork").Pool(4) as pool:
    bad = pool.map(child, [f"worker {n}" for n in range(8)], chunksize=1)
over.set()
for thread in threads:
    thread.join()
print(sum(bad), len(wrong))
"""
    )
    with FaultServer() as server:
        done = program(code, server.url, *NO_FORK_WARNING)
    assert_silent(done)
    assert done.stdout.split() == ["0", "0"]


def test_F01_before_the_first_use_too():
    """As gunicorn does with --preload."""
    code = """
client = make()
pids = []
for n in range(4):
    pid = os.fork()
    if pid == 0:
        os._exit(0 if right(client, f"worker {n}") else 1)
    pids.append(pid)
print([os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids], right(client, "parent"))
"""
    with FaultServer() as server:
        done = program(code, server.url)
    assert_silent(done)
    assert done.stdout.split() == ["[0,", "0,", "0,", "0]", "True"]


def test_F01_a_child_of_a_child():
    code = """
client = make()
assert right(client, "parent")
if (pid := os.fork()) == 0:
    assert right(client, "child")
    if (pid := os.fork()) == 0:
        os._exit(0 if right(client, "grandchild") else 1)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os._exit(code if right(client, "child again") else 2)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), right(client, "parent again"))
"""
    with FaultServer() as server:
        done = program(code, server.url, *NO_FORK_WARNING)
    assert_silent(done)
    assert done.stdout.split() == ["0", "True"]


def test_F01_an_async_client_goes_on_in_a_child_with_an_event_loop_of_its_own():
    code = """
client = make(AsyncEmbeddingClient)
loop = asyncio.new_event_loop()

async def one(text):
    return np.array_equal(await client.embed(text), vector_for(text))

assert loop.run_until_complete(one("parent"))
if (pid := os.fork()) == 0:
    os._exit(0 if asyncio.run(one("child")) else 1)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), loop.run_until_complete(one("parent again")))
loop.run_until_complete(client.close())
loop.close()
"""
    with FaultServer() as server:
        done = program(code, server.url)
        assert_silent(done)
        assert done.stdout.split() == ["0", "True"]
        assert {record.connection for record in server.requests if record.on_connection} == {0}


def test_F01_local_mode_forks_too():
    code = (
        BUSY.replace("client = make()", "client = EmbeddingClient.local()")
        .replace('assert right(client, "before the fork")', "same = client.embed('same')")
        .replace('right(client, f"{name} {number}")', "np.array_equal(client.embed('same'), same)")
        + """
pids = []
for n in range(6):
    time.sleep(0.01)
    if (pid := os.fork()) == 0:
        os._exit(child("child"))
    pids.append(pid)
print([os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in pids], len(wrong))
over.set()
"""
    )
    done = program(code, "-", *NO_FORK_WARNING)
    assert_silent(done)
    assert done.stdout == "[0, 0, 0, 0, 0, 0] 0\n"


def test_F01_an_iteration_begun_before_a_fork_is_refused_in_the_child():
    code = """
client = make(batch_size=1)
rows = client.embed_iter(map(str, range(10**6)))
next(rows)
if (pid := os.fork()) == 0:
    try:
        next(rows)
    except RuntimeError as error:
        os._exit(7 if "before a fork" in str(error) else 1)
    os._exit(1)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), next(rows)[0])
rows.close()
"""
    with FaultServer() as server:
        done = program(code, server.url, *NO_FORK_WARNING)
    assert_silent(done)
    assert done.stdout.split() == ["7", "1"]
