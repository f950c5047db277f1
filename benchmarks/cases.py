"""What is measured, as data: for each section its cases, in the order of the tables, and how often each is repeated."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from peers import BASETEN, CORE, OPENAI, OPENAI_FLOATS, OURS, PEERS, PINECONE, PLAIN, Peer

FULL, FEW, FEWER, SLOW, SLOW_FEW = 20_000, 8_192, 4_096, 2_560, 1_280
MAIN = {"dimension": 768, "concurrency": 16, "result": "array"}
QUICK = (OURS, PLAIN, BASETEN, OPENAI, OPENAI_FLOATS, PINECONE)


@dataclass(frozen=True, slots=True)
class Planned:
    """A case for one client.

    Attributes:
        peer: Its label.
        repeats: Samples, each in a process of its own.
        settings: Fields of `sample.Case`.
    """

    peer: str
    repeats: int
    settings: dict[str, Any] = field(default_factory=dict)


Group = list[Planned]
"""Cases that are measured side by side: one sample of each, then the next of each."""


def throughput(*, quick: bool) -> Iterator[Group]:
    """Every client at every concurrency and dimension; whole only where it says so, see `_planned`."""
    if quick:
        yield [_planned(PEERS[label], MAIN, main=False) for label in QUICK]
        return
    yield [_planned(peer, MAIN, main=True) for peer in PEERS.values()]
    for dimension, concurrency, result in (
        (768, 1, "array"), (768, 64, "array"), (768, 16, "lists"),
        (1536, 1, "array"), (1536, 16, "array"), (1536, 64, "array"), (1536, 16, "lists"),
    ):  # fmt: skip
        case = {"dimension": dimension, "concurrency": concurrency, "result": result}
        yield [_planned(peer, case, main=False) for peer in PEERS.values()]


def _planned(peer: Peer, case: dict[str, Any], *, main: bool) -> Planned:
    """The slow ones over fewer texts: what they cost for each number does not depend on it."""
    alone = case["concurrency"] == 1
    warm = 4 if peer.slow else 2 * case["concurrency"]
    if peer.slow:
        texts, repeats = (SLOW, 2) if main else (SLOW_FEW, 1)
    elif peer.label in CORE:
        texts, repeats = FULL, 5 if main else 1 if alone else 3
    else:
        texts, repeats = (FULL, 3) if main else (FEWER if alone else FEW, 1)
    return Planned(peer.label, repeats, case | {"texts": texts, "warm": warm})


def first(*, quick: bool) -> Iterator[Group]:
    """A client's first call: connections, limits and code are cold."""
    yield [Planned(label, 1 if quick else 3, MAIN | {"texts": FULL, "warm": 0}) for label in CORE]


def single(*, quick: bool) -> Iterator[Group]:
    """One small text after another, no latency."""
    labels = QUICK if quick else tuple(PEERS)
    case = {"texts": 500, "dimension": 768, "concurrency": 1, "latency": 0.0, "result": "calls", "warm": 50}
    yield [Planned(label, 2 if quick else 3, case) for label in labels]


def scaling(*, quick: bool) -> Iterator[Group]:
    """One thing grows, the rest stays."""
    base = {"texts": 20_480, "dimension": 768, "concurrency": 16, "latency": 0.03}
    axes = {
        "texts": (1_280, 5_120, 20_480, 81_920),
        "dimension": (256, 768, 1536, 3072),
        "concurrency": (1, 4, 16, 64),
        "latency": (0.0, 0.01, 0.03, 0.1),
    }
    found = [base | {name: value} for name, values in axes.items() for value in values[:: 3 if quick else 1]]
    for place, case in enumerate(found):
        if case not in found[:place]:  # the base case is on every axis
            settings = case | {"warm": 2 * case["concurrency"]}
            yield [Planned(label, 1 if quick else 2, settings) for label in (OURS, BASETEN)]


def memory(*, quick: bool) -> Iterator[Group]:
    """A long stream, and a large result."""
    stream = {"texts": 100_000 if quick else 1_000_000, "concurrency": 64, "result": "stream", "warm": 0}
    yield [Planned(OURS, 1, stream)]
    if not quick:
        yield [Planned(label, 1, MAIN | {"texts": 100_000}) for label in (OURS, PLAIN, BASETEN)]


SECTIONS = {"throughput": throughput, "first": first, "single": single, "scaling": scaling, "memory": memory}
