"""Haystack: `InworldTextEmbedder` and `InworldDocumentEmbedder`. ``pip install inworld-embeddings[haystack]``.

`Pipeline.loads` wants this module allowed: ``allowed_modules=["inworld_embeddings.integrations.haystack"]``.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from haystack import Document, component, default_to_dict
from haystack.utils import Secret

from ..models import DEFAULT_MODEL
from ._clients import Clients

FROM_ENVIRONMENT = Secret.from_env_var("INWORLD_API_KEY", strict=False)


class _Embedder:
    """What both components share. They are stored without a key, and ask for it when the first text is embedded."""

    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        api_key: Secret = FROM_ENVIRONMENT,
        base_url: str | None = None,
        *,
        local: bool = False,
        **options: Any,
    ) -> None:
        self.model, self.api_key, self.base_url, self.local = model, api_key, base_url, local
        self.options = options
        self._clients: Clients | None = None

    def warm_up(self) -> Clients:
        """Resolves the key; `run` does it by itself."""
        if self._clients is None:
            key = None if self.local else self.api_key.resolve_value()
            self._clients = Clients(self.model, key, self.base_url, local=self.local, **self.options)
        return self._clients

    def to_dict(self) -> dict[str, Any]:
        """What a stored pipeline holds: of the key only where it is."""
        own = {"model": self.model, "api_key": self.api_key, "base_url": self.base_url, "local": self.local}
        stored: dict[str, Any] = default_to_dict(self, **own, **self.options)
        return stored

    def close(self) -> None:
        """Ends the connections; the next text makes new ones."""
        if self._clients is not None:
            self._clients.close()

    async def close_async(self) -> None:
        """The same, awaited."""
        if self._clients is not None:
            await self._clients.aclose()

    def _meta(self) -> dict[str, Any]:
        return {"model": self.model}


@component
class InworldTextEmbedder(_Embedder):
    """Embeds a text, such as a query.

    Args:
        model: Model name, see `models.MODELS`.
        api_key: A `Secret`. Default: ``INWORLD_API_KEY``.
        base_url: Where the API is.
        local: Local mode: no key, no network.
        **options: See `CallOptions`.
    """

    @component.output_types(embedding=list[float], meta=dict[str, Any])
    def run(self, text: str) -> dict[str, Any]:
        """The vector of a text."""
        return {"embedding": self.warm_up().embed([text])[0], "meta": self._meta()}

    @component.output_types(embedding=list[float], meta=dict[str, Any])
    async def run_async(self, text: str) -> dict[str, Any]:
        """As `run`."""
        return {"embedding": (await self.warm_up().aembed([text]))[0], "meta": self._meta()}


@component
class InworldDocumentEmbedder(_Embedder):
    """Embeds documents. A document without text is an empty one.

    Args:
        model: Model name, see `models.MODELS`.
        api_key: A `Secret`. Default: ``INWORLD_API_KEY``.
        base_url: Where the API is.
        local: Local mode: no key, no network.
        meta_fields_to_embed: Fields of a document's ``meta`` that stand before its text.
        embedding_separator: What stands between them.
        **options: See `CallOptions`.
    """

    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        api_key: Secret = FROM_ENVIRONMENT,
        base_url: str | None = None,
        *,
        local: bool = False,
        meta_fields_to_embed: Sequence[str] = (),
        embedding_separator: str = "\n",
        **options: Any,
    ) -> None:
        # Not super(): the decorator puts another class in the place of this one.
        _Embedder.__init__(self, model, api_key, base_url, local=local, **options)
        self.meta_fields_to_embed, self.embedding_separator = list(meta_fields_to_embed), embedding_separator

    def to_dict(self) -> dict[str, Any]:
        """What a stored pipeline holds."""
        stored = _Embedder.to_dict(self)
        for name in ("meta_fields_to_embed", "embedding_separator"):
            stored["init_parameters"][name] = getattr(self, name)
        return stored

    @component.output_types(documents=list[Document], meta=dict[str, Any])
    def run(self, documents: list[Document]) -> dict[str, Any]:
        """Copies of the documents, with their vectors, in order."""
        return self._embedded(documents, self.warm_up().embed(map(self._text, documents)))

    @component.output_types(documents=list[Document], meta=dict[str, Any])
    async def run_async(self, documents: list[Document]) -> dict[str, Any]:
        """As `run`."""
        return self._embedded(documents, await self.warm_up().aembed(map(self._text, documents)))

    def _text(self, document: Document) -> str:
        fields = (document.meta.get(name) for name in self.meta_fields_to_embed)
        parts = [str(value) for value in fields if value is not None]
        return self.embedding_separator.join([*parts, document.content or ""])

    def _embedded(self, documents: list[Document], vectors: list[list[float]]) -> dict[str, Any]:
        pairs = zip(documents, vectors, strict=True)
        return {"documents": [replace(one, embedding=vector) for one, vector in pairs], "meta": self._meta()}
