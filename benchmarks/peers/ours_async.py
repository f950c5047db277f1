"""This package's asynchronous client, on one event loop."""

from typing import Any

from . import KEY, Settings
from .fan import Tasks
from .ours import options

START = f'from inworld_embeddings import AsyncEmbeddingClient\nAsyncEmbeddingClient(api_key="{KEY}", base_url="{{url}}")'


class OursAsync(Tasks):
    """Async; the concurrency is its own."""

    def __init__(self, settings: Settings) -> None:
        from inworld_embeddings import AsyncEmbeddingClient

        super().__init__(settings)
        self._client = AsyncEmbeddingClient(**options(settings))

    async def send(self, texts: list[str]) -> Any:
        return await self._client.embed(texts[0])

    def array(self, texts: list[str]) -> Any:
        return self.run(self._client.embed(texts)).vectors

    def lists(self, texts: list[str]) -> list[list[float]]:
        return self.run(self._client.embed(texts)).tolist()

    def close(self) -> None:
        self.run(self._client.close())
        super().close()


def make(settings: Settings) -> OursAsync:
    return OursAsync(settings)
