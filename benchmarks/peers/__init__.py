"""The clients that are compared, one module each, and what they have in common.

Each speaks to the loopback service through its own public interface, at its documented settings for much work: the
same batch size and concurrency for all, keep-alive for as many connections as there are requests at once.
"""

import importlib
from dataclasses import dataclass
from typing import Any, Protocol

KEY = "bG9vcGJhY2s6bG9vcGJhY2s="  # "loopback:loopback"; no key of anyone


@dataclass(frozen=True, slots=True)
class Settings:
    """How a client is set up.

    Attributes:
        url: Origin of the loopback service.
        dimension: Of its vectors.
        batch: Texts in one request.
        concurrency: Requests at once.
    """

    url: str
    dimension: int = 768
    batch: int = 128
    concurrency: int = 1

    @property
    def model(self) -> str:
        """The model's name, which tells the service the dimension."""
        return f"loopback-{self.dimension}"


class Client(Protocol):
    """One client, set up."""

    def array(self, texts: list[str]) -> Any:
        """The vectors as one float32 array, shape (n, dimension)."""

    def lists(self, texts: list[str]) -> list[list[float]]:
        """The vectors as lists of Python floats."""

    def calls(self, text: str, count: int) -> None:
        """So many calls for one text, one after another; each gives its vector in the form that costs least."""

    def close(self) -> None:
        """Lets go of connections and threads."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A row of the tables.

    Attributes:
        label: What the tables say.
        module: Module of this package that makes it.
        package: Distribution whose version counts.
        options: Keywords of the module's ``make``.
        wire: How the vectors travel.
        slow: Needs seconds per thousand vectors: measured over fewer texts.
    """

    label: str
    module: str
    package: str
    options: dict[str, Any]
    wire: str = "JSON floats"
    slow: bool = False

    def make(self, settings: Settings) -> Client:
        """The client, ready to be used."""
        made: Client = self._loaded().make(settings, **self.options)
        return made

    @property
    def start(self) -> str:
        """A program that imports the client and constructs it, as its documentation does; ``{url}`` is the origin."""
        program: str = self._loaded().START
        return program

    def _loaded(self) -> Any:
        return importlib.import_module(f"{__name__}.{self.module}")


OURS, PLAIN, BASETEN, PINECONE = (
    "inworld-embeddings",
    "inworld-embeddings, fallback decoder",
    "baseten",
    "pinecone",
)
OPENAI, OPENAI_FLOATS, OPENAI_RAW = "openai", "openai, floats", "openai, base64 by hand"
NAIVE = "stdlib json + httpx"

CORE = (OURS, f"{OURS}, async", PLAIN, BASETEN, OPENAI)

_B64 = "base64"
PEERS = {
    peer.label: peer
    for peer in (
        Peer(OURS, "ours", "inworld-embeddings", {}),
        Peer(f"{OURS}, async", "ours_async", "inworld-embeddings", {}),
        Peer(PLAIN, "ours", "inworld-embeddings", {"plain": True}),
        Peer(BASETEN, "baseten", "baseten-performance-client", {}),
        Peer(f"{BASETEN}, zstd", "baseten", "baseten-performance-client", {"compressed": True}, "JSON floats, zstd"),
        Peer(OPENAI, "openai_sync", "openai", {"encoding": None}, _B64),
        Peer(OPENAI_RAW, "openai_sync", "openai", {"encoding": "base64"}, _B64),
        Peer(OPENAI_FLOATS, "openai_sync", "openai", {"encoding": "float"}, slow=True),
        Peer(f"{OPENAI}, async", "openai_async", "openai", {"encoding": None}, _B64),
        Peer(f"{OPENAI}, async, floats", "openai_async", "openai", {"encoding": "float"}, slow=True),
        Peer("langchain-openai", "langchain", "langchain-openai", {}, _B64),
        Peer("cohere", "cohere_v2", "cohere", {"encoding": "float"}, slow=True),
        Peer("cohere, base64", "cohere_v2", "cohere", {"encoding": "base64"}, _B64),
        Peer("voyageai", "voyage", "voyageai", {}, _B64),
        Peer("mistralai", "mistral", "mistralai", {}),
        Peer(PINECONE, "pinecone_inference", "pinecone", {}),
        Peer("huggingface_hub", "huggingface", "huggingface_hub", {}),
        Peer("generated client", "generated", "inworld-embeddings", {}),
        Peer(NAIVE, "naive", "httpx", {}),
    )
}  # fmt: skip
