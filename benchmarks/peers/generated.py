"""The generated client of this project on its own."""

from typing import Any

import httpx

from . import KEY, Settings
from .fan import Threads

START = f'from inworld_embeddings_client import AuthenticatedClient\nAuthenticatedClient(token="{KEY}", base_url="{{url}}")'


class Generated(Threads):
    """With a pool of as many connections as there are requests at once."""

    def __init__(self, settings: Settings) -> None:
        from inworld_embeddings_client import AuthenticatedClient

        super().__init__(settings)
        self._model = settings.model
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=settings.concurrency)
        self._client = AuthenticatedClient(token=KEY, base_url=settings.url, httpx_args={"limits": limits})

    def send(self, texts: list[str]) -> Any:
        from inworld_embeddings_client import EmbedRequest, EmbedRequestInput, ModelId, ServiceProvider, embed

        asked = EmbedRequest(
            inputs=[EmbedRequestInput(text=text) for text in texts],
            model=ModelId(model=self._model, service_provider=ServiceProvider.SERVICE_PROVIDER_INWORLD),
        )
        answer: Any = embed.sync(client=self._client, body=asked)
        return [item.values for item in answer.embeddings]


def make(settings: Settings) -> Generated:
    return Generated(settings)
