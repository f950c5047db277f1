"""LlamaIndex: `InworldEmbedding`, for indexes and ingestion. ``pip install inworld-embeddings[llama-index]``."""

from typing import Any

from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.bridge.pydantic import ConfigDict, Field, PrivateAttr

from .._redaction import arguments_hidden
from ..models import DEFAULT_MODEL
from ..options import KeyProvider
from ._clients import Clients


class InworldEmbedding(BaseEmbedding):
    """LlamaIndex's `BaseEmbedding` over the clients of this package.

    `to_dict`, `from_dict` and pickles hold all but the key.

    Args:
        model: Model name, see `models.MODELS`; LlamaIndex's ``model_name`` is the same.
        api_key: The portal's base64 value, or a callable. None: ``INWORLD_API_KEY``, asked when the first text is
            embedded.
        base_url: Where the API is.
        local: Local mode: no key, no network.
        **fields: LlamaIndex's own, and options as in `CallOptions`.

    Raises:
        ConfigurationError: settings that cannot work.
    """

    model_config = ConfigDict(extra="allow")

    base_url: str | None = None
    local: bool = False
    embed_batch_size: int = Field(
        default=2048, description="Most texts in one call; the client cuts it into requests."
    )
    _clients: Clients = PrivateAttr()

    @arguments_hidden
    def __init__(
        self,
        model: str | None = None,
        api_key: str | KeyProvider | None = None,
        base_url: str | None = None,
        *,
        local: bool = False,
        **fields: Any,
    ) -> None:
        name = model or fields.pop("model_name", DEFAULT_MODEL)
        super().__init__(model_name=name, base_url=base_url, local=local, **fields)
        options: dict[str, Any] = self.model_extra or {}
        self._clients = Clients(name, api_key, base_url, local=local, **options)

    @classmethod
    def class_name(cls) -> str:
        """The name in stored configurations."""
        return "InworldEmbedding"

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # makes it anew
        self._clients = state["__pydantic_private__"]["_clients"]  # which knows whose key it was

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return self._clients.embed(texts)

    async def _aget_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return await self._clients.aembed(texts)

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._clients.embed([text])[0]

    async def _aget_text_embedding(self, text: str) -> list[float]:
        return (await self._clients.aembed([text]))[0]

    _get_query_embedding = _get_text_embedding
    _aget_query_embedding = _aget_text_embedding
