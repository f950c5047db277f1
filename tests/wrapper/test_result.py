"""What a call gives back: rows, failures that are made when they are asked for, pickles."""

import pickle
import tracemalloc

import numpy as np
import pytest

from inworld_embeddings._engine.call import Call
from inworld_embeddings._engine.results import BatchOutcome, Results
from inworld_embeddings.errors import APITimeoutError, BadRequestError
from inworld_embeddings.options import STREAM, defaults, merged
from inworld_embeddings.result import EmbeddingResult, Failure, Failures, failure

LATE, REFUSED = APITimeoutError("late"), BadRequestError("refused")


def collected(count, *parts, places=None):
    """The result of a call with these outcomes: (indexes, rows or error)."""
    results = Results(count, places)
    for indexes, outcome in parts:
        results.add(BatchOutcome(indexes, outcome))
    return results.finish(Call(merged(defaults(STREAM), {}, STREAM), 0.0), 1.0)


def rows(*numbers):
    return np.float32([[number, number] for number in numbers])


RUNS = ((5, 8, LATE), (1, 2, REFUSED), (8, 9, REFUSED))
PLAIN = tuple(
    failure(at, error) for at, error in [(1, REFUSED), (5, LATE), (6, LATE), (7, LATE), (8, REFUSED)]
)


def test_failures_are_a_sequence_by_index():
    failures = Failures(RUNS)
    assert (len(failures), tuple(failures), failures[0], failures[-1]) == (5, PLAIN, PLAIN[0], PLAIN[-1])
    assert (failures[1:3], failures[::-2]) == (PLAIN[1:3], PLAIN[::-2])
    assert PLAIN[2] in failures
    assert [item.retryable for item in failures] == [False, True, True, True, False]
    assert [failures.error_of(index) for index in (0, 1, 4, 7, 8, 9)] == [
        None,
        REFUSED,
        None,
        LATE,
        REFUSED,
        None,
    ]
    with pytest.raises(IndexError):
        failures[5]


def test_failures_equal_a_tuple_of_the_same():
    failures = Failures(RUNS)
    assert failures == PLAIN == failures
    assert hash(failures) == hash(PLAIN)
    assert failures != PLAIN[:-1]
    assert failures != list(PLAIN), "as a tuple is no list"
    assert Failures() == ()
    assert not Failures()


def test_failures_pickle():
    back = pickle.loads(pickle.dumps(Failures(RUNS)))
    assert [(item.index, repr(item.error)) for item in back] == [
        (item.index, repr(item.error)) for item in PLAIN
    ]


def test_a_failed_row_raises_its_error_and_is_nan_in_the_array():
    result = collected(5, (range(2), rows(0, 1)), ([2, 4], REFUSED), ([3], rows(3)))
    assert [failure.index for failure in result.failures] == [2, 4]
    assert np.array_equal(result[3], [3, 3])
    for index in (2, -1, slice(1, 3)):
        with pytest.raises(BadRequestError):
            result[index]
    assert np.isnan(result.vectors[[2, 4]]).all()
    assert np.array_equal(result.vectors[[0, 1, 3]], rows(0, 1, 3))
    assert np.array_equal(pickle.loads(pickle.dumps(result)).vectors, result.vectors, equal_nan=True)


def test_a_pickle_made_before_anybody_asked_holds_nan_and_no_stray_memory():
    back = pickle.loads(pickle.dumps(collected(3, ([1], rows(1)), ([0, 2], LATE))))
    assert np.isnan(back.vectors[[0, 2]]).all()
    assert np.array_equal(back[1], [1, 1])


def test_texts_that_share_a_row():
    result = collected(3, ([0, 2], rows(0, 2)), ([1], REFUSED), places=[0, 1, 1, 2, 0, 1])
    assert [failure.index for failure in result.failures] == [1, 2, 5]
    assert np.array_equal(result[3], [2, 2])
    assert np.array_equal(result[3:5], rows(2, 0))
    assert len(result) == 6
    assert np.array_equal(np.isnan(result.vectors).all(axis=1), [0, 1, 1, 0, 0, 1])
    assert np.array_equal(result.vectors[[0, 3, 4]], rows(0, 2, 0))


def test_neighbours_that_share_a_row_keep_their_own_errors():
    result = collected(2, ([0], REFUSED), ([1], LATE), places=[0, 0, 1, 0])
    assert [item.error for item in result.failures] == [REFUSED, REFUSED, LATE, REFUSED]


@pytest.mark.parametrize("places", [None, list(range(1_000_000))], ids=["all", "dedupe"])
def test_a_million_texts_that_were_never_begun_cost_no_memory(places):
    tracemalloc.start()
    try:
        result = collected(
            1_000_000, (range(1), np.zeros((1, 768), np.float32)), (range(1, 1_000_000), LATE), places=places
        )
        assert len(result.failures) == 999_999
        assert result.failures[-1] == Failure(999_999, LATE, retryable=True)
        assert np.array_equal(result[0], np.zeros(768))
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # numpy tells tracemalloc of its whole array, of which the system has given only the pages that were written.
    assert held - result._held.rows.nbytes < (20_000 if places is None else 40_000_000)


def test_a_result_can_be_made_of_plain_things():
    result = EmbeddingResult(rows(1, 2), "model", failures=[failure(1, LATE)])
    assert (result.failures, result.dimension, len(result)) == ((failure(1, LATE),), 2, 2)
    assert repr(result) == "EmbeddingResult(shape=(2, 2), model='model', failures=1)"
