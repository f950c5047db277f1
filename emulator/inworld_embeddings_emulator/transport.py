"""Local mode's wire: a transport of httpx and httpx2, sync and async in one, that asks the emulator inside this process."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx

from inworld_embeddings.errors import ConfigurationError, InworldEmbeddingsError

from .faults import FaultLayer, Faults
from .handle import Emulator
from .messages import Handler, Reply, Request, joined_headers


class LocalTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Responds with the bytes the server would send. Closing it does nothing: there is nothing to close.

    A client of httpx2 may have it too: its requests are answered with responses and errors of httpx2.

    Args:
        handler: Handles the requests; by default a new `Emulator`.
        faults: What goes wrong, see `faults.reader`; by default nothing but what a request's header asks for.
    """

    def __init__(self, handler: Handler | None = None, faults: Faults | str | None = None) -> None:
        self._emulator = handler or Emulator()
        self._handler = FaultLayer(self._emulator, faults)

    @property
    def engine(self) -> str | None:
        """Name of the engine whose vectors come; None if the handler does not tell."""
        return getattr(getattr(self._emulator, "engine", None), "name", None)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        reply = self._reply(request, request.read())
        time.sleep(reply.carriage.delay)
        return _carried(request, reply, _cut)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = await request.aread()
        try:  # in another thread: however long an engine takes, the event loop keeps its deadlines
            reply = await asyncio.to_thread(self._reply, request, body)
        except RuntimeError:  # the interpreter is ending and starts none
            reply = self._reply(request, body)
        await asyncio.sleep(reply.carriage.delay)
        return _carried(request, reply, _async_cut)

    def _reply(self, request: httpx.Request, body: bytes) -> Reply:
        pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw]
        path = request.url.raw_path.decode("ascii")
        try:
            return self._handler.handle(Request(request.method, path, joined_headers(pairs), body))
        except (InworldEmbeddingsError, MemoryError):
            raise
        except Exception as error:
            raise ConfigurationError(f"The emulator or its engine raised {type(error).__name__}.") from error


def _carried(request: httpx.Request, reply: Reply, cut: Callable[[bytes, Exception], Any]) -> httpx.Response:
    """The response as it arrives, of the library whose client asks: it takes no other's.

    Raises:
        httpx.TransportError: it does not: what a socket would have raised.
    """
    httpx2 = sys.modules.get("httpx2")
    library: Any = httpx2 if httpx2 is not None and isinstance(request, httpx2.Request) else httpx
    end, length = reply.carriage.end, len(reply.body)
    content: Any = b"" if request.method == "HEAD" else reply.body
    if end is not None:
        received = end if isinstance(end, int) else 0
        told = f"peer closed connection inside its response (received {received} bytes, expected {length})"
        reset = library.ReadError("Connection reset by peer")
        broken = reset if reply.carriage.reset else library.RemoteProtocolError(told)
        if isinstance(end, str):
            raise broken
        content = cut(reply.body[:end], broken)
    headers = [*reply.headers, ("content-length", str(length))]
    response: httpx.Response = library.Response(reply.status, headers=headers, content=content)
    return response


def _cut(part: bytes, error: Exception) -> Iterator[bytes]:
    """The beginning of a body, and then the end of the connection."""
    yield part
    raise error


async def _async_cut(part: bytes, error: Exception) -> AsyncIterator[bytes]:
    for piece in _cut(part, error):
        yield piece
