"""Both decoders over one table of good and bad bodies, broken ones, any number, any shape; and odd vectors."""

import contextlib
import time

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inworld_embeddings._decoding import AT_A_TIME, Decoder
from inworld_embeddings.errors import APIResponseValidationError
from support.broken import broken, fuzzed

BOTH = (Decoder().decode, Decoder(fast=False).decode)
DECODERS = pytest.mark.parametrize("decode", BOTH, ids=["fast", "strict"])


def body(*rows):
    return b'{"embeddings":[' + b",".join(b'{"values":[' + row + b"]}" for row in rows) + b"]}"


GOOD = {
    "as Go prints it": (body(b"0.5, 25e-2", b"1, 2"), [[0.5, 0.25], [1, 2]]),
    "whitespace": (b' { "embeddings" : [ { "values" : [ 1.5 , 2.5 ] } ] } \r\n', [[1.5, 2.5]]),
    "D09 integers": (body(b"0,1,-7"), [[0, 1, -7]]),
    "D09 negative zero": (body(b"0,-0,1", b"-0 , 0.0,-0"), [[0.0, -0.0, 1], [-0.0, 0.0, -0.0]]),
    "D09 smallest float32 and less": (body(b"1e-45,1e-400"), [[1e-45, 0]]),
    "D09 ten thousand digits": (body(b"0." + b"1" * 10_000), [[float("0." + "1" * 10_000)]]),
    "D09 integer beyond 64 bits": (body(b"18446744073709551616,1"), [[18446744073709551616.0, 1]]),
    "D12 beside them": (b'{"x":7,"embeddings":[{"values":[1.5]}],"usage":{"tokens":[1]}}', [[1.5]]),
    "D12 in a row": (b'{"embeddings":[{"index":0,"note":"][","values":[1.5]}]}', [[1.5]]),
    "D12 a list before": (b'{"usage":[[1],"]"],"embeddings":[{"values":[1.5]}]}', [[1.5]]),
    "D12 escaped names": (b'{"embeddi\\u006egs":[{"v\\u0061lues":[1.5]}]}', [[1.5]]),
}

BAD_LISTS = [
    *(b"", b"[1.0],[2.0]", b"NaN,1.0", b"Infinity", b'"NaN",1.0', b"1e999", b"1e39"),
    *(b'"1.0"', b"true,1.0", b"null,1.0", b"01", b"1."),
]
BAD = [
    *((body(values), 1) for values in BAD_LISTS),
    (body(b"1.0"), 2),
    (body(b"1.0", b"2.0"), 1),
    (b'{"embeddings":[{"values":[1.0],"x":[2.0]}]}', 2),
    *((raw, 1) for raw in (b"", b"{}", b'"private words"', b'{"embeddings":null}', b"<title>Login</title>")),
    *((b'{"embeddings":[%b]}' % row, 1) for row in (b"{}", b'{"values":null}', b'{"values":[1.0]},')),
    (body(b"1.0,2.0", b"1.0"), 2),
    (body(b"1.0,2.0", b"1.0", b"1.0,2.0,3.0"), 3),
    (b'{"embeddings":[{"values":[[1.0]]},{"values":2.0}]}', 2),  # as many brackets as there have to be
    (b'{"embeddings":[{"values":[1,[2]},{"values":3]}]}', 2),
    (b'{"embeddings":[{"values":[1,"]"]}]}', 1),
    (b'{"embeddings":[],"x":[{"values":[1.0]}]}', 1),
    (body(b"1.0],[2.0"), 2),
    *((raw, 1) for raw in (body(b"1.0")[:-3], body(b"1.0") + b"x", body(b"1.0").decode().encode("utf-16"))),
]


@DECODERS
@pytest.mark.parametrize("name", GOOD)
def test_D09_D12_good_bodies(decode, name):
    raw, rows = GOOD[name]
    received = bytearray(raw)
    vectors = decode(received, len(rows))
    with np.errstate(over="ignore"):
        expected = np.array(rows, dtype=np.float64).astype(np.float32)
    assert vectors.tobytes() == expected.tobytes()
    assert vectors.dtype == np.float32
    assert vectors.flags.c_contiguous
    received.extend(b" ")  # a BufferError, if anything still looks into it


@DECODERS
@pytest.mark.parametrize(("raw", "count"), BAD)
def test_D01_D02_D03_D04_D06_D08_D11_bad_bodies(decode, raw, count):
    with pytest.raises(APIResponseValidationError) as caught:
        decode(raw, count)
    assert caught.value.retryable
    assert "private" not in str(caught.value)


@DECODERS
@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'{"embeddings":[{"values":['])
def test_D10_deep_nesting_is_refused_in_under_100_ms_of_cpu_time(decode, opening):
    begun = time.thread_time()
    with pytest.raises(APIResponseValidationError):
        decode(opening * 200_000, 1)
    assert time.thread_time() - begun < 0.1


@DECODERS
def test_D05_another_dimension_than_before_is_not_worth_a_retry(decode):
    with pytest.raises(APIResponseValidationError, match="2 dimensions where earlier ones had 3") as caught:
        decode(body(b"1.0,2.0"), 1, dimension=3)
    assert not caught.value.retryable


LITERALS = st.from_regex(r"-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,60})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)
NUMBER = LITERALS | st.floats(allow_nan=False, allow_infinity=False).map(repr)
ROWS = st.integers(1, 5).flatmap(lambda n: st.lists(st.lists(NUMBER, min_size=n, max_size=n), min_size=1))


@given(ROWS)
def test_whatever_JSON_calls_a_number_is_read_as_float32_of_the_float64_that_python_reads(rows):
    raw = body(*(",".join(literals).encode() for literals in rows))
    with np.errstate(over="ignore"):
        expected = np.array([list(map(float, literals)) for literals in rows]).astype(np.float32)
    is_good = np.isfinite(expected).all()
    for decode in BOTH:
        with contextlib.nullcontext() if is_good else pytest.raises(APIResponseValidationError):
            assert decode(raw, len(rows)).tobytes() == expected.tobytes()


@DECODERS
@pytest.mark.parametrize("shape", [(127, 7), (127, AT_A_TIME // 8), (2, AT_A_TIME), (2, AT_A_TIME + 1)])
def test_any_shape_is_read_whole(decode, shape):
    numbers = np.arange(np.prod(shape), dtype=np.float32).reshape(shape) / 8
    raw = msgspec.json.encode({"embeddings": [{"values": row} for row in numbers.tolist()]})
    assert np.array_equal(decode(raw, len(numbers)), numbers)


RESPONSES = [
    b'{"embeddings":[{"values":[0.25,-1.5e-3,7]}]}',
    b'{"embeddings":[{"values":[1.0,2.0]},{"values":[3.0,4.0]}]}',
    b' { "embeddings" : [ { "index" : 0 , "values" : [ 1 , 2 ] } ] , "usage" : null } ',
]
NOISE = st.binary(max_size=80) | st.text('{}[]":,embdingsvalu0123456789.-+eE ', max_size=80).map(str.encode)


@fuzzed
def test_both_decoders_agree_on_every_body_and_raise_nothing_else(examples):
    @settings(max_examples=examples)
    @given(broken(RESPONSES) | NOISE, st.integers(1, 3))
    def check(raw, count):
        vectors = []
        for decode in BOTH:
            with contextlib.suppress(APIResponseValidationError):
                vectors.append(decode(raw, count))
                assert len(vectors[-1]) == np.isfinite(vectors[-1]).all(axis=1).sum() == count
        assert not vectors or vectors[0].tobytes() == vectors[1].tobytes()

    check()
