"""openai's synchronous client. Unless told otherwise it asks for base64 and makes lists of it."""

from typing import Any

import numpy as np

from . import KEY, Settings
from .fan import Threads

START = f'from openai import OpenAI\nOpenAI(api_key="{KEY}", base_url="{{url}}/v1")'


class OpenAISync(Threads):
    """``encoding`` None: its default. "base64" hands out the string, which is decoded here."""

    def __init__(self, settings: Settings, encoding: str | None) -> None:
        from openai import OpenAI

        super().__init__(settings)
        self._client = OpenAI(api_key=KEY, base_url=f"{settings.url}/v1")
        self._options: dict[str, Any] = {"encoding_format": encoding} if encoding else {}
        self._options["model"] = settings.model
        self._by_hand = encoding == "base64"

    def send(self, texts: list[str]) -> Any:
        answer = self._client.embeddings.create(input=texts, **self._options)
        rows = [item.embedding for item in answer.data]
        return from_base64(rows) if self._by_hand else rows

    def send_lists(self, texts: list[str]) -> list[list[float]]:
        rows = self.send(texts)
        return [row.tolist() for row in rows] if self._by_hand else rows


def from_base64(rows: list[Any]) -> Any:
    """Base64 rows as a list of arrays over their bytes."""
    import binascii

    return [np.frombuffer(binascii.a2b_base64(row), dtype=np.float32) for row in rows]


def make(settings: Settings, *, encoding: str | None) -> OpenAISync:
    return OpenAISync(settings, encoding)
