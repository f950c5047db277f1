import pytest

from inworld_embeddings import errors
from inworld_embeddings._core import blame
from inworld_embeddings._core.batches import batch_of
from inworld_embeddings._core.rpc_details import BadRequest, FieldViolation


def batch(count):
    texts = tuple("abcdefghij"[:count])
    return batch_of(range(10, 10 + count), texts)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 8, 9, 128, 10_000])
def test_spread_covers_a_batch_from_end_to_end(count):
    positions = blame.spread(count)
    assert len(positions) == len(set(positions)) <= blame.ENOUGH
    assert (min(positions), max(positions)) == (0, count - 1)
    assert len(positions) == min(count, blame.ENOUGH) or count == 7
    gaps = [after - before for before, after in zip(sorted(positions), sorted(positions)[1:], strict=False)]
    assert not gaps or max(gaps) <= count / (blame.ENOUGH - 1) + 1


def test_named_are_the_positions_that_exist():
    violations = tuple(FieldViolation(input_index=index) for index in (5, None, 2, 2, 9))
    error = errors.BadRequestError("no", details=({"other": 1}, BadRequest(violations)))
    assert blame.named(error, 6) == [2, 5]
    assert blame.named(errors.APIConnectionError("no"), 6) == []


def test_without_and_halves_keep_every_text_and_its_index():
    rest = blame.without(batch(5), {11, 14})
    assert (list(rest.indexes), rest.texts) == ([10, 12, 13], ("a", "c", "d"))
    assert blame.without(batch(2), {10, 11}) is None
    assert [part.texts for part in blame.halves(batch(5))] == [("a", "b", "c"), ("d", "e")]
    assert [part.texts for part in blame.halves(batch(1))] == [("a",)]
