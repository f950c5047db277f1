"""`embed_iter`: order, back-pressure (row E06), errors of the source and of texts, leaving early, memory."""

import asyncio
import itertools
import tracemalloc
from operator import itemgetter

import numpy as np
import pytest

from inworld_embeddings import AsyncEmbeddingClient, EmbeddingClient, Failure, errors
from support.fault import OK
from support.faults import black_hole
from support.in_process import KEY, AsyncFace, Instant, Service, virtual
from support.vectors import vector_for


def names(count):
    return [f"text {number}" for number in range(count)]


def assert_right(rows, indexes):
    """These rows, in this order, each with the vector of its text."""
    assert [index for index, _ in rows] == indexes
    assert all(np.array_equal(vector, vector_for(f"text {index}")) for index, vector in rows)


def client_over(service, **settings):
    return AsyncEmbeddingClient(api_key=KEY, transport=service, **settings)


def late_first(request):
    return 1.0 if request.number == 0 else 0.0


@pytest.mark.parametrize("ordered", [True, False])
@virtual
async def test_E06_rows_come_in_order_or_as_they_are_done_and_no_further_ahead_than_the_window(ordered):
    rows, pulled = [], []
    source = (pulled.append(text) or text for text in names(400))
    async with client_over(Service(latency=late_first), batch_size=5, max_concurrency=3) as client:
        async for row in client.embed_iter(source, ordered=ordered):
            # In flight: 3 batches of 5. Ready to go or to be read: as many again. In hand: the row's own batch.
            assert len(pulled) <= len(rows) + 5 * (3 + 3 + 1)
            rows.append(row)
            if len(rows) % 50 == 0:
                await asyncio.sleep(1.0)  # a slow reader
    assert (rows[0][0] == 0) is ordered
    assert_right(rows if ordered else sorted(rows, key=itemgetter(0)), list(range(400)))


def test_E06_a_raising_source_surfaces_after_everything_before_it():
    def source():
        yield from names(13)
        raise LookupError("the source")

    with AsyncFace(Service(), batch_size=5) as face:
        rows, error = face.rows(source())
    assert isinstance(error, LookupError)
    assert_right(rows, list(range(13)))


REFUSES_17 = 'poison="^text 17$"'


def test_a_refused_text_ends_the_iteration_after_what_is_in_flight():
    with AsyncFace(Service(REFUSES_17), batch_size=20, max_concurrency=1) as face:
        rows, error = face.rows(names(80))
    assert isinstance(error, errors.BadRequestError)
    assert error.__notes__ == ["inputs[17] has no vector; the vectors before and beside it were yielded."]
    assert_right(rows, [index for index in range(len(rows) + 1) if index != 17])
    assert 19 <= len(rows) < 79


def test_a_refused_text_is_a_row_like_the_others_where_failures_are_returned():
    unsendable = [*names(30), "\ud800", *names(40)[31:]]
    with AsyncFace(Service(REFUSES_17), batch_size=20) as face:
        rows, error = face.rows(unsendable, on_error="return")
    assert error is None
    assert [index for index, _ in rows] == list(range(40))
    failed = [(row.index, type(row.error)) for _, row in rows if isinstance(row, Failure)]
    assert failed == [(17, errors.BadRequestError), (30, errors.InvalidInputError)]


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

    async with client_over(Service('poison="text 29"'), batch_size=1) as client:
        rows = client.embed_iter(source())
        assert_right([await anext(rows) for _ in range(29)], list(range(29)))
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
