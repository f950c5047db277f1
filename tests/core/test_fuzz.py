"""Broken bodies by the thousand for the decoder and the error mapper; `nox -s fuzz` runs them for longer.

Most are good ones with bytes changed, cut, doubled and put in: pure noise would rarely get past the first bracket.
"""

import json

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from inworld_embeddings._decoding import Decoder
from inworld_embeddings._error_mapping import Response, status_error
from inworld_embeddings._redaction import Redactor
from inworld_embeddings.errors import APIError, APIResponseValidationError

RESPONSES = [
    b'{"embeddings":[{"values":[0.25,-1.5e-3,7]}]}',
    b'{"embeddings":[{"values":[1.0,2.0]},{"values":[3.0,4.0]}]}',
    b' { "embeddings" : [ { "index" : 0 , "values" : [ 1 , 2 ] } ] , "usage" : null } ',
]
REFUSALS = [
    b'{"code":8,"message":"grpc: received message larger than max (5 vs. 4)","details":[]}',
    json.dumps({"error": {"code": 3, "message": "no", "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo",
                "retryDelay": "1.5s"}]}}).encode(),
    b"<html><title>502 Bad Gateway</title></html>",
]  # fmt: skip
PIECES = b'[ ] { } , : " - null NaN 1e999 \x00 \xff \\u0000 [[ "values"'.split()
NOISE = st.binary(max_size=80) | st.text('{}[]":,embdingsvalu0123456789.-+eE ', max_size=80).map(str.encode)
DECODERS = (Decoder().decode, Decoder(fast=False).decode)


@st.composite
def broken(draw, corpus):
    body = bytearray(draw(st.sampled_from(corpus)))
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(body)))
        match draw(st.sampled_from(["put in", "cut out", "copy", "cut off"])):
            case "put in":
                body[at:at] = draw(st.sampled_from(PIECES) | st.binary(max_size=3))
            case "cut out":
                del body[at : at + draw(st.integers(1, 8))]
            case "copy":
                body[at:at] = body[at : at + draw(st.integers(1, 30))]
            case "cut off":
                del body[at:]
    return bytes(body)


@given(broken(RESPONSES) | NOISE, st.integers(1, 3))
def test_both_decoders_agree_on_every_body_and_raise_nothing_else(body, count):
    outcomes = []
    for decode in DECODERS:
        try:
            vectors = decode(body, count)
        except APIResponseValidationError:
            outcomes.append(None)
        else:
            assert vectors.shape[0] == count
            assert np.isfinite(vectors).all()
            outcomes.append(vectors.tobytes())
    assert outcomes[0] == outcomes[1]


HEADERS = st.lists(
    st.tuples(
        st.sampled_from(["retry-after", "retry-after-ms", "date", "x-inworld-request-id", "location"]),
        st.text(max_size=30) | st.sampled_from(["1", "nan", "Wed, 21 Oct 2015 07:28:00 GMT", "https://[bad"]),
    ),
    max_size=4,
)


@given(broken(REFUSALS), st.integers(100, 599), HEADERS)
def test_every_answer_becomes_an_error_with_a_short_printable_message(body, status, headers):
    raw = [(name.encode(), value.encode("utf-8", "replace")) for name, value in headers]
    error = status_error(Response(status, raw, body), now=0.0, redactor=Redactor())
    assert isinstance(error, APIError)
    assert str(error).isprintable()
    assert len(str(error)) < 1000
