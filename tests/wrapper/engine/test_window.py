"""`embed_iter`: order, back-pressure (row E06), errors of the source and of texts, leaving early, memory."""

import asyncio
import itertools
import tracemalloc

import numpy as np
import pytest

from inworld_embeddings import AsyncEmbeddingClient, EmbeddingClient, Failure, errors
from support.fault import OK
from support.faults import black_hole
from support.in_process import KEY, AsyncFace, Instant, Service, virtual
from support.vectors import text_id, vector_for


def client_over(service, **settings):
    return AsyncEmbeddingClient(api_key=KEY, transport=service, **settings)


def names(count):
    return [f"text {number}" for number in range(count)]


def assert_right(rows, texts):
    for index, vector in rows:
        assert np.array_equal(vector, vector_for(texts[index])), index


def late_first(request):
    return 1.0 if request.number == 0 else 0.0


@pytest.mark.parametrize("count", [0, 7, 200])
def test_rows_come_in_input_order(count):
    with AsyncFace(Service(latency=late_first), batch_size=8) as face:
        rows, error = face.rows(names(count))
    assert ([index for index, _ in rows], error) == (list(range(count)), None)
    assert_right(rows, names(count))


def test_unordered_rows_come_as_they_are_done_with_their_indexes():
    texts, service = names(40), Service(latency=late_first)
    with AsyncFace(service, batch_size=8) as face:
        rows, _ = face.rows(texts, ordered=False)
    first = [text_id(text) for text in texts].index(service.requests[0].text_ids[0])
    assert sorted(index for index, _ in rows) == list(range(40))
    assert [index for index, _ in rows[-8:]] == list(range(first, first + 8))
    assert_right(rows, texts)


@pytest.mark.parametrize("ordered", [True, False])
@virtual
async def test_E06_the_source_is_not_pulled_further_ahead_than_the_window(ordered):
    taken, pulled = 0, []
    source = (pulled.append(text) or text for text in names(400))
    async with client_over(Service(latency=late_first), batch_size=5, max_concurrency=3) as client:
        async for _ in client.embed_iter(source, ordered=ordered):
            # In flight: 3 batches of 5. Ready to go or to be read: as many again. In hand: the row's own batch.
            assert len(pulled) <= taken + 5 * (3 + 3 + 1)
            taken += 1
            if taken % 50 == 0:
                await asyncio.sleep(1.0)  # a slow reader
    assert (len(pulled), taken) == (400, 400)


def test_E06_a_raising_source_surfaces_after_everything_before_it():
    def source():
        yield from names(13)
        raise LookupError("the source")

    with AsyncFace(Service(), batch_size=5) as face:
        rows, error = face.rows(source())
    assert (len(rows), type(error)) == (13, LookupError)
    assert_right(rows, names(13))


@pytest.mark.parametrize("on_error", ["raise", "return"])
def test_a_refused_text_ends_the_iteration_or_is_a_row_like_the_others(on_error):
    texts = names(40)
    service = Service(f'poison="^{texts[17]}$"')
    if on_error == "return":
        texts[30] = "\ud800"  # cannot be sent at all
    with AsyncFace(service, batch_size=20, max_concurrency=2) as face:
        rows, error = face.rows(texts, on_error=on_error)
    got = dict(rows)
    assert list(got) == sorted(got)
    if on_error == "return":
        assert isinstance(got.pop(30).error, errors.InvalidInputError)
        failed = got.pop(17)
        assert (type(failed), failed.index, failed.retryable) == (Failure, 17, False)
        assert (len(got), error) == (38, None)
        error = failed.error
    else:
        assert error.__notes__ == ["inputs[17] has no vector; the vectors before and beside it were yielded."]
    assert set(range(20)) - {17} <= set(got)
    assert isinstance(error, errors.BadRequestError)
    assert_right(got.items(), texts)


@virtual
async def test_leaving_early_cancels_what_is_in_flight():
    service = Service(lambda request: OK if request.texts == ("0",) else black_hole, latency=late_first)
    async with client_over(service, batch_size=1) as client:
        rows = client.embed_iter(map(str, itertools.count()))
        await anext(rows)
        await rows.aclose()
        assert len(service.requests) > 1
        assert service.oracle.in_flight == 0


@virtual
async def test_a_failure_does_not_wait_for_an_async_source_that_never_goes_on():
    async def source():
        for text in names(30):
            await asyncio.sleep(0.1)
            yield text
        await asyncio.Event().wait()

    async with client_over(Service("poison=29"), batch_size=1) as client:
        rows = client.embed_iter(source())
        assert_right([await anext(rows) for _ in range(29)], names(30))
        with pytest.raises(errors.BadRequestError):
            await anext(rows)


def test_E06_memory_does_not_grow_with_the_work(no_records):
    """12 000 texts: their vectors alone are .8 MB; 8 batches of 128 in work are 65 kB."""
    peaks = []
    with EmbeddingClient(api_key=KEY, transport=Instant(16), max_concurrency=8) as client:
        for count in (3_000, 12_000):
            tracemalloc.start()
            assert sum(1 for _ in client.embed_iter(str(n) for n in range(count))) == count
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.2 + 200_000
    assert peaks[1] < 1_500_000
