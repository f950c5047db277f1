"""The plug-in of `llm`, the command: its models ``inworld`` and ``inworld-local``. ``pip install inworld-embeddings[llm]``.

`llm` finds it by itself. The key is ``llm keys set inworld``, or ``INWORLD_API_KEY``.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import llm

from ..models import DEFAULT_MODEL, MODELS
from ._clients import Clients


class InworldEmbeddingModel(llm.EmbeddingModel):
    """A model of the service, or the stand-in for it, which needs no key. A collection remembers which it was.

    Args:
        model_id: Name in `llm`.
        model: Model name, see `models.MODELS`.
        local: Local mode.
    """

    key_env_var = "INWORLD_API_KEY"
    batch_size = 512

    def __init__(self, model_id: str, model: str = DEFAULT_MODEL, *, local: bool = False) -> None:
        self.model_id, self._model, self._local = model_id, model, local
        self.needs_key = None if local else "inworld"
        self._clients: Clients | None = None
        self._key = hash(None)

    def embed_batch(self, items: Iterable[str | bytes], *, key: str | None = None) -> Iterator[list[float]]:
        """A vector for each text."""
        if self._clients is None or self._key != hash(key):
            self._clients, self._key = Clients(self._model, key, local=self._local), hash(key)
        return iter(self._clients.embed(str(item) for item in items))


@llm.hookimpl  # type: ignore[untyped-decorator]
def register_embedding_models(register: Callable[..., Any]) -> None:
    """Registers each model as ``inworld/NAME``, the default one also as ``inworld``, and local mode."""
    for model in MODELS:
        aliases = ("inworld",) if model == DEFAULT_MODEL else ()
        register(InworldEmbeddingModel(f"inworld/{model}", model), aliases=aliases)
    register(InworldEmbeddingModel("inworld-local", local=True))
