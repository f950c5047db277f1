"""Every error travels to another process whole, and without the key."""

import pickle

import numpy as np
import pytest

from inworld_embeddings import BadRequestError, PartialFailureError, PermissionDeniedError, errors
from support.faults import key_echo, poison
from support.in_process import KEY, embed
from support.vectors import vector_for

CLASSES = [
    cls
    for cls in vars(errors).values()
    if isinstance(cls, type) and issubclass(cls, errors.InworldEmbeddingsError)
]


@pytest.mark.parametrize("cls", CLASSES)
def test_every_error_survives_a_pickle(cls):
    error = cls("said", attempts=2, index=3)
    back = pickle.loads(pickle.dumps(error))
    assert (type(back), str(back), vars(back)) == (cls, "said", vars(error))


def test_a_partial_failure_survives_a_pickle_with_its_result():
    with pytest.raises(PartialFailureError) as caught:
        embed(poison(["bad"]), ["a", "bad"], batch_size=1)
    back = pickle.loads(pickle.dumps(caught.value))
    assert np.array_equal(back.result[0], vector_for("a"))
    assert back.failures[0].index == 1
    with pytest.raises(BadRequestError):
        back.result[1]


def test_an_error_that_quotes_the_key_pickles_whole_and_without_it():
    with pytest.raises(PermissionDeniedError) as caught:
        embed(key_echo(f"unknown key {KEY}", http=403), "x")
    data = pickle.dumps(caught.value)
    back = pickle.loads(data)
    assert KEY[:8].encode() not in data
    assert (type(back), str(back), vars(back)) == (type(caught.value), str(caught.value), vars(caught.value))
