"""One sample, in this process and no other: `sample.py JSON`, a `Case` as JSON; prints the figures as JSON.

Warms up, measures one pass over all texts, and checks every vector afterwards.
"""

import gc
import json
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from bodies import expected, texts
from peers import PEERS, Client, Settings
from serving import counters


@dataclass(frozen=True, slots=True)
class Case:
    """What a sample measures.

    Attributes:
        peer: Label of the client.
        url: Origin of the loopback service.
        texts: How many texts.
        dimension: Of their vectors.
        batch: Texts in one request.
        concurrency: Requests at once.
        latency: Of the service, seconds.
        result: "array", "lists", "calls" (each text a call, one after another) or "stream" (ours: an iterable in,
            vectors out one by one).
        warm: Batches, or calls, before the measured pass; 0 measures a client's first call.
    """

    peer: str
    url: str
    texts: int = 20_000
    dimension: int = 768
    batch: int = 128
    concurrency: int = 16
    latency: float = 0.03
    result: str = "array"
    warm: int = 32

    def command(self) -> list[str]:
        """What runs this sample in a fresh process."""
        return [sys.executable, __file__, json.dumps(asdict(self))]


def resident() -> int:
    """Bytes of this process that are in memory now."""
    with open("/proc/self/statm") as file:  # noqa: PTH123 - nothing else to load
        return int(file.read().split()[1]) * resource.getpagesize()


def peak() -> int:
    """The most that ever were."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def timed(work: Callable[[], Any]) -> tuple[Any, dict[str, Any]]:
    """What some work gives, and what it costs this process: all threads, user and system."""
    gc.collect()
    before = resident()
    wall, cpu = time.perf_counter(), time.process_time()
    given = work()
    cost = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
    return given, cost | {"before": before, "peak": peak()}


def check(given: Any, count: int, dimension: int, start: int = 0) -> None:
    """That every text has its vector.

    Raises:
        ValueError: not so.
    """
    vectors, wanted = np.asarray(given, dtype=np.float32), expected(count, dimension, start)
    if vectors.shape != wanted.shape or not np.allclose(vectors, wanted, 1e-6, 1e-9):
        raise ValueError("a wrong answer is not worth measuring")


def in_bulk(case: Case, client: Client) -> dict[str, Any]:
    """One pass over all texts in one call, or as near to it as the client comes."""
    given_texts, run = texts(case.texts), getattr(client, case.result)
    if case.warm:
        run(texts(case.warm * case.batch))
    counters(case.url, case.latency)
    given, figures = timed(lambda: run(given_texts))
    check(given, case.texts, case.dimension)
    return figures


def one_by_one(case: Case, client: Client) -> dict[str, Any]:
    """A call for each text."""
    (text,) = texts(1)
    check(client.array([text]), 1, case.dimension)
    client.calls(text, case.warm)
    counters(case.url, case.latency)
    return timed(lambda: client.calls(text, case.texts))[1]


def as_a_stream(case: Case, client: Any) -> dict[str, Any]:
    """An iterable in, vectors out; the resident set every hundredth part of the way."""
    step, sizes = max(case.texts // 100, 1), []

    def run() -> None:
        given = (text for start in range(0, case.texts, step) for text in texts(step, start))
        for index, vector in client.stream(given):
            if index % step == 0:
                sizes.append(resident())
                check([vector], 1, case.dimension, index)

    counters(case.url, case.latency)
    return timed(run)[1] | {"step": step, "resident": sizes}


MODES: dict[str, Callable[[Case, Any], dict[str, Any]]] = {
    "array": in_bulk,
    "lists": in_bulk,
    "calls": one_by_one,
    "stream": as_a_stream,
}


def measured(case: Case) -> dict[str, Any]:
    """The figures of one sample."""
    client = PEERS[case.peer].make(Settings(case.url, case.dimension, case.batch, case.concurrency))
    counters(case.url, case.latency)
    figures = MODES[case.result](case, client)
    seen = counters(case.url)
    client.close()
    return figures | {"server": seen}


if __name__ == "__main__":
    print(json.dumps(measured(Case(**json.loads(sys.argv[1])))))
