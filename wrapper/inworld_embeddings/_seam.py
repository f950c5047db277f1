"""The one module that names the generated client. Vendoring rewrites the imports here and nowhere else.

Why a hand-written layer exists at all, above a generated client that is right on its own:

1. Batches: the API takes a list, and says nothing of its limits. Someone has to cut, send and put back in order.
2. Order and count are the only link between texts and vectors, so both are checked, every time.
3. Retries need to know what may be repeated, what must be split, and when to stop.
4. JSON floats are slow to decode one by one; vectors go straight into an array.
5. A deadline, a limit on memory, and errors that say what to do.

Every request still goes through the generated endpoint: path, method, headers and request model are its own.
"""

import httpx

from inworld_embeddings_client import Client, EmbedRequest, EmbedRequestInput, ModelId, ServiceProvider, embed

from ._core.reply import Reply


class Wire:
    """The generated client, bound to one event loop.

    Args:
        base_url: Origin and base path.
        http_client: Carries the bytes; owned by the wire from here on.
    """

    def __init__(self, base_url: str, http_client: httpx.AsyncClient) -> None:
        self._http_client = http_client
        self._client = Client(base_url=base_url).set_async_httpx_client(http_client)

    async def send(self, texts: tuple[str, ...], model: str, service_provider: str) -> Reply:
        """One request, one complete answer of any status."""
        body = EmbedRequest(
            inputs=[EmbedRequestInput(text=text) for text in texts],
            model=ModelId(model=model, service_provider=ServiceProvider(service_provider)),
        )
        response = await embed.asyncio_raw(client=self._client, body=body)
        headers = tuple((name.lower(), value) for name, value in response.headers.multi_items())
        return Reply(response.status_code, headers, response.content)

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._http_client.aclose()
