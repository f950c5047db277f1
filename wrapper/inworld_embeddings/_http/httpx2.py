"""Objects of httpx2 where httpx's are expected: its classes have the same names and signatures, and all are distinct.

httpx2 is never imported here: who gives an object of it has imported it.
"""

import sys
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, TypeAlias

import httpx

from .._error_mapping import as_httpx

Send: TypeAlias = Callable[[httpx.Request], Awaitable[httpx.Response]]


def is_httpx2(value: object, name: str) -> bool:
    """Whether a value is of httpx2's class of that name."""
    library = sys.modules.get("httpx2")
    return library is not None and isinstance(value, getattr(library, name))


def sending(send: Callable[[Any], Awaitable[Any]]) -> Send:
    """What sends requests of httpx2, for those of httpx."""

    async def send_httpx(request: httpx.Request) -> httpx.Response:
        response = await send(await _request(sys.modules["httpx2"], request))
        headers, stream = response.headers.raw, _Stream(response.stream)
        return httpx.Response(response.status_code, headers=headers, stream=stream)

    return send_httpx


class Httpx2Auth(httpx.Auth):
    """An auth flow of httpx2, for requests of httpx."""

    def __init__(self, auth: Any) -> None:
        self._auth = auth

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        library: Any = sys.modules["httpx2"]
        async with aclosing(self._auth.async_auth_flow(await _request(library, request))) as flow:
            signed = await anext(flow)
            while True:
                response = yield await _request(httpx, signed)
                headers, content = response.headers.raw, response.content
                answer = library.Response(
                    response.status_code, headers=headers, content=content, request=signed
                )
                try:
                    signed = await flow.asend(answer)
                except StopAsyncIteration:
                    return


async def _request(library: Any, request: Any) -> Any:
    """A request of either library as one of that library."""
    return library.Request(
        request.method,
        str(request.url),
        headers=request.headers.raw,
        content=await request.aread(),
        extensions=request.extensions,
    )


class _Stream(httpx.AsyncByteStream):
    """The body of a response of httpx2; what breaks it off is raised as httpx's."""

    def __init__(self, stream: Any) -> None:
        if not isinstance(stream, sys.modules["httpx2"].AsyncByteStream):
            raise TypeError("the transport must be asynchronous")
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._stream:
                yield chunk
        except Exception as error:  # noqa: BLE001 - raised again
            known = as_httpx(error)
            raise known from known.__cause__

    async def aclose(self) -> None:
        await self._stream.aclose()
