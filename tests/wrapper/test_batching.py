"""Batches: what may be sent, every text once, in order, within both limits, and no batch smaller than it must be."""

import asyncio
import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inworld_embeddings import _batching as batching
from inworld_embeddings.errors import InvalidInputError

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)
TEXTS = st.lists(TEXT | st.sampled_from(["\0" * 30, "ä" * 99]), max_size=60)
LIMITS = st.integers(1, 9), st.integers(220, 600)
"""Of texts and of bytes."""


def as_json(texts):
    inputs = [{"text": text} for text in texts]
    return json.dumps(inputs, ensure_ascii=False, separators=(",", ":"))[1:-1].encode()


@given(TEXTS, st.integers(9, 400))
def test_a_text_is_refused_exactly_if_its_json_is_too_large(texts, max_bytes):
    sizes = [len(as_json([text])) for text in texts]
    if max(sizes, default=0) <= max_bytes:
        assert batching.checked_texts(texts, max_bytes) == texts
        return
    first = next(index for index, size in enumerate(sizes) if size > max_bytes)
    says = rf"takes {sizes[first]} bytes .* leaves {max_bytes}"
    with pytest.raises(InvalidInputError, match=says) as caught:
        batching.checked_texts(texts, max_bytes)
    assert caught.value.index == first


@given(TEXTS, *LIMITS)
def test_batches_hold_every_text_once_in_order_within_limits_and_are_greedy(texts, batch_size, max_bytes):
    made = list(batching.batches(texts, batch_size, max_bytes))

    assert [text for batch in made for text in batch.texts] == texts
    assert [index for batch in made for index in batch.indexes] == list(range(len(texts)))
    for batch in made:
        assert 1 <= len(batch) <= batch_size
        assert len(batch.body) == len(as_json(batch.texts)) <= max_bytes
        assert json.loads(b"[" + batch.body + b"]") == [{"text": text} for text in batch.texts]
    for batch, following in itertools.pairwise(made):
        fuller = [*batch.texts, following.texts[0]]
        assert len(fuller) > batch_size or len(as_json(fuller)) > max_bytes


@given(TEXTS, *LIMITS, st.sampled_from([None, 7, "\ud800", "x" * 700, "end"]))
def test_a_stream_is_cut_like_a_list_and_an_error_comes_in_its_place(texts, batch_size, max_bytes, bad):
    def source():
        yield from texts
        if bad == "end":
            raise LookupError
        if bad is not None:
            yield bad
            pytest.fail("pulled on")

    async def async_source():
        for text in source():
            yield text

    async def collect(stream):
        async for batch in stream:
            made.append((list(batch.indexes), batch.body))  # noqa: PERF401 - kept also when an error follows

    wanted = [(list(one.indexes), one.body) for one in batching.batches(texts, batch_size, max_bytes)]
    for given_source in (source(), async_source()):
        made, error = [], None
        try:
            asyncio.run(collect(batching.async_stream_batches(given_source, batch_size, max_bytes)))
        except (InvalidInputError, LookupError) as raised:
            error = raised
        assert made == wanted
        assert type(error) is {None: type(None), "end": LookupError}.get(bad, InvalidInputError)
        assert getattr(error, "index", len(texts)) == len(texts)


def test_full_batches_raise_a_cap_by_and_by_and_a_refusal_starts_the_count_anew():
    cap = batching.BatchCap()
    for taken in ([9] * 3 * batching.PATIENCE, [10] * (batching.PATIENCE - 1), [10] * batching.PATIENCE):
        cap.lower(10)
        for texts in taken:
            assert cap.most == 10
            cap.took(texts)
    assert cap.most == 20
