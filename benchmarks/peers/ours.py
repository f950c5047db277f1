"""This package's synchronous client; with ``plain``, as where the fast decoder has no wheel."""

from typing import Any

from . import KEY, Settings

START = (
    f'from inworld_embeddings import EmbeddingClient\nEmbeddingClient(api_key="{KEY}", base_url="{{url}}")'
)


def options(settings: Settings) -> dict[str, Any]:
    """Keywords of either client."""
    return {
        "api_key": KEY,
        "base_url": settings.url,
        "model": settings.model,
        "batch_size": settings.batch,
        "max_concurrency": settings.concurrency,
    }


class Ours:
    """Sync."""

    def __init__(self, settings: Settings) -> None:
        from inworld_embeddings import EmbeddingClient

        self._client = EmbeddingClient(**options(settings))

    def array(self, texts: list[str]) -> Any:
        return self._client.embed(texts).vectors

    def lists(self, texts: list[str]) -> list[list[float]]:
        return self._client.embed(texts).tolist()

    def calls(self, text: str, count: int) -> None:
        for _ in range(count):
            self._client.embed(text)

    def stream(self, texts: Any) -> Any:
        """(index, vector) of each text of an iterable."""
        return self._client.embed_iter(texts)

    def close(self) -> None:
        self._client.close()


def without_fast_decoder() -> None:
    """As if simdjson were not installed.

    Raises:
        RuntimeError: it is in use already.
    """
    import sys

    if "simdjson" in sys.modules or "inworld_embeddings" in sys.modules:
        raise RuntimeError("the fast decoder is loaded already")
    sys.modules["simdjson"] = None  # type: ignore[assignment]


def make(settings: Settings, *, plain: bool = False) -> Ours:
    if plain:
        without_fast_decoder()
    return Ours(settings)
