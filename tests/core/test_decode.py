"""Both decoders, over one table of good and bad bodies."""

import json
import time

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inworld_embeddings._core import decode as module
from inworld_embeddings._core.decode import decode, decode_strict
from inworld_embeddings.errors import APIResponseValidationError

DECODERS = pytest.mark.parametrize("decoder", [decode, decode_strict])


def body(*rows):
    return b'{"embeddings":[' + b",".join(b'{"values":[' + row + b"]}" for row in rows) + b"]}"


GOOD = {
    "plain": (body(b"0.25,-1.5"), [[0.25, -1.5]]),
    "several": (body(b"1.5,2.5", b"3.5,4.5"), [[1.5, 2.5], [3.5, 4.5]]),
    "D09 integers": (body(b"0,1,-7"), [[0, 1, -7]]),
    "D09 negative zero": (body(b"-0.0,1"), [[-0.0, 1]]),
    "D09 negative zero as Go prints it": (
        body(b"0,-0,1", b"-0 , 0.0,-0"),
        [[0.0, -0.0, 1], [-0.0, 0.0, -0.0]],
    ),
    "D09 nearly a negative zero": (body(b"0,-0.5,1e-0"), [[0.0, -0.5, 1.0]]),
    "D09 smallest float32": (body(b"1e-45,1.0"), [[1e-45, 1]]),
    "D09 underflow": (body(b"1e-400,1.0"), [[0, 1]]),
    "D09 ten thousand digits": (body(b"0." + b"1" * 10_000), [[float("0." + "1" * 10_000)]]),
    "D09 integer beyond 64 bits": (body(b"18446744073709551616,1"), [[18446744073709551616.0, 1]]),
    "D12 unknown field at the top": (b'{"embeddings":[{"values":[1.5]}],"usage":{"tokens":[1]}}', [[1.5]]),
    "D12 a number beside the rows": (
        b'{"tokens":7,"embeddings":[{"values":[1.5]},{"values":[2]}]}',
        [[1.5], [2]],
    ),
    "D12 an unknown field in a row": (b'{"embeddings":[{"index":0,"values":[1.5]}]}', [[1.5]]),
    "D12 an unknown list in a row": (b'{"embeddings":[{"shape":[1],"values":[1.5]}]}', [[1.5]]),
    "D12 an unknown list before": (b'{"usage":[[1],"]"],"embeddings":[{"values":[1.5]}]}', [[1.5]]),
    "D12 brackets in a string": (b'{"note":"[]","embeddings":[{"values":[1.5]}]}', [[1.5]]),
    "D12 brackets in a row's string": (b'{"embeddings":[{"note":"][","values":[1.5]}]}', [[1.5]]),
    "D12 escaped names": (b'{"embeddi\\u006egs":[{"v\\u0061lues":[1.5]}]}', [[1.5]]),
    "as Go prints it": (
        b'{"embeddings":[{"values":[0.5, 25e-2]}, {"values":[1, 2]}]}',
        [[0.5, 25e-2], [1, 2]],
    ),
    "whitespace": (b' { "embeddings" : [ { "values" : [ 1.5 , 2.5 ] } ] } \r\n', [[1.5, 2.5]]),
    "exponents": (body(b"1E2,1e+2,1.5e-3"), [[100, 100, 0.0015]]),
}

BAD = {
    "D01 one too few": (body(b"1.0"), 2),
    "D01 one too many": (body(b"1.0", b"2.0"), 1),
    "D01 one row with a second list": (b'{"embeddings":[{"values":[1.0],"x":[2.0]}]}', 2),
    "D01 none": (b'{"embeddings":[]}', 1),
    "D02 missing": (b"{}", 1),
    "D02 null": (b'{"embeddings":null}', 1),
    "D02 object": (b'{"embeddings":{}}', 1),
    "D02 top-level list": (b"[[1.0]]", 1),
    "D02 top-level null": (b"null", 1),
    "D02 top-level string": (b'"x"', 1),
    "D03 values missing": (b'{"embeddings":[{}]}', 1),
    "D03 values null": (b'{"embeddings":[{"values":null}]}', 1),
    "D03 values empty": (body(b""), 1),
    "D03 all empty": (body(b"", b""), 2),
    "D04 ragged": (body(b"1.0,2.0", b"1.0"), 2),
    "D04 ragged, same total": (body(b"1.0,2.0", b"1.0", b"1.0,2.0,3.0"), 3),
    "D06 NaN": (body(b"NaN,1.0"), 1),
    "D06 Infinity": (body(b"Infinity"), 1),
    "D06 NaN as a string": (body(b'"NaN",1.0'), 1),
    "D06 over float64": (body(b"1e999"), 1),
    "D06 over float32": (body(b"1e39"), 1),
    "D08 string": (body(b'"1.0"'), 1),
    "D08 true": (body(b"true,1.0"), 1),
    "D08 null": (body(b"null,1.0"), 1),
    "nested arrays": (body(b"[1.0],[2.0]"), 1),
    "nested array among numbers": (body(b"1.0,[2.0]"), 1),
    "nested array with as many brackets": (b'{"embeddings":[{"values":[[1.0]]},{"values":2.0}]}', 2),
    "a list opened twice and closed later": (b'{"embeddings":[{"values":[1,[2]},{"values":3]}]}', 2),
    "a row that ends in a string": (b'{"embeddings":[{"values":[1,"]"]}]}', 1),
    "rows outside": (b'{"embeddings":[],"x":[{"values":[1.0]}]}', 1),
    "rows in an unknown list": (b'{"x":[{"values":[1.0]}],"embeddings":0}', 1),
    "a brace too many": (b'{"embeddings":[{"values":[1.0]}}]}', 1),
    "a comma too many in a row": (body(b"1.0,"), 1),
    "a comma too many between rows": (b'{"embeddings":[{"values":[1.0]},]}', 1),
    "two rows in one list": (body(b"1.0],[2.0"), 2),
    "row is a list": (b'{"embeddings":[[1.0]]}', 1),
    "row is null": (b'{"embeddings":[null]}', 1),
    "truncated": (body(b"1.0,2.0")[:-3], 1),
    "trailing garbage": (body(b"1.0") + b"x", 1),
    "two documents": (body(b"1.0") * 2, 1),
    "empty": (b"", 1),
    "D11 HTML": (b"<html><title>Login</title></html>", 1),
    "UTF-16": (body(b"1.0").decode().encode("utf-16"), 1),
    "byte order mark": (b"\xef\xbb\xbf" + body(b"1.0"), 1),
    "leading zero": (body(b"01"), 1),
    "plus sign": (body(b"+1"), 1),
    "hexadecimal": (body(b"0x10"), 1),
    "bare point": (body(b"1."), 1),
}


@DECODERS
@pytest.mark.parametrize("name", GOOD)
def test_good_bodies(decoder, name):
    raw, rows = GOOD[name]
    vectors = decoder(raw, len(rows))
    with np.errstate(over="ignore"):
        expected = np.array(rows, dtype=np.float64).astype(np.float32)
    assert vectors.tobytes() == expected.tobytes()
    assert vectors.dtype == np.float32
    assert vectors.flags.c_contiguous


@DECODERS
@pytest.mark.parametrize("name", BAD)
def test_bad_bodies(decoder, name):
    raw, count = BAD[name]
    with pytest.raises(APIResponseValidationError) as caught:
        decoder(raw, count)
    assert caught.value.retryable


def test_the_fast_decoder_takes_plain_bodies_itself():
    pytest.importorskip("simdjson")
    raw, rows = GOOD["several"]
    assert module._fast(raw, 2, None).tolist() == rows


@DECODERS
@pytest.mark.parametrize(
    "raw", [b"[" * 200_000, b'{"x":' + b"[" * 200_000, b'{"embeddings":[{"values":' + b"[" * 200_000]
)
def test_D10_deep_nesting_is_refused_quickly(decoder, raw):
    started = time.process_time()
    with pytest.raises(APIResponseValidationError):
        decoder(raw, 1)
    assert time.process_time() - started < 1  # seconds of this process; a runaway parser takes far longer


def test_D05_another_dimension_than_before_is_not_worth_a_retry():
    with pytest.raises(APIResponseValidationError, match="2 dimensions where earlier ones had 3") as caught:
        decode(body(b"1.0,2.0"), 1, dimension=3)
    assert not caught.value.retryable


def test_errors_never_quote_the_body():
    with pytest.raises(APIResponseValidationError) as caught:
        decode(b'{"embeddings":"private words"}', 1)
    assert "private" not in str(caught.value)


FLOATS = st.floats(width=64, allow_nan=False, allow_infinity=False, min_value=-3e38, max_value=3e38)


@given(
    st.integers(1, 4).flatmap(lambda dim: st.lists(st.lists(FLOATS, min_size=dim, max_size=dim), min_size=1))
)
def test_values_equal_float32_of_float64_bit_for_bit(rows):
    raw = json.dumps({"embeddings": [{"values": row} for row in rows]}).encode()
    expected = np.array(rows, dtype=np.float64).astype(np.float32)
    assert decode(raw, len(rows)).tobytes() == expected.tobytes() == decode_strict(raw, len(rows)).tobytes()


LITERALS = st.from_regex(r"-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,60})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)


@given(st.lists(LITERALS, min_size=1, max_size=5))
def test_whatever_JSON_calls_a_number_is_read_as_python_reads_it(literals):
    raw = body(",".join(literals).encode())
    with np.errstate(over="ignore"):
        expected = np.array([float(literal) for literal in literals]).astype(np.float32)
    for decoder in (decode, decode_strict):
        if np.isfinite(expected).all():
            assert decoder(raw, 1).tobytes() == expected.tobytes()
        else:
            with pytest.raises(APIResponseValidationError):
                decoder(raw, 1)


@given(
    st.binary(max_size=80)
    | st.text(alphabet='{}[]":,embdingsvalu0123456789.-+eE ', max_size=80).map(str.encode)
)
def test_the_decoders_agree_on_garbage(raw):
    outcomes = []
    for decoder in (decode, decode_strict):
        try:
            outcomes.append(decoder(raw, 1).tobytes())
        except APIResponseValidationError:
            outcomes.append(None)
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize(
    "decoder", [module.decode, lambda raw, n, dim, out: module.decode_strict(raw, n, out)]
)
def test_vectors_are_read_into_their_place(decoder):
    raw, rows = GOOD["several"]
    whole = np.full((4, len(rows[0])), 7, dtype=np.float32)
    vectors = decoder(raw, 2, len(rows[0]), whole[1:3])
    assert vectors.base is whole
    assert whole[1:3].tolist() == rows
    assert (whole[[0, 3]] == 7).all()


def test_a_place_of_another_shape_is_left_alone():
    raw, rows = GOOD["several"]
    place = np.full((3, len(rows[0])), 7, dtype=np.float32)
    assert module.decode(raw, 2, None, place).tolist() == rows
    assert (place == 7).all()


@pytest.mark.parametrize("count", [1, 2, 127])
@pytest.mark.parametrize("dimension", [1, 7, 1024, 8192, 8193])
def test_any_shape_is_read_whole(count, dimension):
    numbers = np.arange(count * dimension, dtype=np.float32).reshape(count, dimension) / 8
    raw = msgspec.json.encode({"embeddings": [{"values": row} for row in numbers.tolist()]})
    assert np.array_equal(module.decode(raw, count), numbers)
    assert np.array_equal(module.decode(bytearray(raw), count), numbers)


@pytest.mark.parametrize("count", [1, 3])
def test_the_fast_decoder_counts_the_rows_itself(count):
    pytest.importorskip("simdjson")
    raw, rows = GOOD["several"]
    assert len(rows) == 2
    assert module._fast(raw, count, None) is None


@pytest.mark.parametrize(
    "name", ["D12 a number beside the rows", "D12 an unknown field in a row", "whitespace", "as Go prints it"]
)
def test_a_new_field_does_not_make_it_slow(name):
    pytest.importorskip("simdjson")
    raw, rows = GOOD[name]
    assert module._fast(raw, len(rows), None).tolist() == rows


@pytest.mark.parametrize("name", [*GOOD, *BAD])
def test_a_receive_buffer_is_free_again_whatever_became_of_it(name):
    raw, asked = GOOD[name] if name in GOOD else BAD[name]
    received, error = bytearray(raw), None
    try:
        decode(received, asked if isinstance(asked, int) else len(asked))
    except APIResponseValidationError as kept:
        error = kept  # with its traceback
    received.extend(b" ")  # a BufferError, if anything still looks into it
    assert (error is None) == (name in GOOD)
