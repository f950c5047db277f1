"""Chroma: `InworldEmbeddingFunction`, for collections. ``pip install inworld-embeddings[chroma]``.

A process that opens a collection made with it imports this module first, which registers it under the name "inworld".
"""

import os
from typing import Any

from chromadb.api.types import Documents, EmbeddingFunction, Embeddings, Space
from chromadb.utils.embedding_functions import register_embedding_function

from .._redaction import arguments_hidden
from ..errors import ConfigurationError
from ..models import DEFAULT_MODEL
from ..options import KeyProvider
from ._clients import Clients

ENV_VAR = "INWORLD_API_KEY"


@register_embedding_function
class InworldEmbeddingFunction(EmbeddingFunction[Documents]):
    """Chroma's `EmbeddingFunction` over the clients of this package.

    A collection stores its configuration without the key, which is asked for when the first text is embedded.

    Args:
        model: Model name, see `models.MODELS`.
        api_key: The portal's base64 value, or a callable; for this process only.
        base_url: Where the API is.
        api_key_env_var: Name of the environment variable that holds the key. Stored.
        local: Local mode: no key, no network.
        **options: See `CallOptions`. Stored.
    """

    @arguments_hidden
    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        api_key: str | KeyProvider | None = None,
        base_url: str | None = None,
        *,
        api_key_env_var: str = ENV_VAR,
        local: bool = False,
        **options: Any,
    ) -> None:
        self.api_key_env_var = api_key_env_var
        if api_key is None and api_key_env_var != ENV_VAR and not local:
            api_key = self._from_environment
        self._clients = Clients(model, api_key, base_url, local=local, **options)

    def __call__(self, input: Documents) -> Embeddings:  # noqa: A002 - Chroma's name
        return list(self._clients.sync.embed(list(input)).vectors)

    @staticmethod
    def name() -> str:
        """The name in stored configurations."""
        return "inworld"

    def default_space(self) -> Space:
        """Cosine: the models' vectors need not have length 1."""
        return "cosine"

    def get_config(self) -> dict[str, Any]:
        """What a collection stores."""
        return {**self._clients.stored(), "api_key_env_var": self.api_key_env_var}

    @staticmethod
    def build_from_config(config: dict[str, Any]) -> "InworldEmbeddingFunction":
        """The function of a stored collection."""
        return InworldEmbeddingFunction(**config)

    def validate_config_update(self, old_config: dict[str, Any], new_config: dict[str, Any]) -> None:
        """Refuses another model, whose vectors would not fit the collection's."""
        for name in ("model", "local"):
            if old_config.get(name) != new_config.get(name):
                raise ValueError(
                    f"The {name} of a collection cannot change: its vectors live in another space."
                )

    def _from_environment(self) -> str:
        if not (key := os.environ.get(self.api_key_env_var)):
            raise ConfigurationError(f"No API key: set {self.api_key_env_var}.")
        return key
