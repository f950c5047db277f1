"""The soak: many batches over a server that fails at random. Nothing is lost, doubled or given to another text.

`SOAK=20000 pytest -m long tests/wrapper/test_soak.py` is a soak of 20 000 batches; `SEED` repeats one.
"""

import asyncio
import os
from collections import Counter

import numpy as np
import pytest

from inworld_embeddings import AsyncEmbeddingClient
from inworld_embeddings.client import BaseClient
from support.clients import KEY
from support.fault import at_random
from support.fault_server import FaultServer
from support.faults import MIXED, extra_response_when_idle
from support.processes import dice
from support.vectors import vector_for

SOAK = int(os.environ.get("SOAK", "5000"))
"""Batches of the long run."""

BATCH = 4
LEFT_OUT = extra_response_when_idle
"""A second response that comes after the next request has been sent looks like the response to it. HTTP/1.1 cannot tell the two
apart, so this one fault would make the soak a test of luck."""


async def embed_all(url, count):
    """How often each index was yielded; every vector is its text's own."""
    seen = Counter()
    settings = {"batch_size": BATCH, "max_retries": 50, "timeout": None}
    async with AsyncEmbeddingClient(base_url=url, api_key=KEY, **settings) as client:
        source = (f"text number {index}" for index in range(count))
        async for index, vector in client.embed_iter(source, ordered=False):
            seen[index] += 1
            assert np.array_equal(vector, vector_for(f"text number {index}")), index
    return seen


@pytest.mark.parametrize("batches", [200, pytest.param(SOAK, marks=pytest.mark.long)])
def test_at_30_percent_mixed_faults_nothing_is_lost_doubled_or_wrong(batches, monkeypatch, no_records):
    # On loopback, waits would be all we see.
    monkeypatch.setattr(BaseClient, "_policy", BaseClient._policy._replace(transient_base=0.005))
    faults = [fault for fault in MIXED if fault is not LEFT_OUT]
    with FaultServer(at_random(dice().randrange(2**32), 0.3, faults)) as server:
        seen = asyncio.run(embed_all(server.url, batches * BATCH))
        server.oracle.assert_well_formed()
        assert seen == Counter(range(batches * BATCH))
        assert len(server.requests) > batches
