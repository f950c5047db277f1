"""Batches: every text once, in order, within both limits, and no batch smaller than it must be."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inworld_embeddings._core.batches import check_sizes, cut
from inworld_embeddings._core.encode import envelope_size
from inworld_embeddings.errors import InvalidInputError

TEXTS = st.lists(st.text(st.characters(exclude_categories=("Cs",)), max_size=30), max_size=60)


def as_json(texts):
    return ",".join(
        json.dumps({"text": t}, ensure_ascii=False, separators=(",", ":")) for t in texts
    ).encode()


@given(texts=TEXTS, batch_size=st.integers(1, 9), max_bytes=st.integers(220, 600))
def test_batches_hold_every_text_once_in_order_and_within_limits(texts, batch_size, max_bytes):
    batches = list(cut(texts, batch_size, max_bytes))

    assert [text for batch in batches for text in batch.texts] == texts
    assert [index for batch in batches for index in batch.indexes] == list(range(len(texts)))
    for batch in batches:
        assert 1 <= len(batch) <= batch_size
        assert batch.size == len(as_json(batch.texts)) <= max_bytes


@given(texts=TEXTS, batch_size=st.integers(1, 9), max_bytes=st.integers(220, 600))
def test_batches_are_greedy(texts, batch_size, max_bytes):
    batches = list(cut(texts, batch_size, max_bytes))

    for batch, following in itertools.pairwise(batches):
        fuller = [*batch.texts, following.texts[0]]
        assert len(fuller) > batch_size or len(as_json(fuller)) > max_bytes


def test_a_text_over_the_limit_is_named():
    with pytest.raises(InvalidInputError, match=r"inputs\[2\] takes 111 bytes") as caught:
        list(cut(["a", "b", "x" * 100], 2, 50))
    assert caught.value.index == 2


def test_what_came_before_an_error_is_cut_first():
    def texts():
        yield from ["a", "b", "c"]
        raise LookupError("the source broke")

    batches = cut(texts(), 2, 1000)
    assert [batch.texts for batch in (next(batches), next(batches))] == [("a", "b"), ("c",)]
    with pytest.raises(LookupError, match="broke"):
        next(batches)


@pytest.mark.parametrize("texts", [["a", "x" * 100], ["a", "\0" * 30], ["\0" * 30, "a"]])
def test_a_text_over_the_limit_comes_after_what_came_before_it(texts):
    batches, sent = cut([*texts, "later"], 9, 110), []
    with pytest.raises(InvalidInputError) as caught:
        sent.extend(text for batch in batches for text in batch.texts)
    assert caught.value.index == len(sent) == next(i for i, text in enumerate(texts) if len(text) > 1)


@given(texts=TEXTS, max_bytes=st.integers(12, 120))
def test_sizes_are_checked_as_they_are_cut(texts, max_bytes):
    def refused(check):
        try:
            list(check())
        except InvalidInputError as error:
            return error.index, str(error)
        return None

    assert refused(lambda: check_sizes(texts, max_bytes) or []) == refused(lambda: cut(texts, 9, max_bytes))


def test_a_batch_is_full_as_soon_as_no_further_text_fits_by_count():
    source = iter(["a", "b", "c"])
    assert next(cut(source, 2, 1000)).texts == ("a", "b")
    assert next(source) == "c"


def test_parts_keep_order_and_indexes():
    (batch,) = cut(["a", "b", "ccc", "d", "e"], 5, 1000)
    left, right = batch.parts(3)
    assert (left.texts, list(left.indexes)) == (("a", "b", "ccc"), [0, 1, 2])
    assert (right.texts, list(right.indexes)) == (("d", "e"), [3, 4])
    assert left.size == len(as_json(left.texts))


def test_picked_texts_keep_their_indexes():
    (batch,) = cut(["a", "b", "ccc", "d", "e"], 5, 1000)
    picked = batch.pick([1, 4]).pick([1])
    assert (picked.texts, list(picked.indexes), picked.size) == (("e",), [4], len(as_json(["e"])))


def test_the_texts_are_not_in_a_repr():
    (batch,) = cut(["secret text"], 5, 1000)
    assert "secret" not in repr(batch)


def test_the_envelope_is_what_stands_around_the_texts():
    body = {"inputs": [], "model": {"model": "modèle", "serviceProvider": "SERVICE_PROVIDER_OPENAI"}}
    wire = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    assert envelope_size("modèle", "SERVICE_PROVIDER_OPENAI") == len(wire)
