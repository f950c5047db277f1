"""pinecone's inference client: msgspec over httpx."""

from typing import Any

from . import KEY, Settings
from .fan import Threads

START = f'from pinecone import Pinecone\nPinecone(api_key="{KEY}", host="{{url}}")'


class PineconeInference(Threads):
    """It keeps half of its pool alive, so the pool is twice as many as there are requests at once."""

    def __init__(self, settings: Settings) -> None:
        from pinecone import Pinecone

        super().__init__(settings)
        self._model = settings.model
        client = Pinecone(api_key=KEY, host=settings.url, connection_pool_maxsize=2 * settings.concurrency)
        self._inference = client.inference

    def send(self, texts: list[str]) -> Any:
        return [item.values for item in self._inference.embed(model=self._model, inputs=texts).data]


def make(settings: Settings) -> PineconeInference:
    return PineconeInference(settings)
