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

_BAR = 20
"""Characters of a bar that stands for similarity 1."""


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
    print(f"{len(texts)} texts embedded as {texts.dimension} numbers each, then searched.")
    if texts.engine:
        print(f"By {texts.engine}: a local stand-in, not the service's vectors.")
        print("It knows English words one by one, other languages by their spelling only.")
    else:
        print(f"By the Inworld service, model {texts.model}.")
    for query, vector in zip(QUERIES, queries, strict=True):
        print(f"\n  {query}")
        for index, score in rank(vector, texts.vectors)[:3]:
            print(f"    {_bar(score)} {score:5.2f}  {TEXTS[index]}")


def _bar(score: float) -> str:
    """A cosine similarity as a bar of fixed width, in characters that the output can show."""
    full = round(max(score, 0.0) * _BAR)
    try:
        "█".encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return ("#" * full).ljust(_BAR, ".")
    return ("█" * full).ljust(_BAR, "░")


def _what_next(*, live: bool) -> str:
    """The next commands, each as it can be typed here."""
    python = shlex.quote(min(sys.executable, os.path.relpath(sys.executable), key=len))
    command = f"{python} -m inworld_embeddings"
    local = "" if live else " --local"
    steps = {
        "Search a file of yours, a text a line:": f'{command} search{local} "refund" faq.txt',
        "Embed a large one; after a stop, the same goes on:": f"{command} job run{local} corpus.txt -o vectors",
        "A page to try it, at http://127.0.0.1:8080:": f"{command} serve",
    }
    if not live:
        steps["The real service, with your key:"] = f"INWORLD_API_KEY=... {command} demo --live"
    missing = [name for name in ("click", "rich", "pyarrow") if importlib.util.find_spec(name) is None]
    if missing:
        steps = {"What these need:": f"{python} -m pip install {' '.join(missing)}", **steps}
    return "\n".join(["", "What to try next", *(f"  {what}\n    {how}" for what, how in steps.items())])
