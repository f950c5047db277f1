"""What is read of a response: no redirect, of an error its beginning, of a 200 no more than the cap. A16, C13, D13, D14."""

import tracemalloc

import httpx
import pytest

from inworld_embeddings import (
    APIResponseValidationError,
    ConfigurationError,
    InternalServerError,
    NotFoundError,
    RedirectError,
)
from inworld_embeddings._http.adapters import BODY_CAP
from support.clients import failure, sync_embed, unpooled_client, verdict
from support.fault import body_fault
from support.fault_server import OK, FaultServer
from support.faults import (
    NOT_ASKED_FOR,
    answer,
    bomb,
    declared_body,
    endless_chunks,
    endless_close_delimited,
    endless_error,
    error_bodies,
    packed,
)
from support.in_process import AsyncFace, Service
from support.oracle import EMBED_PATH
from support.vectors import embeddings_json, vectors_for

MB = 2**20
TEXTS = [f"planted-text {number}" for number in range(12)]
KERNEL = 16 * MB
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


REDIRECTS = [
    (301, "{}/a?token=t"),
    (302, "/elsewhere"),
    (303, "file:///etc/hostname"),
    (307, "{}"),
    (307, None),
    (308, "http://[::bad/"),
    (308, EMBED_PATH),
]


@pytest.mark.parametrize(("status", "location"), REDIRECTS)
def test_A16_a_redirect_is_not_followed(status, location):
    with FaultServer() as second:
        headers = [] if location is None else [("Location", location.format(second.url))]
        with FaultServer([answer("redirect", status, b"", headers), OK]) as server:
            error = failure(server.url, TEXTS, batch_size=1, max_concurrency=1)
            assert verdict(error) == (RedirectError, 1, False)
            assert "token" not in str(error)
            server.oracle.assert_requests(1)
        assert second.connections == []


def test_A16_a_client_of_the_users_that_follows_redirects_does_not_here():
    with (
        FaultServer() as second,
        FaultServer(answer("redirect", 307, b"", [("Location", second.url)])) as server,
    ):
        error = failure(server.url, http_client=unpooled_client(follow_redirects=True))
        assert isinstance(error, RedirectError)
        server.oracle.assert_requests(1)
        assert second.connections == []


@pytest.mark.parametrize("fault", error_bodies(503), ids=str)
def test_C13_the_status_decides_whatever_the_body_is(fault):
    with FaultServer(fault) as server:
        error = failure(server.url, max_retries=0)
    assert (type(error), error.status_code) == (InternalServerError, 503)
    assert len(str(error)) <= 2048
    assert str(error).isprintable()


def test_C13_of_an_endless_body_64_kb_are_read():
    with FaultServer(endless_error(404), send_buffer=65536) as server:
        assert isinstance(failure(server.url), NotFoundError)
        server.oracle.wait_until_idle()
        assert server.requests[0].bytes_sent < KERNEL


def test_C13_of_an_error_bomb_64_kb_are_unpacked(at_most):
    at_most(4 * MB)
    bomb = b"".join(packed(50_000_000))
    with FaultServer(answer("bomb", 500, bomb, [("Content-Encoding", "gzip")])) as server:
        assert isinstance(failure(server.url, max_retries=0), InternalServerError)


def test_a_transport_that_is_not_asynchronous_is_refused():
    with pytest.raises(ConfigurationError, match="AsyncBaseTransport, not HTTPTransport"):
        sync_embed("http://127.0.0.1:1", "a", transport=httpx.HTTPTransport())


@pytest.mark.parametrize(
    "bomb", [bomb("gzip"), bomb("deflate"), endless_chunks, endless_close_delimited], ids=str
)
def test_D13_a_bomb_is_read_up_to_the_cap(bomb, at_most):
    at_most(BODY_CAP + 64 * MB)
    check_is_refused(bomb, BODY_CAP + KERNEL)


@pytest.mark.parametrize("bomb", NOT_ASKED_FOR, ids=str)
def test_D13_what_was_not_asked_for_is_not_unpacked(bomb, at_most):
    at_most(16 * MB)
    check_is_refused(bomb, MB)


@pytest.mark.parametrize("bomb", [bomb("gzip", 10**8), endless_chunks, declared_body(1_000_000)], ids=str)
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

    service = Service(body_fault("long", build, good=True), dim=768)
    with AsyncFace(service, batch_size=6, max_concurrency=1) as face:
        service.oracle.check(TEXTS, face.embed(TEXTS).vectors)


def test_D14_a_declared_length_over_the_cap_is_refused_unread(at_most):
    at_most(16 * MB)
    check_is_refused(declared_body(), KERNEL)
