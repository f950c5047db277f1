"""voyageai: requests, one session for each thread, base64 made into lists."""

from typing import Any

from . import KEY, Settings
from .fan import Threads

START = f'import voyageai\nvoyageai.Client(api_key="{KEY}", base_url="{{url}}/v1")'


class Voyage(Threads):
    """Sync, in threads."""

    def __init__(self, settings: Settings) -> None:
        from voyageai.client import Client

        super().__init__(settings)
        self._model = settings.model
        self._client = Client(api_key=KEY, base_url=f"{settings.url}/v1")

    def send(self, texts: list[str]) -> Any:
        return self._client.embed(texts, model=self._model, input_type="document").embeddings


def make(settings: Settings) -> Voyage:
    return Voyage(settings)
