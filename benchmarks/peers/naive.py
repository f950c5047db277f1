"""The baseline: what one writes in ten minutes with httpx and the standard library's json."""

import json
from typing import Any

import httpx

from . import KEY, Settings
from .fan import Threads
from .limits import http_client

START = "import httpx\nhttpx.Client()"


class Naive(Threads):
    """With an httpx client of as many connections as there are requests at once."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._url = f"{settings.url}/ml/v1alpha/embedding:embed"
        self._model = {"model": settings.model, "serviceProvider": "SERVICE_PROVIDER_INWORLD"}
        self._client = http_client(settings, httpx)

    def send(self, texts: list[str]) -> Any:
        asked = json.dumps({"inputs": [{"text": text} for text in texts], "model": self._model})
        headers = {"Authorization": f"Basic {KEY}", "Content-Type": "application/json"}
        answer = self._client.post(self._url, content=asked, headers=headers)
        return [item["values"] for item in json.loads(answer.content)["embeddings"]]


def make(settings: Settings) -> Naive:
    return Naive(settings)
