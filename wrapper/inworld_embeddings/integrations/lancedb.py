"""LanceDB: `InworldEmbeddings`, for tables with a source column. ``pip install inworld-embeddings[lancedb]``.

A process that opens a table made with it imports this module first, which registers it under the name "inworld".
"""

import functools
import json
from typing import Any

from lancedb.embeddings import TextEmbeddingFunction, register
from pydantic import ConfigDict, PrivateAttr, SecretStr

from ..models import DEFAULT_MODEL, MODELS
from ._clients import Clients


@register("inworld")
class InworldEmbeddings(TextEmbeddingFunction):
    """LanceDB's `TextEmbeddingFunction` over the clients of this package. A null text has no vector.

    ``InworldEmbeddings.create(...)`` makes one; it takes `CallOptions` as well, and a table stores them.

    Attributes:
        model: Model name, see `models.MODELS`.
        api_key: Where the key is, such as ``$var:inworld``, set by `EmbeddingFunctionRegistry.set_var`. None:
            ``INWORLD_API_KEY``, asked when the first text is embedded.
        base_url: Where the API is.
        local: Local mode: no key, no network.
        max_retries: The client's, see `CallOptions`; LanceDB repeats nothing.
    """

    model_config = ConfigDict(extra="allow")

    model: str = DEFAULT_MODEL
    api_key: SecretStr | None = None
    base_url: str | None = None
    local: bool = False
    max_retries: int = 2
    _clients: Clients = PrivateAttr()

    def model_post_init(self, context: Any, /) -> None:  # noqa: ARG002 - pydantic's
        """Hands the key on."""
        stored = json.dumps(self.model_dump(exclude={"api_key"}), sort_keys=True)
        self._clients, self.api_key = _shared(stored, self.api_key), None

    @staticmethod
    def sensitive_keys() -> list[str]:
        """What must not be stored as it is."""
        return ["api_key"]

    def ndims(self) -> int:
        """Length of the vectors; of an unknown model a request tells it."""
        return _dimension(self._clients)

    def generate_embeddings(self, texts: Any, *_: Any, **__: Any) -> list[Any]:
        """A float32 array for each text, None for a null."""
        vectors = iter(self._clients.sync.embed([text for text in texts if text is not None]).vectors)
        return [None if text is None else next(vectors) for text in texts]

    def compute_query_embeddings_with_retry(self, *args: Any, **kwargs: Any) -> list[Any]:
        """Once: the client retries. LanceDB would hide its errors behind one of its own."""
        vectors: list[Any] = self.compute_query_embeddings(*args, **kwargs)
        return vectors

    def compute_source_embeddings_with_retry(self, *args: Any, **kwargs: Any) -> list[Any]:
        """As `compute_query_embeddings_with_retry`."""
        vectors: list[Any] = self.compute_source_embeddings(*args, **kwargs)
        return vectors


@functools.lru_cache(maxsize=16)
def _shared(stored: str, key: SecretStr | None) -> Clients:
    """LanceDB makes a function anew for each table, and for each `add`: those that are alike share their clients."""
    return Clients(api_key=key.get_secret_value() if key else None, **json.loads(stored))


@functools.lru_cache(maxsize=16)
def _dimension(clients: Clients) -> int:
    known = None if clients.local else MODELS.get(clients.model)
    return known.dimension if known else len(clients.embed(["dimension"])[0])
