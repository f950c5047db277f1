"""Rows D01 to D12: a 200 whose body is not what was asked for. Each such body costs a retry, and never becomes a vector."""

import math
import time

import numpy as np
import pytest

from inworld_embeddings import _decoding as decoding
from inworld_embeddings import errors
from support.clients import BOTH
from support.fault_server import OK, FaultServer
from support.faults import (
    BAD_ENVELOPES,
    BAD_NUMBERS,
    BAD_ROWS,
    BAD_TEXT,
    BROKEN_ENCODINGS,
    DEEP_NESTING,
    GOOD_ENCODINGS,
    GOOD_LITERALS,
    GOOD_SHAPES,
    NO_NUMBERS,
    UNEQUAL_ROWS,
    WRONG_COUNTS,
    content_type,
    duplicate_embeddings_key,
    duplicate_values_key,
    html_200,
    huge_norm,
    invalid_utf8,
    number,
    other_dimension,
    utf8_bom,
    vectors_with,
    wrong_for,
    zero_vectors,
)
from support.script import ByConnection

TEXTS = [f"planted-text {number}" for number in range(12)]

DECODERS = pytest.mark.parametrize("decoder", ["fast", "strict"])


@pytest.fixture(autouse=True)
def chosen_decoder(request, monkeypatch):
    """Both decoders have to give the same verdicts; where simdjson has no wheels there is only the strict one."""
    if "decoder" in request.fixturenames and request.getfixturevalue("decoder") == "strict":
        monkeypatch.setattr(decoding, "Parser", None)


def check_is_never_accepted(embed, bad, texts=TEXTS):
    """For good it is an error after three attempts; before a good response it costs a retry over a new connection."""
    with FaultServer(bad) as server:
        with pytest.raises(errors.APIResponseValidationError) as caught:
            embed(server.url, texts[0], timeout=20)
        server.oracle.assert_requests(3)
        server.oracle.assert_connections(3)
    assert (caught.value.attempts, caught.value.retryable) == (3, True)
    with FaultServer([bad, OK]) as server:
        result = embed(server.url, texts)
        server.oracle.check(texts, result.vectors)
        server.oracle.assert_requests(2)
        server.oracle.assert_connections(2)
        assert result.stats.retries == 1
    return caught.value


def check_costs_only_the_guilty(embed, bad, guilty=5):
    """One text whose responses are never right: its neighbours have theirs."""
    with FaultServer(wrong_for([TEXTS[guilty]], bad)) as server:
        result = embed(server.url, TEXTS, call={"on_error": "return"})
        good = [index for index in range(len(TEXTS)) if index != guilty]
        server.oracle.check([TEXTS[index] for index in good], result.vectors[good])
        assert len(server.requests) <= 3 + 2 * math.ceil(math.log2(len(TEXTS))) + 2 + 4
    assert [failure.index for failure in result.failures] == [guilty]
    assert isinstance(result.failures[0].error, errors.APIResponseValidationError)


@BOTH
@DECODERS
@pytest.mark.parametrize("bad", WRONG_COUNTS, ids=str)
def test_D01_another_number_of_vectors(embed, decoder, bad):
    error = check_is_never_accepted(embed, bad)
    assert f"Asked for 1 vectors, got {2 if bad.name == 'one_vector_extra' else 0}." in str(error)
    check_costs_only_the_guilty(embed, bad)


@BOTH
@DECODERS
@pytest.mark.parametrize("bad", BAD_ENVELOPES, ids=str)
def test_D02_no_embeddings_in_the_body(embed, decoder, bad):
    check_is_never_accepted(embed, bad)


@BOTH
@pytest.mark.parametrize(
    "bad", [BAD_ENVELOPES[0], BAD_ENVELOPES[1], BAD_ENVELOPES[11], BAD_ENVELOPES[12]], ids=str
)
def test_D02_for_one_text_costs_that_text(embed, bad):
    check_costs_only_the_guilty(embed, bad)


@BOTH
@DECODERS
@pytest.mark.parametrize("bad", BAD_ROWS, ids=str)
def test_D03_a_row_that_is_no_vector(embed, decoder, bad):
    check_is_never_accepted(embed, bad)
    check_costs_only_the_guilty(embed, bad)


@BOTH
@DECODERS
@pytest.mark.parametrize("bad", UNEQUAL_ROWS, ids=str)
def test_D04_rows_of_different_lengths(embed, decoder, bad):
    with FaultServer(bad) as server, pytest.raises(errors.APIResponseValidationError, match="values where"):
        embed(server.url, TEXTS[:2], max_retries=0)
    with FaultServer([bad, OK]) as server:
        server.oracle.check(TEXTS, embed(server.url, TEXTS).vectors)
        server.oracle.assert_connections(2)


@BOTH
def test_D05_another_dimension_than_before_ends_the_call_at_once(embed):
    with FaultServer([OK, OK, other_dimension(16)]) as server:
        result = embed(
            server.url, TEXTS, call={"on_error": "return"}, batch_size=1, max_concurrency=1, max_retries=5
        )
        assert 3 <= len(server.requests) <= 4  # the next one may be on its way when the response is read
        server.oracle.check(TEXTS[:2], result.vectors[:2])
    assert [failure.index for failure in result.failures] == list(range(2, 12))
    error = result.failures[0].error
    assert isinstance(error, errors.APIResponseValidationError)
    assert "16 dimensions where earlier ones had 8" in str(error)
    assert (error.attempts, error.retryable) == (1, False)


@BOTH
@DECODERS
@pytest.mark.parametrize("bad", BAD_NUMBERS, ids=str)
def test_D06_D08_what_is_no_finite_number(embed, decoder, bad):
    check_is_never_accepted(embed, bad)


@BOTH
@pytest.mark.parametrize("literal", ["NaN", '"NaN"', "1e999", "1e39", *NO_NUMBERS[:5]])
def test_D06_D08_for_one_text_costs_that_text(embed, literal):
    check_costs_only_the_guilty(embed, number(literal))


@BOTH
def test_D07_zero_and_huge_vectors_are_kept_and_counted(embed, caplog):
    with FaultServer(zero_vectors) as server:
        result = embed(server.url, TEXTS)
    assert not result.vectors.any()
    assert (result.stats.zero_vectors, result.stats.huge_vectors) == (12, 0)
    assert "12 all-zero vectors" in caplog.text
    with FaultServer(huge_norm) as server:
        result = embed(server.url, TEXTS)
    assert (result.vectors == np.float32(1e30)).all()
    assert (result.stats.zero_vectors, result.stats.huge_vectors) == (0, 12)
    with FaultServer() as server:
        stats = embed(server.url, TEXTS).stats
    assert (stats.zero_vectors, stats.huge_vectors) == (0, 0)


@BOTH
def test_D07_with_reject_zero_they_are_wrong_answers(embed):
    with FaultServer([zero_vectors, OK]) as server:
        result = embed(server.url, TEXTS, reject_zero=True)
        server.oracle.check(TEXTS, result.vectors)
    with FaultServer(wrong_for([TEXTS[3]], zero_vectors)) as server:
        result = embed(server.url, TEXTS, reject_zero=True, call={"on_error": "return"})
    assert [failure.index for failure in result.failures] == [3]


@BOTH
@DECODERS
@pytest.mark.parametrize("literal", GOOD_LITERALS, ids=lambda literal: literal[:24])
def test_D09_every_finite_number_is_accepted_as_numpy_rounds_it(embed, decoder, literal):
    with FaultServer(number(literal)) as server:
        vectors = embed(server.url, TEXTS).vectors
    expected = vectors_with(literal, TEXTS)
    assert (vectors == expected).all()
    if literal != "-0":  # an integer in JSON, and integers have but one zero
        assert vectors.tobytes() == expected.tobytes(), "to the bit, the sign of zero too"


@BOTH
@pytest.mark.parametrize("bad", DEEP_NESTING, ids=str)
def test_D10_deep_nesting(embed, bad):
    check_is_never_accepted(embed, bad)


@DECODERS
@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'{"embeddings":[{"values":' + b"["])
def test_D10_is_refused_in_under_100_ms_of_cpu_time(decoder, opening):
    body = opening + b"[" * 200_000
    begun = time.thread_time()
    with pytest.raises(errors.APIResponseValidationError):
        decoding.Decoder().decode(body, 1)
    assert time.thread_time() - begun < 0.1


@BOTH
def test_D11_a_login_page_is_named_by_its_content_type(embed):
    error = check_is_never_accepted(embed, html_200)
    assert "text/html" in str(error)
    assert "login page" in str(error)


@BOTH
@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "Application/JSON", "text/plain", None])
def test_D11_the_right_json_is_accepted_under_any_name(embed, kind):
    with FaultServer(content_type(kind)) as server:
        server.oracle.check(TEXTS, embed(server.url, TEXTS).vectors)


@BOTH
@DECODERS
@pytest.mark.parametrize("bad", [*BAD_TEXT, *BROKEN_ENCODINGS, utf8_bom], ids=str)
def test_D11_bytes_that_are_no_json_document(embed, decoder, bad):
    check_is_never_accepted(embed, bad)


@BOTH
@DECODERS
@pytest.mark.parametrize("good", [*GOOD_SHAPES, *GOOD_ENCODINGS], ids=str)
def test_D12_what_is_new_or_odd_but_right_is_accepted(embed, decoder, good):
    with FaultServer(good) as server:
        server.oracle.check(TEXTS, embed(server.url, TEXTS).vectors)
        server.oracle.assert_requests(1)


@BOTH
@DECODERS
@pytest.mark.parametrize("odd", [duplicate_embeddings_key, duplicate_values_key, invalid_utf8], ids=str)
def test_D12_whatever_is_made_of_doubtful_json_both_decoders_agree_and_no_vector_is_wrong(
    embed, decoder, odd
):
    """A key that stands twice: the last one counts, as in most readers, or the response is refused."""
    with FaultServer(ByConnection({0: [odd]}, OK)) as server:
        server.oracle.check(TEXTS, embed(server.url, TEXTS).vectors)
