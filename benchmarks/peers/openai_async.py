"""openai's asynchronous client over aiohttp, which its documentation recommends for concurrency."""

from typing import Any

from . import KEY, Settings
from .fan import Tasks

START = (
    "from openai import AsyncOpenAI, DefaultAioHttpClient\n"
    f'AsyncOpenAI(api_key="{KEY}", base_url="{{url}}/v1", http_client=DefaultAioHttpClient())'
)


class OpenAIAsync(Tasks):
    """``encoding`` None: its default, base64 made into lists."""

    def __init__(self, settings: Settings, encoding: str | None) -> None:
        super().__init__(settings)
        self._options: dict[str, Any] = {"encoding_format": encoding} if encoding else {}
        self._options["model"] = settings.model
        self._client = self.run(self._made(settings.url))

    @staticmethod
    async def _made(url: str) -> Any:
        from openai import AsyncOpenAI, DefaultAioHttpClient

        return AsyncOpenAI(api_key=KEY, base_url=f"{url}/v1", http_client=DefaultAioHttpClient())

    async def send(self, texts: list[str]) -> Any:
        answer = await self._client.embeddings.create(input=texts, **self._options)
        return [item.embedding for item in answer.data]

    def close(self) -> None:
        self.run(self._client.close())
        super().close()


def make(settings: Settings, *, encoding: str | None) -> OpenAIAsync:
    return OpenAIAsync(settings, encoding)
