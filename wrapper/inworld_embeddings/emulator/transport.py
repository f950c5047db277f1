"""Local mode's wire: an httpx transport, sync and async in one, that asks the emulator inside this process."""

import httpx

from .handle import Emulator
from .messages import Handler, Request, joined_headers

INLINE_BYTES = 16 * 1024
"""Async requests with larger bodies are answered in a worker thread, so that the event loop keeps its deadlines."""


class LocalTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Answers with the bytes the server would send. Closing it does nothing: there is nothing to close.

    Args:
        handler: Answers the requests; by default a new `Emulator`.
    """

    def __init__(self, handler: Handler | None = None) -> None:
        self._handler = handler or Emulator()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._answer(request, request.read())

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = await request.aread()
        if len(body) <= INLINE_BYTES:
            return self._answer(request, body)
        from anyio import to_thread  # noqa: PLC0415 - comes with httpx, needed here only

        return await to_thread.run_sync(self._answer, request, body, abandon_on_cancel=True)

    def _answer(self, request: httpx.Request, body: bytes) -> httpx.Response:
        pairs = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw]
        path = request.url.raw_path.decode("ascii")
        reply = self._handler.handle(Request(request.method, path, joined_headers(pairs), body))
        headers = [*reply.headers, ("content-length", str(len(reply.body)))]
        return httpx.Response(reply.status, headers=headers, content=reply.body)
