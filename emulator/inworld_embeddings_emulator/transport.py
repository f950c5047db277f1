"""Local mode's wire: an httpx transport, sync and async in one, that asks the emulator inside this process."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import httpx

from inworld_embeddings.errors import ConfigurationError, InworldEmbeddingsError

from .faults import FaultLayer, Faults
from .handle import Emulator
from .messages import Carriage, Handler, Reply, Request, joined_headers


class LocalTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Responds with the bytes the server would send. Closing it does nothing: there is nothing to close.

    Args:
        handler: Handles the requests; by default a new `Emulator`.
        faults: What goes wrong, see `faults.reader`; by default nothing but what a request's header asks for.
    """

    def __init__(self, handler: Handler | None = None, faults: Faults | str | None = None) -> None:
        self._handler = FaultLayer(handler or Emulator(), faults)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        reply = self._reply(request, request.read())
        if reply.carriage.delay:
            time.sleep(reply.carriage.delay)
        return _carried(reply)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        # In another thread: however long an engine takes, the event loop keeps its deadlines.
        reply = await asyncio.to_thread(self._reply, request, await request.aread())
        await asyncio.sleep(reply.carriage.delay)
        return _carried(reply)

    def _reply(self, request: httpx.Request, body: bytes) -> Reply:
        pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw]
        path = request.url.raw_path.decode("ascii")
        try:
            return self._handler.handle(Request(request.method, path, joined_headers(pairs), body))
        except (InworldEmbeddingsError, MemoryError):
            raise
        except Exception as error:
            raise ConfigurationError(f"The emulator or its engine raised {type(error).__name__}.") from error


def _carried(reply: Reply) -> httpx.Response:
    """The response as it arrives.

    Raises:
        httpx.TransportError: it does not: what a socket would have raised.
    """
    carriage = reply.carriage
    headers = [*reply.headers, ("content-length", str(len(reply.body)))]
    match carriage.end:
        case None:
            return httpx.Response(reply.status, headers=headers, content=reply.body)
        case "start":
            raise _broken(carriage, "Server disconnected without sending a response.")
        case "head":
            raise _broken(carriage, "peer closed connection before the end of its head")
        case cut:
            told = f"body (received {cut} bytes, expected {len(reply.body)})"
            error = _broken(carriage, f"peer closed connection without sending complete message {told}")
            return httpx.Response(reply.status, headers=headers, stream=_CutStream(reply.body[:cut], error))


def _broken(carriage: Carriage, text: str) -> httpx.TransportError:
    return httpx.ReadError("Connection reset by peer") if carriage.reset else httpx.RemoteProtocolError(text)


class _CutStream(httpx.SyncByteStream, httpx.AsyncByteStream):
    """The beginning of a body, and then the end of the connection."""

    def __init__(self, part: bytes, error: httpx.TransportError) -> None:
        self._part, self._error = part, error

    def __iter__(self) -> Iterator[bytes]:
        yield self._part
        raise self._error

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._part
        raise self._error
