"""The soak: many batches over a server that fails at random. Nothing is lost, doubled or given to another text.

`SOAK=20000 pytest -m long tests/wrapper/test_soak.py` is a soak of 20 000 batches; `SEED` repeats one.
"""

import os
from collections import Counter

import numpy as np
import pytest

from inworld_embeddings import EmbeddingClient
from support.clients import KEY
from support.fault import at_random
from support.fault_server import FaultServer
from support.faults import MIXED, extra_response_when_idle
from support.processes import dice
from support.vectors import vector_for

SOAK = int(os.environ.get("SOAK", "5000"))
"""Batches of the long run."""


@pytest.mark.parametrize("batches", [200, pytest.param(SOAK, marks=pytest.mark.long)])
@pytest.mark.usefixtures("no_records")
def test_at_30_percent_mixed_faults_nothing_is_lost_doubled_or_wrong(batches):
    # A second response that comes after the next request has been sent looks like the response to it. HTTP/1.1 cannot
    # tell the two apart, so this one fault would make the soak a test of luck.
    faults = [fault for fault in MIXED if fault is not extra_response_when_idle]
    server = FaultServer(at_random(dice().randrange(2**32), 0.3, faults))
    seen, texts = Counter(), 4 * batches
    settings = {"api_key": KEY, "batch_size": 4, "max_retries": 50, "timeout": None}
    with server, EmbeddingClient(base_url=server.url, **settings) as client:
        source = (f"text number {index}" for index in range(texts))
        for index, vector in client.embed_iter(source, ordered=False):
            seen[index] += 1
            assert np.array_equal(vector, vector_for(f"text number {index}")), index
        server.oracle.assert_well_formed()
        assert len(server.requests) > batches
    assert seen == Counter(range(texts))
