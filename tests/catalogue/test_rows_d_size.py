"""Rows D13, D14 and D16: responses that want to fill memory, and responses to somebody else's request."""

import resource
import threading
import time
from pathlib import Path

import pytest

from inworld_embeddings import errors
from inworld_embeddings._http.adapters import BODY_CAP
from support.clients import BOTH, BOTH_OPEN
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
from support.script import InOrder

MB = 2**20
TEXTS = [f"planted-text {number}" for number in range(12)]
KERNEL = 8 * MB
"""What the kernel may take for a client that reads no more."""


class PeakMemory:
    """How much the process grows within the block, at its highest, bytes."""

    def __enter__(self):
        self._over = threading.Event()
        self._before = self._highest = _resident()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()

    def _watch(self):
        while not self._over.is_set():
            self._highest = max(self._highest, _resident())
            time.sleep(0.002)

    @property
    def growth(self):
        return self._highest - self._before


def _resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


linux = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="resident memory is read from /proc")


def check_is_refused(embed, bomb, at_most):
    """One attempt, which took no more than so many bytes."""
    with FaultServer(bomb, send_buffer=65536) as server:
        with pytest.raises(errors.APIResponseValidationError, match="not read") as caught:
            embed(server.url, TEXTS)
        server.oracle.wait_until_idle()
        server.oracle.assert_requests(1)
        assert server.requests[0].bytes_sent <= at_most
    assert (caught.value.attempts, caught.value.retryable) == (1, False)


@BOTH
@linux
@pytest.mark.parametrize(
    "bomb", [gzip_bomb(), deflate_bomb(), endless_chunks(), endless_close_delimited()], ids=str
)
def test_D13_a_bomb_is_read_up_to_the_cap(embed, bomb):
    with PeakMemory() as memory:
        check_is_refused(embed, bomb, BODY_CAP + KERNEL)
    assert memory.growth < BODY_CAP + 64 * MB


@BOTH
@pytest.mark.parametrize(
    "bomb", [zstd_bomb(), many_encodings(), encoded("brotli", "br", lambda _: b"\x1b" + b"x" * 99)], ids=str
)
def test_D13_what_was_not_asked_for_is_not_unpacked(embed, bomb):
    check_is_refused(embed, bomb, MB)


@BOTH
@linux
def test_D13_gzip_inside_gzip_is_not_unpacked(embed):
    bomb = double_gzip_bomb(10**8)
    with FaultServer(bomb) as server, PeakMemory() as memory:
        with pytest.raises(errors.APIResponseValidationError) as caught:
            embed(server.url, TEXTS)
        server.oracle.assert_requests(1)
    assert caught.value.attempts == 1
    assert memory.growth < 64 * MB


@BOTH
@pytest.mark.parametrize("bomb", [gzip_bomb(10**8), endless_chunks(), declared_body(1_000_000)], ids=str)
def test_D13_once_the_dimension_is_known_the_cap_is_what_the_vectors_can_take(embed, bomb):
    with FaultServer([OK, bomb], send_buffer=65536) as server:
        result = embed(server.url, TEXTS, call={"on_error": "return"}, batch_size=6, max_concurrency=1)
        server.oracle.check(TEXTS[:6], result.vectors[:6])
        server.oracle.wait_until_idle()
        server.oracle.assert_requests(2)
        assert server.requests[1].bytes_sent <= KERNEL
    cap = 64 * 1024 + 6 * 8 * 32
    assert f"larger than {cap} bytes" in str(result.failures[0].error)


@BOTH
def test_D13_the_cap_leaves_room_for_the_longest_spelling_of_a_number(embed):
    from support.fault import good_body
    from support.vectors import embeddings_json, vectors_for

    def build(texts, dim):
        rows = [",".join(f"{value:+.24e}".lstrip("+") for value in row) for row in vectors_for(texts, dim)]
        return embeddings_json([f'{{"values":[{row}]}}'.encode() for row in rows])

    with FaultServer(good_body("long", build), dim=768) as server:
        result = embed(server.url, TEXTS, batch_size=6, max_concurrency=1)
        server.oracle.check(TEXTS, result.vectors)


@BOTH
@linux
def test_D14_a_declared_length_over_the_cap_is_refused_unread(embed):
    with PeakMemory() as memory:
        check_is_refused(embed, declared_body(), KERNEL)
    assert memory.growth < 16 * MB


@BOTH_OPEN
@pytest.mark.parametrize("stray", STRAYS, ids=str)
def test_D16_an_answer_nobody_asked_for_is_not_taken_for_the_next_one(opened, stray):
    with FaultServer(InOrder([stray, OK])) as server, opened(server.url) as embed:
        for texts in (TEXTS, [text + "!" for text in TEXTS], TEXTS):
            server.oracle.check(texts, embed(texts).vectors)
            server.oracle.wait_until_idle()
        server.oracle.assert_connections(2)
