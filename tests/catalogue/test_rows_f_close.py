"""Rows F06 and F07: closing, forgetting to close, and the end of the interpreter."""

import asyncio
import gc
import itertools
import threading

import httpx
import numpy as np
import pytest

from inworld_embeddings import AsyncEmbeddingClient, ClientClosedError, EmbeddingClient, PartialFailureError
from support.clients import KEY
from support.fault_server import OK, FaultServer
from support.faults import black_hole
from support.processes import STORM, assert_silent, program
from support.vectors import vector_for


class Waiting(threading.Thread):
    """A thread in a call; `error` is how it ended."""

    def __init__(self, work):
        super().__init__(daemon=True)
        self.work, self.error = work, None
        self.start()

    def run(self):
        try:
            self.work()
        except BaseException as error:  # noqa: BLE001 - whatever it is
            self.error = error

    def ended(self):
        self.join(5)
        assert not self.is_alive()
        return self.error


@pytest.mark.parametrize("count", [1, 2, 500])
def test_F06_close_ends_the_calls_of_other_threads(count):
    with FaultServer(black_hole) as server:
        client = EmbeddingClient(base_url=server.url, api_key=KEY, batch_size=1)
        texts = [str(number) for number in range(count)]
        work = [
            lambda: client.embed("one"),
            lambda: client.embed(texts),
            lambda: list(client.embed_iter(texts)),
        ]
        waiting = [Waiting(one) for one in work * 3]
        server.oracle.wait_for_requests(4)
        client.close()
        assert [type(thread.ended()) for thread in waiting] == [ClientClosedError] * 9
        server.oracle.wait_until_closed()


def test_F06_what_was_done_before_the_close_is_kept():
    with FaultServer([OK, black_hole]) as server:
        client = EmbeddingClient(base_url=server.url, api_key=KEY, batch_size=1, max_concurrency=1)
        waiting = Waiting(lambda: client.embed(["a", "b", "c"]))
        server.oracle.wait_for_requests(2)
        client.close()
        error = waiting.ended()
    assert isinstance(error, PartialFailureError)
    assert np.array_equal(error.result[0], vector_for("a"))
    assert [type(failure.error) for failure in error.failures] == [ClientClosedError] * 2


def test_F06_close_ends_the_calls_of_other_tasks():
    async def run(url):
        client = AsyncEmbeddingClient(base_url=url, api_key=KEY, batch_size=1)

        async def stream():
            async for _ in client.embed_iter(map(str, itertools.count())):
                pass

        calls = [client.embed("one"), client.embed(["a", "b"]), stream()]
        tasks = [asyncio.create_task(call) for call in calls]
        await asyncio.to_thread(server.oracle.wait_for_requests, 4)
        tasks.append(asyncio.create_task(client.embed("not begun yet")))
        await asyncio.gather(client.close(), client.close())
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [ClientClosedError] * 4

    with FaultServer(black_hole) as server:
        asyncio.run(run(server.url))
        server.oracle.wait_until_closed()


def test_F06_close_ends_the_calls_of_other_event_loops():
    with FaultServer(black_hole) as server:
        client = AsyncEmbeddingClient(base_url=server.url, api_key=KEY)
        waiting = [Waiting(lambda: asyncio.run(client.embed("x"))) for _ in range(4)]
        server.oracle.wait_for_requests(4)
        asyncio.run(client.close())
        assert [type(thread.ended()) for thread in waiting] == [ClientClosedError] * 4
        server.oracle.wait_until_closed()


@pytest.mark.parametrize("used", [True, False])
def test_F06_a_closed_client_says_so_and_closes_again(used):
    with FaultServer() as server:
        client = EmbeddingClient(base_url=server.url, api_key=KEY)
        if used:
            client.embed("x")
        client.close()
        client.close()
        for call in (lambda: client.embed("x"), lambda: client.embed([]), lambda: client.embed_iter(["x"])):
            with pytest.raises(ClientClosedError, match="Make a new one"):
                call()
        server.oracle.wait_until_closed()


@pytest.mark.parametrize("used", [True, False])
def test_F06_an_async_one_too(used):
    async def run(url):
        client = AsyncEmbeddingClient(base_url=url, api_key=KEY)
        if used:
            await client.embed("x")
        await client.close()
        await client.close()
        with pytest.raises(ClientClosedError, match="Make a new one"):
            await client.embed("x")
        with pytest.raises(ClientClosedError, match="Make a new one"):
            client.embed_iter(["x"])

    with FaultServer() as server:
        asyncio.run(run(server.url))
        server.oracle.wait_until_closed()


def test_F06_clients_that_are_dropped_take_their_connections_with_them():
    with FaultServer() as server:
        for _ in range(5):
            EmbeddingClient(base_url=server.url, api_key=KEY).embed("x")
        gc.collect()
        server.oracle.wait_until_closed()
        server.oracle.assert_connections(5)


def test_F06_async_ones_too():
    async def run(url):
        for _ in range(5):
            await AsyncEmbeddingClient(base_url=url, api_key=KEY).embed("x")
        gc.collect()
        await asyncio.to_thread(server.oracle.wait_until_closed)

    with FaultServer() as server:
        asyncio.run(run(server.url))


def test_F06_a_transport_of_the_users_own_is_left_open():
    class Mine(httpx.AsyncBaseTransport):
        closed = False

        async def handle_async_request(self, request):
            return httpx.Response(200, json={"embeddings": [{"values": [1.0]}]})

        async def aclose(self):
            self.closed = True

    mine = Mine()
    with EmbeddingClient(api_key=KEY, transport=mine) as client:
        client.embed("x")
    assert not mine.closed


ENDINGS = {
    "never used": "client = make()",
    "used": "client = make(); client.embed('x')",
    "closed": "client = make(); client.embed('x'); client.close()",
    "a with block": "with make() as client: client.embed('x')",
    "many clients": "clients = [make() for _ in range(9)]; [client.embed('x') for client in clients]",
    "sys.exit in a with block": """
with make() as client:
    client.embed('x')
    sys.exit(0)""",
    "an iteration left in the middle": """
client = make(batch_size=1)
rows = client.embed_iter(map(str, range(10**6)))
next(rows)""",
    "a call in flight on a daemon thread": """
client = make()
threading.Thread(target=client.embed, args=("hang",), daemon=True).start()
time.sleep(0.2)""",
    "many of them, and streams": """
client = make(batch_size=2)
texts = list(map(str, range(1000)))
for _ in range(8):
    threading.Thread(target=client.embed, args=(texts,), daemon=True).start()
    threading.Thread(target=lambda: list(client.embed_iter(iter(texts))), daemon=True).start()
    threading.Thread(target=lambda: [client.embed("hang") for _ in range(99)], daemon=True).start()
time.sleep(random.uniform(0, 0.3))""",
    "daemon threads that call without a pause": """
client = make(batch_size=2)
def work():
    while True:
        client.embed(["a", "b", "c"])
        list(client.embed_iter(iter(["d", "e", "f"])))
for _ in range(8):
    threading.Thread(target=work, daemon=True).start()
time.sleep(random.uniform(0, 0.3))""",
    "an ordinary thread that goes on working": """
client = make()
client.embed('x')  # Python 3.12 and later start no thread any more once the main one has ended
def work():
    time.sleep(0.2)
    assert all(right(client, str(n)) for n in range(50))
threading.Thread(target=work).start()""",
    "a call and a close while the interpreter ends": """
import atexit
client = make()
def last_words():
    assert right(client, "goodbye")
    client.close()
atexit.register(last_words)
client.embed('x')""",
    "a close that was registered before the import": """
import atexit
atexit._clear()
client = make()
def last_words():
    try:
        client.embed('too late')
    except ClientClosedError as error:
        assert "interpreter is ending" in str(error)
    client.close()
atexit.register(last_words)
from inworld_embeddings import client as module
atexit.register(module._rest)
client.embed('x')""",
    "a client in a reference cycle": """
class Node: pass
node = Node(); node.me, node.client = node, make(); node.client.embed('x')""",
    "a client in a module global of builtins": "import builtins; builtins.client = make(); client.embed('x')",
    "asyncio.run without a close": "asyncio.run(make(AsyncEmbeddingClient).embed('x'))",
    "asyncio.run with an iteration left in the middle": """
async def main():
    async for _ in make(AsyncEmbeddingClient, batch_size=1).embed_iter(map(str, range(1000))):
        break
asyncio.run(main())""",
    "asyncio.run with a call that nobody awaits": """
async def main():
    task = asyncio.create_task(make(AsyncEmbeddingClient).embed('hang'))
    await asyncio.sleep(0.1)
asyncio.run(main())""",
    "local mode with batches on worker threads": """
client = EmbeddingClient.local()
client.embed(["word " * 50] * 500)""",
}


def hangs_on_request(request):
    return black_hole if request.texts[0] == "hang" else OK


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
def test_F07_the_interpreter_ends_in_silence(ending):
    with FaultServer(hangs_on_request) as server:
        assert_silent(program(ending, server.url, timeout=20))


def test_F07_again_and_again_at_a_random_moment():
    """What goes wrong at an exit goes wrong now and then only."""
    with FaultServer() as server:
        for ending in ("many of them, and streams", "daemon threads that call without a pause"):
            for _ in range(4 * STORM):
                assert_silent(program(ENDINGS[ending], server.url, timeout=20))
