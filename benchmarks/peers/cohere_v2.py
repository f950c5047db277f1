"""cohere's second client, with floats or base64."""

from typing import Any

from . import KEY, Settings
from .fan import Threads
from .limits import http_client
from .openai_sync import from_base64

START = f'import cohere\ncohere.ClientV2(api_key="{KEY}", base_url="{{url}}")'


class Cohere(Threads):
    """With an httpx client of as many connections as there are requests at once."""

    def __init__(self, settings: Settings, encoding: str) -> None:
        import cohere
        import httpx

        super().__init__(settings)
        self._model, self._encoding = settings.model, encoding
        self._client = cohere.ClientV2(
            api_key=KEY, base_url=settings.url, httpx_client=http_client(settings, httpx)
        )

    def send(self, texts: list[str]) -> Any:
        answer = self._client.embed(
            model=self._model, texts=texts, input_type="search_document", embedding_types=[self._encoding]
        )
        found = answer.embeddings
        return from_base64(found.base64 or []) if self._encoding == "base64" else found.float_

    def send_lists(self, texts: list[str]) -> list[list[float]]:
        rows = self.send(texts)
        return [row.tolist() for row in rows] if self._encoding == "base64" else rows


def make(settings: Settings, *, encoding: str) -> Cohere:
    return Cohere(settings, encoding)
