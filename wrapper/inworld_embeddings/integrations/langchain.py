"""LangChain: `InworldEmbeddings`, for vector stores and retrievers. ``pip install inworld-embeddings[langchain]``."""

from typing import Any

from langchain_core.embeddings import Embeddings

from .._redaction import arguments_hidden
from ..models import DEFAULT_MODEL
from ..options import KeyProvider
from ._clients import Clients


class InworldEmbeddings(Embeddings):
    """LangChain's `Embeddings` over the clients of this package.

    Args:
        model: Model name, see `models.MODELS`.
        api_key: The portal's base64 value, or a callable. None: ``INWORLD_API_KEY``.
        base_url: Where the API is.
        local: Local mode: no key, no network.
        **options: See `ClientOptions`.

    Attributes:
        model: The model.
        base_url: Where requests go.

    Raises:
        ConfigurationError: settings that cannot work.
    """

    @arguments_hidden
    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        api_key: str | KeyProvider | None = None,
        base_url: str | None = None,
        *,
        local: bool = False,
        **options: Any,
    ) -> None:
        self._clients = Clients(model, api_key, base_url, local=local, **options)
        self.model, self.base_url = model, self._clients.address

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """A vector for each text, in order."""
        return self._clients.embed(texts)

    def embed_query(self, text: str) -> list[float]:
        """The vector of a text."""
        return self._clients.embed([text])[0]

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        """As `embed_documents`."""
        return await self._clients.aembed(texts)

    async def aembed_query(self, text: str) -> list[float]:
        """As `embed_query`."""
        return (await self._clients.aembed([text]))[0]

    def __repr__(self) -> str:
        return f"InworldEmbeddings(model={self.model!r}, base_url={self.base_url!r})"
