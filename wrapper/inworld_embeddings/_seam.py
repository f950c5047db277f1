"""The one module that names the generated client. Vendoring rewrites the imports here and nowhere else.

Why a hand-written layer exists at all, above a generated client that is right on its own:

1. Batches: the API takes a list, and says nothing of its limits. Someone has to cut, send and put back in order.
2. Order and count are the only link between texts and vectors, so both are checked, every time.
3. Retries need to know what may be repeated, what must be split, and when to stop.
4. JSON floats are slow to decode one by one; vectors go straight into an array.
5. A deadline, a limit on memory, and errors that say what to do.

Every request still goes through the generated endpoint: path, method, headers and request model are its own.
"""

from importlib.resources import files
from typing import TYPE_CHECKING, Any, cast

import msgspec

from inworld_embeddings_client import Client, EmbedRequest, EmbedRequestInput, ModelId, ServiceProvider, embed

from ._core.reply import Reply
from ._http.sender import Sender

if TYPE_CHECKING:
    import httpx

    from ._http.whole import Whole


class _Encoded(EmbedRequestInput):
    """All inputs of a request in one: they were encoded when the request was planned."""

    def to_dict(self) -> Any:
        return msgspec.Raw(self.text)


def provenance() -> dict[str, Any]:
    """Where the generated client came from: ``sha256`` of its inputs, ``tools`` with their versions."""
    package = Client.__module__.rpartition(".")[0]
    found: dict[str, Any] = msgspec.json.decode(files(package).joinpath("provenance.json").read_bytes())
    return found


class Wire:
    """The generated client, bound to one event loop.

    Args:
        sender: Sends what the generated endpoint asks for; owned by the wire from here on.
    """

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._client = Client(base_url="").set_async_httpx_client(cast("httpx.AsyncClient", sender))

    async def send(self, inputs: bytes, model: str, service_provider: str) -> Reply:
        """One request, one complete answer of any status.

        Args:
            inputs: As `_core.encode.encode_inputs` makes them.
            model: Its exact name.
            service_provider: As the service names it.
        """
        body = EmbedRequest(
            inputs=[_Encoded(inputs)],  # type: ignore[arg-type]
            model=ModelId(model=model, service_provider=ServiceProvider(service_provider)),
        )
        response = await embed.asyncio_raw(client=self._client, body=body)
        headers = tuple(
            (name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in response.headers.raw
        )
        return Reply(response.status_code, headers, cast("Whole", response.stream).body)

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._sender.aclose()
