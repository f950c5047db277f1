"""What is read of a response: no redirect, of an error its beginning, of a 200 no more than the cap. A16, C13, D13, D14."""

import gzip

import httpx
import pytest

from inworld_embeddings import errors
from inworld_embeddings._http.adapters import BODY_CAP, cap_for
from support.clients import UNPOOLED, failure, sync_embed, verdict
from support.fault import JSON, TEXT, answer, chunk, head, response, sends
from support.fault_server import FaultServer
from support.faults import CHUNKED_HEAD, PIECE, bomb, close, encoded, endless, packed

MB = 2**20
TEXTS = [f"planted-text {number}" for number in range(12)]
KERNEL = 16 * MB
"""What the kernel may take for a client that reads no more."""


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("users", [False, True], ids=["ours", "a client that follows redirects elsewhere"])
def test_A16_a_redirect_is_not_followed(status, users):
    """Where it leads to, and what is said of that: tests/wrapper/test_error_mapping.py."""
    settings = {"http_client": httpx.AsyncClient(follow_redirects=True, limits=UNPOOLED)} if users else {}
    with FaultServer() as second:
        redirect = answer("redirect", status, b"", [("Location", f"{second.url}/a?token=t")])
        with FaultServer([redirect, "ok"]) as server:
            error = failure(server.url, TEXTS, batch_size=1, max_concurrency=1, **settings)
            assert verdict(error) == (errors.RedirectError, 1, False)
            assert "token" not in str(error)
            server.oracle.assert_requests(1)
        assert second.connections == []


REFUSED = b'{"code":2,"message":"it did not work"}'
GZIP = [JSON, ("Content-Encoding", "gzip")]
ERROR_BODIES = [
    answer("empty", 503, b"", []),
    answer("gzip", 503, gzip.compress(REFUSED), GZIP),
    answer("no gzip", 503, REFUSED, GZIP),
    answer("no brotli", 503, REFUSED, [JSON, ("Content-Encoding", "br")]),
    sends("bomb", lambda _: response(503, b"".join(packed(50_000_000)), GZIP)),
    sends("unfinished", lambda _: response(503, b"x" * 5000, [TEXT])[:-4000], close),
]
"""What only the wire tells apart; other bodies are read in test_error_mapping.py."""


@pytest.mark.parametrize("fault", ERROR_BODIES, ids=str)
def test_C13_the_status_decides_whatever_the_body_is_and_64_kb_of_it_are_read(fault, at_most):
    at_most(4 * MB)
    with FaultServer(fault) as server:
        error = failure(server.url, max_retries=0)
    assert (type(error), error.status_code) == (errors.InternalServerError, 503)
    assert len(str(error)) <= 2048
    assert str(error).isprintable()


def test_a_transport_that_is_not_asynchronous_is_refused():
    error = failure("http://127.0.0.1:1", transport=httpx.HTTPTransport())
    assert isinstance(error, errors.ConfigurationError)
    assert "AsyncBaseTransport, not HTTPTransport" in str(error)


ENDLESS_CHUNKS = endless("endless_chunks", CHUNKED_HEAD, chunk(PIECE))
CLOSE_DELIMITED = endless("endless_close_delimited", head(), PIECE)


def declared(size):
    """An honest Content-Length, and a body to match for whoever reads it."""
    return endless(f"declares_{size}", head(200, [JSON, ("Content-Length", str(size))]), PIECE)


READ = [bomb("gzip"), bomb("deflate"), ENDLESS_CHUNKS, CLOSE_DELIMITED]
NOT_READ = [
    encoded("double_gzip", "gzip, gzip", lambda _: gzip.compress(b"".join(packed(10**8)))),
    encoded("brotli", "br", lambda _: b"\x1b" + b"x" * 99),
    declared(10**10),
]


@pytest.mark.parametrize("bomb", [*READ, *NOT_READ], ids=str)
def test_D13_D14_a_bomb_is_read_up_to_the_cap_and_what_was_not_asked_for_or_is_declared_too_large_is_not(
    bomb, at_most
):
    most = BODY_CAP if bomb in READ else 0
    at_most(most + 64 * MB)
    with FaultServer(bomb, send_buffer=65536) as server:
        error = failure(server.url, TEXTS)
        assert verdict(error) == (errors.APIResponseValidationError, 1, False)
        assert "not read" in str(error)
        server.oracle.wait_until_idle()
        server.oracle.assert_requests(1)
        assert server.requests[0].bytes_sent <= most + KERNEL


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
    row = f'{{"values":[{",".join(["-1.234567890123456789012345e-38"] * 768)}]}},'
    assert 6 * len(row) < cap_for(6, 768) < BODY_CAP
