"""What is read of a response: no redirect, of an error its beginning, of a 200 no more than the cap. A16, C13, D13, D14."""

import gzip

import httpx
import pytest

from inworld_embeddings import errors
from inworld_embeddings._http.adapters import BODY_CAP
from support.clients import failure, sync_embed, unpooled_client, verdict
from support.fault import JSON, TEXT, answer, chunk, head, response, sends
from support.fault_server import FaultServer
from support.faults import CHUNKED_HEAD, PIECE, bomb, close, encoded, endless, packed
from support.in_process import AsyncFace, Service
from support.oracle import EMBED_PATH
from support.vectors import vectors_for

MB = 2**20
TEXTS = [f"planted-text {number}" for number in range(12)]
KERNEL = 16 * MB
"""What the kernel may take for a client that reads no more."""


def check_is_refused(bomb, sent):
    """One attempt, which took no more than so many bytes."""
    with FaultServer(bomb, send_buffer=65536) as server:
        with pytest.raises(errors.APIResponseValidationError, match="not read") as caught:
            sync_embed(server.url, TEXTS)
        server.oracle.wait_until_idle()
        server.oracle.assert_requests(1)
        assert server.requests[0].bytes_sent <= sent
    assert (caught.value.attempts, caught.value.retryable) == (1, False)


@pytest.mark.parametrize(
    ("status", "location"),
    [
        (301, "{}/a?token=t"),
        (302, "/elsewhere"),
        (303, "file:///etc/hostname"),
        (307, None),
        (308, EMBED_PATH),
    ],
)
@pytest.mark.parametrize("users", [False, True], ids=["ours", "a client that follows redirects elsewhere"])
def test_A16_a_redirect_is_not_followed(status, location, users):
    settings = {"http_client": unpooled_client(follow_redirects=True)} if users else {}
    with FaultServer() as second:
        headers = [] if location is None else [("Location", location.format(second.url))]
        with FaultServer([answer("redirect", status, b"", headers), "ok"]) as server:
            error = failure(server.url, TEXTS, batch_size=1, max_concurrency=1, **settings)
            assert verdict(error) == (errors.RedirectError, 1, False)
            assert "token" not in str(error)
            server.oracle.assert_requests(1)
        assert second.connections == []


REFUSED = b'{"code":2,"message":"it did not work"}'
ERROR_BODIES = [
    answer("empty", 503, b"", []),
    answer("gzip", 503, gzip.compress(REFUSED), [JSON, ("Content-Encoding", "gzip")]),
    answer("no gzip", 503, REFUSED, [JSON, ("Content-Encoding", "gzip")]),
    answer("no brotli", 503, REFUSED, [JSON, ("Content-Encoding", "br")]),
    sends("unfinished", lambda _: response(503, b"x" * 5000, [TEXT])[:-4000], close),
]
"""What only the wire tells apart; other bodies are read in test_error_mapping.py."""


@pytest.mark.parametrize("fault", ERROR_BODIES, ids=str)
def test_C13_the_status_decides_whatever_the_body_is(fault):
    with FaultServer(fault) as server:
        error = failure(server.url, max_retries=0)
    assert (type(error), error.status_code) == (errors.InternalServerError, 503)
    assert len(str(error)) <= 2048
    assert str(error).isprintable()


def test_C13_of_an_endless_body_64_kb_are_read():
    with FaultServer(endless("endless", head(404, [TEXT]), b"x" * 65536), send_buffer=65536) as server:
        assert isinstance(failure(server.url), errors.NotFoundError)
        server.oracle.wait_until_idle()
        assert server.requests[0].bytes_sent < KERNEL


def test_C13_of_an_error_bomb_64_kb_are_unpacked(at_most):
    at_most(4 * MB)
    bomb = b"".join(packed(50_000_000))
    with FaultServer(answer("bomb", 500, bomb, [("Content-Encoding", "gzip")])) as server:
        assert isinstance(failure(server.url, max_retries=0), errors.InternalServerError)


def test_a_transport_that_is_not_asynchronous_is_refused():
    with pytest.raises(errors.ConfigurationError, match="AsyncBaseTransport, not HTTPTransport"):
        sync_embed("http://127.0.0.1:1", "a", transport=httpx.HTTPTransport())


ENDLESS_CHUNKS = endless("endless_chunks", CHUNKED_HEAD, chunk(PIECE))
CLOSE_DELIMITED = endless("endless_close_delimited", head(), PIECE)


def declared(size):
    """An honest Content-Length, and a body to match for whoever reads it."""
    return endless(f"declares_{size}", head(200, [JSON, ("Content-Length", str(size))]), PIECE)


@pytest.mark.parametrize("bomb", [bomb("gzip"), bomb("deflate"), ENDLESS_CHUNKS, CLOSE_DELIMITED], ids=str)
def test_D13_a_bomb_is_read_up_to_the_cap(bomb, at_most):
    at_most(BODY_CAP + 64 * MB)
    check_is_refused(bomb, BODY_CAP + KERNEL)


@pytest.mark.parametrize(
    "bomb",
    [
        encoded("double_gzip", "gzip, gzip", lambda _: gzip.compress(b"".join(packed(10**8)))),
        encoded("brotli", "br", lambda _: b"\x1b" + b"x" * 99),
    ],
    ids=str,
)
def test_D13_what_was_not_asked_for_is_not_unpacked(bomb, at_most):
    at_most(16 * MB)
    check_is_refused(bomb, MB)


@pytest.mark.parametrize("bomb", [bomb("gzip", 10**8), ENDLESS_CHUNKS, declared(10**6)], ids=str)
def test_D13_once_the_dimension_is_known_the_cap_is_what_the_vectors_can_take(bomb):
    with FaultServer(["ok", bomb], send_buffer=65536) as server:
        one_by_one = {"batch_size": 6, "max_concurrency": 1}
        result = sync_embed(server.url, TEXTS, call={"on_error": "return"}, **one_by_one)
        server.oracle.check(TEXTS[:6], result.vectors[:6])
        server.oracle.wait_until_idle()
        server.oracle.assert_requests(2)
        assert server.requests[1].bytes_sent <= KERNEL
    cap = 64 * 1024 + 6 * 8 * 32
    assert f"larger than {cap} bytes" in str(result.failures[0].error)


def test_D13_the_cap_leaves_room_for_the_longest_spelling_of_a_number():
    def spelled(ex):
        vectors = vectors_for(ex.request.texts, ex.dim)
        rows = [",".join(f"{value:+.24e}".lstrip("+") for value in row) for row in vectors]
        body = ",".join(f'{{"values":[{row}]}}' for row in rows)
        return response(200, f'{{"embeddings":[{body}]}}'.encode())

    service = Service(sends("spelled", spelled), dim=768)
    with AsyncFace(service, batch_size=6, max_concurrency=1) as face:
        service.oracle.check(TEXTS, face.embed(TEXTS).vectors)


def test_D14_a_declared_length_over_the_cap_is_refused_unread(at_most):
    at_most(16 * MB)
    check_is_refused(declared(10**10), KERNEL)
