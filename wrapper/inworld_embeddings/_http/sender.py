"""Sends what the generated endpoint asks for: the part of httpx.AsyncClient that it uses, and no more.

One origin, no cookies, no redirects, no environment, whole answers only. httpx's own client does all of that anew for
each request, which costs more than the request itself (docs/performance.md). Requests, answers, auth flows and
transports are httpx's.
"""

from collections.abc import Mapping
from typing import Any

import httpx
import msgspec

_encode = msgspec.json.Encoder().encode

STEP_TIMEOUT = 60.0
"""Seconds for each step of a request, for a transport of the user's. The engine's own deadlines are tighter."""


class Sender:
    """Stands in for an ``httpx.AsyncClient`` of one base URL.

    Args:
        base_url: Origin and base path.
        auth: Signs each request.
        transport: Carries the bytes; its answers must be whole. Owned by the sender from here on.
        headers: Go with every request.
        connect_timeout: Seconds for a connection to be made.
    """

    def __init__(
        self,
        base_url: httpx.URL,
        *,
        auth: httpx.Auth,
        transport: httpx.AsyncBaseTransport,
        headers: Mapping[str, str],
        connect_timeout: float,
    ) -> None:
        self._base_url, self._auth, self._transport = base_url, auth, transport
        self._headers = {"host": base_url.netloc.decode("ascii"), **headers}
        self._timeout = httpx.Timeout(STEP_TIMEOUT, connect=connect_timeout, pool=None).as_dict()
        self._known: dict[tuple[str, ...], tuple[httpx.URL, httpx.Headers]] = {}

    async def request(
        self,
        method: str,
        url: str,
        *,
        json: Any,
        headers: Mapping[str, str],
        params: Mapping[str, Any] | None = None,
    ) -> httpx.Response:
        """The answer to a request with a JSON body, through the auth flow."""
        endpoint = url, *headers, *headers.values()
        full_url, all_headers = self._known.get(endpoint) or self._learn(endpoint, url, headers)
        if params:
            full_url = full_url.copy_merge_params(params)
        body = _encode(json)
        # With content=, httpx works the headers out once more.
        request = httpx.Request(
            method,
            full_url,
            headers=all_headers,
            stream=httpx.ByteStream(body),
            extensions={"timeout": self._timeout},
        )
        request.headers["content-length"] = str(len(body))
        request.read()
        flow = self._auth.async_auth_flow(request)
        try:
            request = await anext(flow)
            while True:
                response = await self._transport.handle_async_request(request)
                response.request = request
                try:
                    request = await flow.asend(response)
                except StopAsyncIteration:
                    return response
        finally:
            await flow.aclose()

    def _learn(
        self, endpoint: tuple[str, ...], url: str, headers: Mapping[str, str]
    ) -> tuple[httpx.URL, httpx.Headers]:
        """What all requests to an endpoint have in common. There are few endpoints, and each has its own headers."""
        path = self._base_url.raw_path.rstrip(b"/") + url.encode()
        made = self._base_url.copy_with(raw_path=path), httpx.Headers({**self._headers, **headers})
        return self._known.setdefault(endpoint, made)

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._transport.aclose()
