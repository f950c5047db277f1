"""What a call gives back: rows, failures that are made when they are asked for, pickles, what others make of it, and similarity."""

import json
import os
import pickle
from itertools import starmap
from unittest import mock

import numpy as np
import pyarrow.parquet as pq
import pydantic
import pytest

from inworld_embeddings import errors, rank, similarity
from inworld_embeddings._engine.call import Call
from inworld_embeddings._engine.results import BatchOutcome, Results
from inworld_embeddings.options import STREAM, defaults, merged
from inworld_embeddings.result import EmbeddingResult, Failures, failure
from support.in_process import embed
from support.vectors import vector_for, vectors_for

LATE, REFUSED = errors.APITimeoutError("late"), errors.BadRequestError("refused")
PLAIN = tuple(starmap(failure, [(1, REFUSED), (5, LATE), (6, LATE), (7, LATE), (8, REFUSED)]))


def test_failures_are_a_sequence_by_index_and_equal_a_tuple_of_the_same():
    failures = Failures([(5, 8, LATE), (1, 2, REFUSED), (8, 9, REFUSED)])
    assert (len(failures), tuple(failures), failures[0], failures[-1]) == (5, PLAIN, PLAIN[0], PLAIN[-1])
    assert (failures[1:3], failures[::-2]) == (PLAIN[1:3], PLAIN[::-2])
    assert [item.retryable for item in failures] == [False, True, True, True, False]
    assert [failures.error_of(at) for at in (0, 1, 4, 7, 8, 9)] == [None, REFUSED, None, LATE, REFUSED, None]
    with pytest.raises(IndexError):
        failures[5]
    assert failures == PLAIN == failures
    assert hash(failures) == hash(PLAIN)
    assert failures not in (PLAIN[:-1], list(PLAIN)), "as a tuple is no list"
    assert Failures() == ()


@pytest.fixture(params=[False, True], ids=["all", "dedupe"])
def result(request):
    """What a call gave whose texts 1, 2 and 5, all the same, were refused."""
    call = {"on_error": "return", "dedupe": request.param}
    return embed('poison="^b$"', list("abbcab"), call=call)[1]


def test_a_failed_row_raises_its_error_and_is_nan_in_the_array(result):
    back = pickle.loads(pickle.dumps(result))  # before anybody has asked for the array
    assert repr(back.failures) == repr(result.failures)
    for index in (2, -1, np.int64(5)):
        with pytest.raises(errors.BadRequestError):
            result[index]
    assert np.array_equal(result[3], vector_for("c"))
    for one in (result, back):
        assert np.array_equal(one.vectors[[0, 3, 4]], vectors_for("aca"))
        assert np.isnan(one.vectors[[1, 2, 5]]).all()


def test_I04_a_million_texts_that_were_never_begun_cost_no_memory(at_most):
    results = Results(1_000_000, None)
    results.add(BatchOutcome(range(1), np.zeros((1, 2), np.float32)))
    results.add(BatchOutcome(range(1, 1_000_000), LATE))
    result = results.finish(Call(merged(defaults(STREAM), {}, STREAM), 0.0), 1.0)
    assert len(result.failures) == 999_999
    assert result.failures[-1] == failure(999_999, LATE)
    assert np.array_equal(result[0], [0, 0])
    at_most(8_000_000 + 20_000)  # the array, of which the system has given only the pages that were written


TAKEN = [slice(1, 4), slice(None, None, -2), slice(6, 9)]
TAKEN += [[5, 0, -3, 0], [], np.array([4, 1]), [True, False, True] * 2]


@pytest.mark.parametrize("index", TAKEN, ids=str)
def test_some_texts_of_a_result_are_a_result(index, result):
    wanted = np.arange(6)[index].tolist()
    taken = result[index]
    assert isinstance(taken, EmbeddingResult)
    assert (taken.shape, len(taken), taken.stats) == ((len(wanted), 8), len(wanted), result.stats)
    reasons = [result.failures.error_of(at) for at in wanted]
    assert [taken.failures.error_of(at) for at in range(len(wanted))] == reasons
    assert np.array_equal(taken.vectors, result.vectors[wanted], equal_nan=True)
    assert not result[result.succeeded].failures


@pytest.mark.parametrize("take", [lambda r: r[1], lambda r: next(iter(r)), lambda r: r[1:2].vectors])
def test_what_is_kept_of_a_result_does_not_hold_the_rest(take):
    result = EmbeddingResult(np.zeros((4, 2), np.float32), "model")
    kept = take(result)
    assert type(kept) is np.ndarray, "a subclass is refused by libraries that look at the exact type"
    kept[:] = 1
    assert not result.vectors.any()


RESULT = EmbeddingResult(
    np.float32([[0.1, -2.5], [np.nan] * 2, [3e-38, 7]]),
    "a <model>",
    "an engine",
    [failure(1, errors.APIResponseValidationError("<b>", retryable=False, attempts=3))],
)


class Response(pydantic.BaseModel):
    result: EmbeddingResult


def test_a_result_is_a_field_of_a_pydantic_model_and_comes_back_from_its_json():
    response = Response(result=RESULT)
    told = response.model_dump_json()
    assert json.loads(told) == {"result": RESULT.to_dict()}
    again = EmbeddingResult.from_dict(json.loads(json.dumps(RESULT.to_dict(), allow_nan=False)))
    for back in (response.result, Response.model_validate_json(told).result, again):
        assert np.array_equal(back.vectors, RESULT.vectors, equal_nan=True)
        assert (back.model, back.engine) == (RESULT.model, RESULT.engine)
        assert repr(back.failures) == repr(RESULT.failures)
    for mode in ("validation", "serialization"):
        assert "vectors" in str(Response.model_json_schema(mode=mode))


@pytest.mark.parametrize("vectors", [[[1, 2], None, [1]], [[1, 2], None, None], [[1, 2]], 1], ids=repr)
def test_json_of_no_result_is_a_validation_error(vectors):
    with pytest.raises(pydantic.ValidationError):
        Response.model_validate({"result": RESULT.to_dict() | {"vectors": vectors}})


def test_to_arrow_has_null_and_the_error_where_there_is_no_vector():
    table = RESULT.to_arrow()
    assert str(table.schema.field("vector").type) == "fixed_size_list<element: float>[2]"
    vectors = table["vector"].to_pylist()
    assert (vectors[0], vectors[1]) == (RESULT.vectors[0].tolist(), None)
    error = {"code": "APIResponseValidationError", "message": "<b>", "attempts": 3}
    assert table["error"].to_pylist() == [None, error, None]
    names = {b"inworld_embeddings.model": b"a <model>", b"inworld_embeddings.engine": b"an engine"}
    assert table.schema.metadata == names


@pytest.mark.parametrize("saved", [RESULT, RESULT[:0], EmbeddingResult(np.empty((0, 0), np.float32), "m")])
def test_what_is_saved_is_there_whole_or_not_at_all(tmp_path, saved, monkeypatch):
    saved.save(tmp_path / "a.npy")
    saved.save(str(tmp_path / "a.PARQUET"))
    assert np.array_equal(np.load(tmp_path / "a.npy"), saved.vectors, equal_nan=True)
    assert pq.read_table(tmp_path / "a.PARQUET").equals(saved.to_arrow())
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    monkeypatch.setattr(os, "fsync", mock.Mock(side_effect=OSError(28, "No space left on device")))
    for path in before:
        with pytest.raises(OSError, match="No space"):
            RESULT[:1].save(path)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
    with pytest.raises(errors.InvalidInputError, match=r"a\.csv: the name must end with \.npy or \.parquet"):
        saved.save(tmp_path / "a.csv")


def test_quantized_rows_keep_the_most_of_it_and_what_cannot_be_says_why():
    vectors = np.random.default_rng(0).standard_normal((50, 100)).astype(np.float32)
    vectors[7] = 0
    result = EmbeddingResult(vectors, "model")
    whole, binary = result.quantize("int8"), result.quantize("binary")
    assert (whole.values.dtype, whole.values.shape, np.abs(whole.values).max()) == (np.int8, (50, 100), 127)
    assert np.abs(whole.values * whole.scales[:, None] - vectors).max() <= whole.scales.max() / 2 * 1.0001
    assert (binary.values.dtype, binary.values.shape, binary.scales) == (np.uint8, (50, 13), None)
    assert np.array_equal(np.unpackbits(binary.values, axis=1, count=100), vectors > 0)
    assert len(result[:0].quantize("int8").values) == len(result[:0].quantize("binary").values) == 0
    with pytest.raises(errors.APIResponseValidationError):
        RESULT.quantize("int8")
    with pytest.raises(errors.InvalidInputError, match='"int8" or "binary", not \'int4\''):
        RESULT[RESULT.succeeded].quantize("int4")


def test_shown_in_a_notebook_it_is_short_and_no_markup_of_others():
    shown = EmbeddingResult(np.ones((1000, 768), np.float32), "m")._repr_html_() + RESULT._repr_html_()
    assert shown.count("+1.0000") == 5 * 4
    assert "APIResponseValidationError: &lt;b&gt;" in shown
    assert "a &lt;model&gt;" in shown


# How similar they are

A, B = np.float32([[3, 4], [0, 0], [-6, -8]]), np.float32([[1, 0], [0, 5]])
COSINES = np.float32([[0.6, 0.8], [0, 0], [-0.6, -0.8]])


@pytest.mark.parametrize("kind", [np.asarray, np.ndarray.tolist, lambda rows: EmbeddingResult(rows, "m")])
def test_similarity_is_the_cosine_of_each_with_each(kind):
    a, b = kind(A), kind(B)
    assert np.allclose(similarity(a, b), COSINES)
    assert np.allclose(similarity(a[0], b), COSINES[0])
    assert np.allclose(similarity(a, b[1]), COSINES[:, 1])
    one = similarity(a[2], b[0])
    assert (np.shape(one), float(one)) == ((), pytest.approx(-0.6))


def test_vectors_of_two_models_or_engines_are_not_compared():
    for other in (EmbeddingResult(B, "n"), EmbeddingResult(B, "m", "local")):
        with pytest.raises(errors.InvalidInputError, match="the service with m and of .* cannot be compared"):
            similarity(EmbeddingResult(A, "m"), other)


def test_rank_leaves_out_texts_without_a_vector_and_keeps_the_order_of_equals():
    rows = np.float32([[0, 1], [2, 0], [np.nan, np.nan], [1, 0]])
    result = EmbeddingResult(rows, "m", failures=[failure(2, errors.BadRequestError("no"))])
    assert rank([1, 0], result) == [(1, 1.0), (3, 1.0), (0, 0.0)]
