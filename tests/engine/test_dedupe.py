"""`dedupe=True`: each distinct text is sent once, and its vector stands in every place."""

import numpy as np
import pytest

from inworld_embeddings import BadRequestError, EmbeddingClient, PartialFailureError
from support.clients import BOTH
from support.fault_server import FaultServer
from support.faults import poison
from support.vectors import text_id, vector_for

TEXTS = ["b", "a", "b", "c", "a", "b"]


@BOTH
@pytest.mark.parametrize("batch_size", [1, 2, 128])
@pytest.mark.parametrize("where", ["client", "call"])
def test_each_distinct_text_is_sent_once_and_fills_every_place(embed, batch_size, where):
    settings = {"dedupe": True} if where == "client" else {"call": {"dedupe": True}}
    with FaultServer() as server:
        result = embed(server.url, TEXTS, batch_size=batch_size, **settings)
        server.oracle.check(TEXTS, result.vectors)
        assert set(server.oracle.times_received().values()) == {1}
    assert result.vectors.flags.c_contiguous
    assert len(result) == 6


@BOTH
def test_it_is_off_unless_asked_for_and_a_call_can_turn_it_off(embed):
    with FaultServer() as server:
        embed(server.url, TEXTS)
        embed(server.url, TEXTS, dedupe=True, call={"dedupe": False})
        assert server.oracle.times_received()[text_id("b")] == 6


@BOTH
def test_texts_that_only_look_alike_are_not_merged(embed):
    texts = ["é", "e\u0301", "a", "a ", "A", ""]
    with FaultServer() as server:
        server.oracle.check(texts, embed(server.url, texts, dedupe=True).vectors)
        assert len(server.requests[0].text_ids) == 6


@BOTH
def test_the_failure_of_one_text_is_named_in_every_place(embed):
    with FaultServer(poison(["b"])) as server, pytest.raises(PartialFailureError) as caught:
        embed(server.url, TEXTS, dedupe=True)
    assert [failure.index for failure in caught.value.failures] == [0, 2, 5]
    result = caught.value.result
    assert np.isnan(result.vectors[[0, 2, 5]]).all()
    assert np.array_equal(result[4], vector_for("a"))
    with pytest.raises(BadRequestError):
        result[5]


@BOTH
def test_a_single_text_and_none_at_all_work_too(embed):
    with FaultServer() as server:
        server.oracle.check_one("x", embed(server.url, "x", dedupe=True))
        assert len(embed(server.url, [], dedupe=True)) == 0


@BOTH
def test_progress_counts_what_is_sent(embed):
    seen = []
    with FaultServer() as server:
        embed(server.url, TEXTS, dedupe=True, call={"on_progress": lambda *done: seen.append(done)})
    assert seen == [(3, 3)]


def test_a_plan_counts_what_would_be_sent():
    client = EmbeddingClient.local()
    assert client.plan(TEXTS, dedupe=True).bytes == client.plan(["b", "a", "c"]).bytes
    assert client.plan(TEXTS, dedupe=True, batch_size=1).requests == 3
