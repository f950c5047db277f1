"""``demo``: the main job in one screen. Embed a few texts, search them, and say what to try next."""

import argparse
import importlib.util
import os
import shlex
import sys
from collections.abc import Sequence

from .. import EmbeddingClient, EmbeddingResult, InworldEmbeddingsError
from ..ranking import rank
from . import FAILED, INTERRUPTED, UNUSABLE

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


LIVE = "Ask the real service, which needs INWORLD_API_KEY."


def main(argv: Sequence[str]) -> int:
    """The command where click is not installed."""
    about = "Embed a few texts and search them: no key, no network."
    parser = argparse.ArgumentParser(prog="inworld-embeddings demo", description=about)
    parser.add_argument("--live", action="store_true", help=LIVE)
    return run(live=parser.parse_args(argv).live)


def run(*, live: bool) -> int:
    """Runs the demo over local mode, or ``live`` over the service.

    Returns:
        0 done, 1 the service could not be asked, 2 no key, 130 interrupted.
    """
    try:
        with EmbeddingClient() if live else EmbeddingClient.local() as client:
            _show(client.embed(TEXTS), client.embed(QUERIES))
    except InworldEmbeddingsError as error:
        print(f"error: {error}", file=sys.stderr)
        return UNUSABLE if isinstance(error, ValueError) else FAILED
    except KeyboardInterrupt:
        print("error: interrupted", file=sys.stderr)
        return INTERRUPTED
    print(_what_next(live=live))
    return 0


def _show(texts: EmbeddingResult, queries: EmbeddingResult) -> None:
    print(f"{len(texts)} texts embedded as {texts.dimension} numbers each.")
    print(f"Engine: {texts.engine or 'the Inworld service'}, model {texts.model}")
    if texts.engine:
        print("(A local stand-in: English search is meaningful, other languages match by spelling only.)")
    for query, vector in zip(QUERIES, queries, strict=True):
        print(f"\n  {query}")
        for index, score in rank(vector, texts.vectors)[:3]:
            print(f"    {score:5.2f}  {TEXTS[index]}")


def _what_next(*, live: bool) -> str:
    """The next commands, each as it can be typed here."""
    python = shlex.quote(min(sys.executable, os.path.relpath(sys.executable), key=len))
    command = f"{python} -m inworld_embeddings"
    missing = [name for name in ("click", "rich") if importlib.util.find_spec(name) is None]
    playground = f"    {command} serve      (then open http://127.0.0.1:8080)"
    if missing:
        playground = f"    {python} -m pip install click rich\n{playground}"
    lines = ["", "What to try next", "  The playground, in a browser:", playground]
    if not live:
        lines += ["  The real service, with your key:", f"    INWORLD_API_KEY=... {command} demo --live"]
    return "\n".join(lines)
