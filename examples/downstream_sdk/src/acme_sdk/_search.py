"""The one thing this SDK does: find the text that is closest to a question."""

from collections.abc import Sequence
from dataclasses import dataclass

from ._vendor.inworld_embeddings import EmbeddingClient
from ._vendor.inworld_embeddings.ranking import rank


@dataclass(frozen=True, slots=True)
class Found:
    """A text and its similarity to the question, from -1 to 1."""

    text: str
    score: float


def search(client: EmbeddingClient, question: str, texts: Sequence[str]) -> Found:
    """The closest of the texts.

    Raises:
        AcmeError: the service could not be asked.
    """
    vectors = client.embed([question, *texts]).vectors
    index, score = rank(vectors[0], vectors[1:])[0]
    return Found(texts[index], score)
