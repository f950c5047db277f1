"""The fault server without sockets or seconds: a transport that plays the same faults by the same scripts, both clients
over it, and event loops whose clock jumps to the next timer instead of waiting for it.
"""

import asyncio
import contextlib
import contextvars
import functools
import random
import selectors
from types import SimpleNamespace
from unittest import mock

import httpx

from inworld_embeddings import AsyncEmbeddingClient, EmbeddingClient, auth, client
from inworld_embeddings._engine import engine, sync_bridge
from support.clients import KEY
from support.connection import Connection
from support.fault_server import ScriptedServer
from support.oracle import ConnectionRecord, RequestRecord
from support.vectors import good_json


class _Jumping(selectors.DefaultSelector):
    def __init__(self, loop):
        super().__init__()
        self._loop = loop

    def select(self, timeout=None):
        events = super().select(timeout if timeout is None or timeout <= 0 else 0)
        if not events and timeout and timeout > 0:
            self._loop.now += timeout
        return events


class VirtualLoop(asyncio.SelectorEventLoop):
    """Whatever waits for a time on it has waited at once: the clock stands while there is work, and then jumps.

    Work for other threads is done at once, in this one: the clock could not wait for it.
    """

    def __init__(self):
        self.now = 0.0
        super().__init__(_Jumping(self))

    # A loop thread gives its loop a clock; not this one.
    time = property(lambda self: lambda: self.now, lambda self, clock: None)

    def run_in_executor(self, executor, function, *arguments):
        done = self.create_future()
        try:
            done.set_result(function(*arguments))
        except Exception as error:  # noqa: BLE001 - raised where it is awaited
            done.set_exception(error)
        return done


async def at_once(work):
    return work()


def standing_still():
    """For the clients, no time passes before a call has reached its event loop."""
    still = SimpleNamespace(monotonic=lambda: 0.0)
    stack = contextlib.ExitStack()
    for module in (client, engine):
        stack.enter_context(mock.patch.object(module, "time", still))
    stack.enter_context(mock.patch.object(auth, "in_daemon_thread", at_once))
    return stack


def virtual(test):
    """A test that is a coroutine, run in virtual time."""

    @functools.wraps(test)
    def run(*given, **named):
        with standing_still(), asyncio.Runner(loop_factory=VirtualLoop) as runner:
            return runner.run(test(*given, **named))

    return run


@functools.cache  # its thread lives as long as the process, as that of the real one does
def _virtual_loop_thread():
    with mock.patch("asyncio.new_event_loop", VirtualLoop):
        return sync_bridge.LoopThread()


class Service(ScriptedServer, httpx.AsyncBaseTransport):
    """Of the connection's faults it knows the losses and the silences; without sockets there is nothing to frame, to
    encrypt or to reuse.
    """

    @property
    def bodies(self):
        return [request.body for request in self.requests]

    async def handle_async_request(self, request):
        target, wire = request.url.raw_path.decode(), _Wire()
        record = RequestRecord(request.method, target, request.headers, request.content)
        await self.play(wire, ConnectionRecord(), record)
        return wire.response()


class _Wire:
    """A connection without a socket: keeps what is sent, and raises at its end what httpx would."""

    def __init__(self):
        self.bytes_sent, self._sent = 0, b""

    async def send(self, data):
        self._sent += data

    drip = Connection.drip

    async def rst(self):
        raise httpx.ReadError("Connection reset by peer")

    async def close(self):
        raise httpx.RemoteProtocolError("the connection was closed")

    async def wait_for_client_to_leave(self):
        await asyncio.Event().wait()

    def response(self):
        head, _, body = self._sent.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = [tuple(line.split(": ", 1)) for line in lines]
        return httpx.Response(int(first.split()[1]), headers=headers, stream=httpx.ByteStream(body))


class Instant(httpx.AsyncBaseTransport):
    """Answers at once, with one body made ahead for each number of texts."""

    def __init__(self, dimension):
        self._body = functools.cache(lambda count: good_json([""] * count, dimension))

    async def handle_async_request(self, request):
        return httpx.Response(200, content=self._body(request.content.count(b'"text":')))


class SyncFace:
    """A sync client over a `Service`, in virtual time."""

    kind = EmbeddingClient

    def __init__(self, service, **settings):
        self.service = service
        self.client = self.kind(**{"api_key": KEY, "transport": service} | settings)

    def __enter__(self):
        random.seed(0)  # the same jitter for both faces
        self._virtual = standing_still()
        self._begin()
        return self

    def __exit__(self, *_):
        self.close()
        self._virtual.close()

    def _begin(self):
        self._virtual.enter_context(mock.patch.object(sync_bridge, "_shared", _virtual_loop_thread()))

    def wait(self, result):
        return result

    def each(self, rows):
        return rows

    def embed(self, texts, **options):
        return self.wait(self.client.embed(texts, **options))

    def rows(self, texts, **options):
        """The rows of `embed_iter` as a list, and the error that ended it, if one did."""
        rows = []
        try:
            for row in self.each(self.client.embed_iter(texts, **options)):
                rows.append(row)  # noqa: PERF402 - kept also when an error follows
        except Exception as error:  # noqa: BLE001 - given back
            return rows, error
        return rows, None

    def close(self):
        self.wait(self.client.close())


class AsyncFace(SyncFace):
    """The same of an async client, on an event loop of its own that stands still between the calls."""

    kind = AsyncEmbeddingClient

    def _begin(self):
        self._runner = self._virtual.enter_context(asyncio.Runner(loop_factory=VirtualLoop))

    def wait(self, result):
        async def waited():
            return await result

        return self._runner.run(waited(), context=contextvars.copy_context())  # or it keeps that of the first

    def each(self, rows):
        with contextlib.suppress(StopAsyncIteration):
            while True:
                yield self.wait(anext(rows))

    @property
    def now(self):
        """Virtual seconds since the client was made."""
        return self._runner.get_loop().time()

    @property
    def admission(self):
        """That of the session; there has to be one."""
        (session,) = self.client._engine._sessions.values()
        return session.admission


def embed(script, texts, *, call=None, **settings):
    """The service that was asked, and what `embed` of a fresh client gave back."""
    service = Service(script)
    with AsyncFace(service, **settings) as face:
        return service, face.embed(texts, **(call or {}))
