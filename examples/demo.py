"""The main job in one screen: embed a few texts, then search them.

Runs over local mode, without a key or a network. ``--live`` asks the real service (needs INWORLD_API_KEY).
"""

import sys

from inworld_embeddings import ConfigurationError, EmbeddingClient
from inworld_embeddings.ranking import rank

TEXTS = [
    "How do I get my money back for a broken item?",
    "The parcel has not arrived yet. Where is it?",
    "I forgot my password and cannot sign in.",
    "Please add a dark theme to the mobile app.",
    "Do you ship to Canada, and how long does it take?",
    "I was charged twice for my subscription.",
    "The new website is much faster. Well done!",
    "Can I see the price list of all products?",
]
QUERIES = ["refund for a damaged product", "trouble logging into my account", "billing problem"]


def main() -> int:
    """Prints a ranked search for each query."""
    live = "--live" in sys.argv[1:]
    try:
        client = EmbeddingClient() if live else EmbeddingClient.local()
    except ConfigurationError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    with client:
        texts, queries = client.embed(TEXTS), client.embed(QUERIES)
    print(f"{len(texts)} texts embedded as {texts.dimension} numbers each.")
    print(f"Engine: {texts.engine or 'the Inworld service'}, model {texts.model}")
    if texts.engine:
        print("(A local stand-in: English search is meaningful, other languages match by spelling only.)")
    for query, vector in zip(QUERIES, queries, strict=True):
        print(f"\n  {query}")
        for index, score in rank(vector, texts.vectors)[:3]:
            print(f"    {score:5.2f}  {TEXTS[index]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
