"""mistralai: floats only; its answer model takes no base64."""

from typing import Any

from . import KEY, Settings
from .fan import Threads
from .limits import http_client

START = f'from mistralai.client import Mistral\nMistral(api_key="{KEY}", server_url="{{url}}")'


class MistralAI(Threads):
    """With an httpx2 client of as many connections as there are requests at once."""

    def __init__(self, settings: Settings) -> None:
        import httpx2
        from mistralai.client import Mistral

        super().__init__(settings)
        self._model = settings.model
        self._client = Mistral(api_key=KEY, server_url=settings.url, client=http_client(settings, httpx2))

    def send(self, texts: list[str]) -> Any:
        return [
            item.embedding for item in self._client.embeddings.create(model=self._model, inputs=texts).data
        ]


def make(settings: Settings) -> MistralAI:
    return MistralAI(settings)
