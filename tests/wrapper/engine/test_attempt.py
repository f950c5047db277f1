"""Rows D01 to D12, F10: a 200 is read into vectors, or is the error of its attempt. No doubtful body becomes a vector."""

import gzip
import math
import pickle
import zlib

import httpx
import numpy as np
import pytest

from inworld_embeddings import EmbeddingClient, errors
from inworld_embeddings import _decoding as decoding
from support.clients import KEY, sync_embed
from support.fault import OK, answer, response, sends
from support.fault_server import FaultServer
from support.faults import BROKEN_ENCODINGS, EMPTY_SUCCESSES, encoded
from support.in_process import embed

TEXTS = [f"planted-text {number}" for number in range(12)]


ONE = {"usage": {"texts": 1}}
TWO = {"usage": {"texts": 2}, "embeddings": [{}, {"truncated": True}]}


def with_more(request):
    """A response with fields that this version does not know."""
    count = request.content.count(b'"text":')
    rows = [{"values": [1.0, 2.0]} | extra for extra in ({}, {"truncated": True})]
    return httpx.Response(200, json={"usage": {"texts": count}, "embeddings": rows[:count]})


@pytest.mark.parametrize(
    ("texts", "options", "kept"),
    [
        ("abc", {}, []),
        ("abc", {"keep_extra": True}, [([0, 1], TWO), ([2], ONE)]),
        ("abaabcd", {"keep_extra": True, "dedupe": True}, [([0, 1], TWO), ([5, 6], TWO)]),
    ],
)
def test_what_a_response_holds_beside_the_vectors_is_kept_where_it_is_asked_for(texts, options, kept):
    transport = httpx.MockTransport(with_more)
    with EmbeddingClient(api_key=KEY, transport=transport, batch_size=2) as client:
        result = pickle.loads(pickle.dumps(client.embed(list(texts), **options)))
    assert [(list(part.indexes), part.fields) for part in result.extra] == kept


ALL = list(range(len(TEXTS)))
HTML = "Content-Type", "text/html"
PAGE = b"<!DOCTYPE html><html><title>Sign in</title><body>Welcome</body></html>"
BAD = {
    "D01_short": ("short", None, [5]),
    "D01_long": ("long", "Vectors in the response: 2; texts in the request: 1.", [5]),
    "D02_cut": (answer("cut", 200, b'{"embeddings":['), None, [5]),
    "D06_nan": ("nan", None, [5]),
    "D07_zero": ("zero", None, [5]),
    "D11_login_page": (answer("page", 200, PAGE, [HTML]), "text/html.*login page", ALL),
    **{f"D11_{fault}": (fault, None, ALL) for fault in BROKEN_ENCODINGS},
    **{f"C15_{fault}": (fault, None, ALL) for fault in EMPTY_SUCCESSES},
}
"""One of each kind, what it says, and which texts it costs if one of them is always answered so.

That no other body is accepted is shown in test_decoding.py."""


@pytest.mark.parametrize(("bad", "says", "costs"), BAD.values(), ids=BAD)
def test_C15_D01_D02_D06_D07_D11_a_wrong_success_is_tried_again(bad, says, costs):
    with pytest.raises(errors.APIResponseValidationError, match=says) as caught:
        embed(bad, TEXTS[0], reject_zero=True)
    assert (caught.value.attempts, caught.value.retryable) == (3, True)
    script = lambda request: bad if TEXTS[5] in request.texts else OK  # noqa: E731
    service, result = embed(script, TEXTS, call={"on_error": "return"}, reject_zero=True)
    assert [failure.index for failure in result.failures] == costs
    if right := [index for index in ALL if index not in costs]:
        service.oracle.check([TEXTS[index] for index in right], result.vectors[right])
    assert len(service.requests) <= 3 + 2 * math.ceil(math.log2(len(TEXTS))) + 2 + 4


def test_D07_zero_and_huge_vectors_are_kept_and_counted(caplog):
    _, result = embed("zero", TEXTS)
    assert not result.vectors.any()
    assert (result.stats.zero_vectors, result.stats.huge_vectors) == (12, 0)
    assert "12 all zero" in caplog.text
    huge = b'{"embeddings":[%s]}' % b",".join([b'{"values":[1e30,1e30]}'] * 12)
    _, result = embed(answer("huge", 200, huge), TEXTS)
    assert (result.vectors == np.float32(1e30)).all()
    assert (result.stats.zero_vectors, result.stats.huge_vectors) == (0, 12)


def headed(*headers):
    return sends(f"under {headers}", lambda ex: response(200, ex.good_body(), headers))


ODD = [
    headed(("Content-Type", "text/plain")),
    headed(),
    encoded("deflate", "deflate", zlib.compress),
]


@pytest.mark.parametrize("good", ODD, ids=str)
def test_D11_D12_what_is_odd_but_right_is_accepted(good):
    service, result = embed(good, TEXTS)
    service.oracle.check(TEXTS, result.vectors)
    service.oracle.assert_requests(1)


@pytest.mark.parametrize("bad", ["short", BROKEN_ENCODINGS[0]], ids=str)
def test_D01_D11_after_a_wrong_response_the_connection_is_doubtful_too(bad):
    with FaultServer([bad, bad, OK]) as server:
        server.oracle.check(TEXTS, sync_embed(server.url, TEXTS).vectors)
        assert len(server.connections) == 3


@pytest.mark.parametrize(("given", "sent"), [(None, "identity"), ("gzip", "gzip")])
def test_a_response_is_compressed_only_for_those_who_ask(given, sent):
    service, result = embed(encoded("good", "gzip", gzip.compress) if given else OK, TEXTS, compression=given)
    service.oracle.check(TEXTS, result.vectors)
    assert service.requests[0].head.get("accept-encoding") == sent


def test_F10_a_batch_that_does_not_fit_into_memory_fails_and_the_others_are_kept(monkeypatch):
    real = decoding.Decoder.decode

    def decode_or_not(self, body, count, *others):
        if count == 2:
            raise MemoryError
        return real(self, body, count, *others)

    monkeypatch.setattr(decoding.Decoder, "decode", decode_or_not)
    service, result = embed(OK, TEXTS, call={"on_error": "return"}, batch_size=5)
    assert [failure.index for failure in result.failures] == [10, 11]
    assert isinstance(result.failures[0].error.__cause__, MemoryError)
    service.oracle.check(TEXTS[:10], result.vectors[:10])
