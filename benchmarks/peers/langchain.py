"""langchain-openai, without the tokenizer it would download: its documented setting for other providers."""

from typing import Any

from . import KEY, Settings
from .fan import Threads

_OPTIONS = f'api_key="{KEY}", base_url="{{url}}/v1", model="loopback-768", check_embedding_ctx_length=False'
START = f"from langchain_openai import OpenAIEmbeddings\nOpenAIEmbeddings({_OPTIONS})"


class LangChain(Threads):
    """Its batches go one after another, so each goes from a thread of ours."""

    def __init__(self, settings: Settings) -> None:
        from langchain_openai import OpenAIEmbeddings
        from pydantic import SecretStr

        super().__init__(settings)
        self._client = OpenAIEmbeddings(
            api_key=SecretStr(KEY),
            base_url=f"{settings.url}/v1",
            model=settings.model,
            chunk_size=settings.batch,
            check_embedding_ctx_length=False,
        )

    def send(self, texts: list[str]) -> Any:
        return self._client.embed_documents(texts)


def make(settings: Settings) -> LangChain:
    return LangChain(settings)
