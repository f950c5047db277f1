"""Rows D13, D14 and D16: responses that want to fill memory, and responses to somebody else's request."""

import tracemalloc

import pytest

from inworld_embeddings import APIResponseValidationError
from inworld_embeddings._http.adapters import BODY_CAP
from support.clients import sync_client, sync_embed
from support.fault import good_body
from support.fault_server import OK, FaultServer
from support.faults import (
    STRAYS,
    declared_body,
    deflate_bomb,
    double_gzip_bomb,
    encoded,
    endless_chunks,
    endless_close_delimited,
    gzip_bomb,
    many_encodings,
    zstd_bomb,
)
from support.in_process import AsyncFace, Service
from support.script import InOrder
from support.vectors import embeddings_json, vectors_for

MB = 2**20
TEXTS = [f"planted-text {number}" for number in range(12)]
KERNEL = 8 * MB
"""What the kernel may take for a client that reads no more."""


@pytest.fixture
def at_most():
    """Fails if Python's memory grew by more than this at its highest."""
    most = []
    tracemalloc.start()
    yield most.append
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < most[0]


def check_is_refused(bomb, sent):
    """One attempt, which took no more than so many bytes."""
    with FaultServer(bomb, send_buffer=65536) as server:
        with pytest.raises(APIResponseValidationError, match="not read") as caught:
            sync_embed(server.url, TEXTS)
        server.oracle.wait_until_idle()
        server.oracle.assert_requests(1)
        assert server.requests[0].bytes_sent <= sent
    assert (caught.value.attempts, caught.value.retryable) == (1, False)


@pytest.mark.parametrize(
    "bomb", [gzip_bomb(), deflate_bomb(), endless_chunks(), endless_close_delimited()], ids=str
)
def test_D13_a_bomb_is_read_up_to_the_cap(bomb, at_most):
    at_most(BODY_CAP + 64 * MB)
    check_is_refused(bomb, BODY_CAP + KERNEL)


BROTLI = encoded("brotli", "br", lambda _: b"\x1b" + b"x" * 99)


@pytest.mark.parametrize("bomb", [zstd_bomb(), many_encodings(), double_gzip_bomb(10**8), BROTLI], ids=str)
def test_D13_what_was_not_asked_for_is_not_unpacked(bomb, at_most):
    at_most(16 * MB)
    check_is_refused(bomb, MB)


@pytest.mark.parametrize("bomb", [gzip_bomb(10**8), endless_chunks(), declared_body(1_000_000)], ids=str)
def test_D13_once_the_dimension_is_known_the_cap_is_what_the_vectors_can_take(bomb):
    with FaultServer([OK, bomb], send_buffer=65536) as server:
        one_by_one = {"batch_size": 6, "max_concurrency": 1}
        result = sync_embed(server.url, TEXTS, call={"on_error": "return"}, **one_by_one)
        server.oracle.check(TEXTS[:6], result.vectors[:6])
        server.oracle.wait_until_idle()
        server.oracle.assert_requests(2)
        assert server.requests[1].bytes_sent <= KERNEL
    cap = 64 * 1024 + 6 * 8 * 32
    assert f"larger than {cap} bytes" in str(result.failures[0].error)


def test_D13_the_cap_leaves_room_for_the_longest_spelling_of_a_number():
    def build(texts, dim):
        rows = [",".join(f"{value:+.24e}".lstrip("+") for value in row) for row in vectors_for(texts, dim)]
        return embeddings_json([f'{{"values":[{row}]}}'.encode() for row in rows])

    service = Service(good_body("long", build), dim=768)
    with AsyncFace(service, batch_size=6, max_concurrency=1) as face:
        service.oracle.check(TEXTS, face.embed(TEXTS).vectors)


def test_D14_a_declared_length_over_the_cap_is_refused_unread(at_most):
    at_most(16 * MB)
    check_is_refused(declared_body(), KERNEL)


@pytest.mark.parametrize("stray", STRAYS, ids=str)
def test_D16_a_response_nobody_asked_for_is_not_taken_for_the_next_one(stray):
    with FaultServer(InOrder([stray, OK])) as server, sync_client(server.url) as embed:
        for texts in (TEXTS, [text + "!" for text in TEXTS], TEXTS):
            server.oracle.check(texts, embed(texts).vectors)
            server.oracle.wait_until_idle()
        server.oracle.assert_connections(2)
