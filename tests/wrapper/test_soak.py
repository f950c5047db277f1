"""The soak: many batches over a server that fails at random. Nothing is lost, doubled or given to another text."""

from collections import Counter

import numpy as np
import pytest

from inworld_embeddings import EmbeddingClient
from support.clients import KEY
from support.fault import at_random
from support.fault_server import FaultServer
from support.faults import MIXED, extra_response_when_idle
from support.processes import dice, storm
from support.vectors import vector_for


@storm(200, 2000)
@pytest.mark.usefixtures("no_records")
def test_at_30_percent_mixed_faults_nothing_is_lost_doubled_or_wrong(size):
    """With `STORM=10`, 20 000 batches."""
    # A second response that comes after the next request has been sent looks like the response to it. HTTP/1.1 cannot
    # tell the two apart, so this one fault would make the soak a test of luck.
    faults = [fault for fault in MIXED if fault is not extra_response_when_idle]
    server = FaultServer(at_random(dice().randrange(2**32), 0.3, faults))
    seen, texts = Counter(), 4 * size
    settings = {"api_key": KEY, "batch_size": 4, "max_retries": 50, "timeout": None}
    with server, EmbeddingClient(base_url=server.url, **settings) as client:
        source = (f"text number {index}" for index in range(texts))
        for index, vector in client.embed_iter(source, ordered=False):
            seen[index] += 1
            assert np.array_equal(vector, vector_for(f"text number {index}")), index
        server.oracle.assert_well_formed()
        assert len(server.requests) > size
    assert seen == Counter(range(texts))
