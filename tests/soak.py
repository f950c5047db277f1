"""The soak: many batches over a server that fails at random; prints figures, fails on any wrong, lost or doubled text.

`python tests/soak.py [--batches N] [--rate P] [--seed S]`; `nox -s soak` runs 20 000 batches at 30 % mixed faults.
"""

import argparse
import asyncio
import base64
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np

from inworld_embeddings import AsyncEmbeddingClient
from inworld_embeddings._retry import RetryPolicy
from inworld_embeddings.client import BaseClient

sys.path.insert(0, str(Path(__file__).resolve().parent))
from support.fault_server import FaultServer
from support.faults import MIXED
from support.script import at_random
from support.vectors import vector_for

KEY = base64.b64encode(b"soak-key:soak-secret").decode()
BATCH, DIM = 4, 8

STRAY = "extra_response_when_idle"
"""A second response that comes after the next request has been sent looks like the response to it. HTTP/1.1 cannot tell
the two apart, so this one fault would make the soak a test of luck."""

LEFT_OUT = "status_429"
"""429s that come by chance, however slow the client already is, teach it an ever slower pace: throttling is proven by
tests/core/test_overload.py instead."""


async def embed_all(url: str, texts: int) -> tuple[Counter[int], int]:
    """How often each index was yielded, and how many vectors were not the text's own."""
    seen: Counter[int] = Counter()
    wrong = 0
    client = AsyncEmbeddingClient(base_url=url, api_key=KEY, batch_size=BATCH, max_retries=50, timeout=None)
    async with client:
        source = (f"text number {index}" for index in range(texts))
        async for index, vector in client.embed_iter(source, ordered=False):
            seen[index] += 1
            wrong += not np.array_equal(vector, vector_for(f"text number {index}", DIM))
    return seen, wrong


def main() -> int:
    """Runs the soak; returns its exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--batches", type=int, default=20_000)
    parser.add_argument("--rate", type=float, default=0.3)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    # On loopback, waits would be all we see.
    BaseClient._policy = RetryPolicy(transient_base=0.005, throttle_base=0.005)
    texts = arguments.batches * BATCH
    started = time.monotonic()
    left_out = {LEFT_OUT, STRAY}
    faults = [fault for fault in MIXED if fault.name not in left_out]
    with FaultServer(at_random(arguments.seed, arguments.rate, faults), dim=DIM) as server:
        seen, wrong = asyncio.run(embed_all(server.url, texts))
        server.oracle.assert_well_formed()
        played = server.oracle.faults_played()
        requests = len(server.requests)
    lost, doubled = texts - len(seen), sum(count > 1 for count in seen.values())
    print(f"seed {arguments.seed}: {arguments.batches} batches of {BATCH} texts, {arguments.rate:.0%} faults")
    print(
        f"requests {requests} ({requests / arguments.batches:.3f} a batch), seconds {time.monotonic() - started:.1f}"
    )
    print(f"faults played: {dict(sorted(Counter(played).items(), key=lambda item: -item[1]))}")
    print(f"lost {lost}, doubled {doubled}, wrong {wrong}")
    return 1 if lost or doubled or wrong else 0


if __name__ == "__main__":
    sys.exit(main())
