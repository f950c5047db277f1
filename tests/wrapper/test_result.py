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


class TestFailures:
    RUNS = ((5, 8, LATE), (1, 2, REFUSED), (8, 9, REFUSED))
    PLAIN = tuple(
        failure(index, error)
        for index, error in [(1, REFUSED), *((i, LATE) for i in (5, 6, 7)), (8, REFUSED)]
    )

    def test_they_are_a_sequence_by_index(self):
        failures = Failures(self.RUNS)
        assert (len(failures), tuple(failures), failures[0], failures[-1]) == (
            5,
            self.PLAIN,
            self.PLAIN[0],
            self.PLAIN[-1],
        )
        assert [failures[slice(*cut)] for cut in ((1, 3), (None, None, -2))] == [
            self.PLAIN[1:3],
            self.PLAIN[::-2],
        ]
        assert self.PLAIN[2] in failures
        assert [item.retryable for item in failures] == [False, True, True, True, False]
        with pytest.raises(IndexError):
            failures[5]

    def test_they_equal_a_tuple_of_the_same(self):
        failures = Failures(self.RUNS)
        assert (
            failures
            == self.PLAIN
            == failures
            == EmbeddingResult(rows(1), "model", failures=self.PLAIN).failures
        )
        assert hash(failures) == hash(self.PLAIN)
        assert failures != self.PLAIN[:-1]
        assert failures != list(self.PLAIN), "as a tuple is no list"
        assert Failures() == ()
        assert not Failures()

    def test_they_know_the_error_of_each_text(self):
        failures = Failures(self.RUNS)
        assert [failures.error_of(index) for index in range(10)] == [
            None, REFUSED, None, None, None, LATE, LATE, LATE, REFUSED, None,
        ]  # fmt: skip

    def test_they_pickle(self):
        back = pickle.loads(pickle.dumps(Failures(self.RUNS)))
        assert [(item.index, type(item.error), str(item.error)) for item in back] == [
            (item.index, type(item.error), str(item.error)) for item in self.PLAIN
        ]


class TestRows:
    def test_a_failed_row_raises_its_error_and_is_nan_in_the_array(self):
        result = collected(5, (range(2), rows(0, 1)), ([2, 4], REFUSED), ([3], rows(3)))
        assert [failure.index for failure in result.failures] == [2, 4]
        assert np.array_equal(result[3], [3, 3])
        for index in (2, -1, slice(1, 3)):
            with pytest.raises(BadRequestError):
                result[index]
        assert np.isnan(result.vectors[[2, 4]]).all()
        assert np.array_equal(result.vectors[[0, 1, 3]], rows(0, 1, 3))
        assert np.array_equal(pickle.loads(pickle.dumps(result)).vectors, result.vectors, equal_nan=True)

    def test_a_pickle_made_before_anybody_asked_holds_nan_and_no_stray_memory(self):
        back = pickle.loads(pickle.dumps(collected(3, ([1], rows(1)), ([0, 2], LATE))))
        assert np.isnan(back.vectors[[0, 2]]).all()
        assert np.array_equal(back[1], [1, 1])

    def test_texts_that_share_a_row(self):
        result = collected(3, ([0, 2], rows(0, 2)), ([1], REFUSED), places=[0, 1, 1, 2, 0, 1])
        assert [failure.index for failure in result.failures] == [1, 2, 5]
        assert np.array_equal(result[3], [2, 2])
        assert np.array_equal(result[3:5], rows(2, 0))
        assert len(result) == 6
        assert np.array_equal(np.isnan(result.vectors).all(axis=1), [0, 1, 1, 0, 0, 1])
        assert np.array_equal(result.vectors[[0, 3, 4]], rows(0, 2, 0))

    def test_neighbours_that_share_a_row_keep_their_own_errors(self):
        result = collected(2, ([0], REFUSED), ([1], LATE), places=[0, 0, 1, 0])
        assert list(result.failures) == [
            failure(0, REFUSED),
            failure(1, REFUSED),
            failure(2, LATE),
            failure(3, REFUSED),
        ]

    @pytest.mark.parametrize("places", [None, list(range(1_000_000))], ids=["all", "dedupe"])
    def test_a_million_texts_that_were_never_begun_cost_no_memory(self, places):
        tracemalloc.start()
        try:
            result = collected(
                1_000_000,
                (range(1), np.zeros((1, 768), np.float32)),
                (range(1, 1_000_000), LATE),
                places=places,
            )
            assert len(result.failures) == 999_999
            assert result.failures[-1] == Failure(999_999, LATE, retryable=True)
            assert np.array_equal(result[0], np.zeros(768))
            held, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        # numpy tells tracemalloc of its whole array, of which the system has given only the pages that were written.
        assert held - result._held.rows.nbytes < (20_000 if places is None else 40_000_000)

    def test_a_result_can_be_made_of_plain_things(self):
        result = EmbeddingResult(rows(1, 2), "model", failures=[failure(1, LATE)])
        assert (result.failures, result.dimension, len(result)) == ((failure(1, LATE),), 2, 2)
        assert repr(result) == "EmbeddingResult(shape=(2, 2), model='model', failures=1)"
