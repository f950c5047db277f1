"""A sample SDK: its own few names, over a client that nobody sees."""

from ._search import Found, search
from ._vendor.inworld_embeddings import EmbeddingClient
from ._vendor.inworld_embeddings import InworldEmbeddingsError as AcmeError

__all__ = ["AcmeError", "EmbeddingClient", "Found", "__version__", "connect", "search"]

__version__ = "1.2"


def connect(api_key: str | None = None) -> EmbeddingClient:
    """A client of the service, with this SDK's name in ``User-Agent``. Without a key, INWORLD_API_KEY is used."""
    return EmbeddingClient(api_key=api_key, user_agent=f"acme-sdk/{__version__}")
