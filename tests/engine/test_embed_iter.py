"""`embed_iter`, sync and async: order, back-pressure, errors of the source and of texts, leaving early, memory."""

import asyncio
import contextlib
import gc
import itertools
import logging
import threading
import time
import tracemalloc

import httpx
import numpy as np
import pytest

from inworld_embeddings import (
    AsyncEmbeddingClient,
    BadRequestError,
    ClientClosedError,
    EmbeddingClient,
    Failure,
    InvalidInputError,
)
from support.clients import KEY
from support.fault import Fault
from support.fault_server import OK, FaultServer
from support.faults import black_hole, poison, status
from support.vectors import text_id, vector_for


class SyncStream:
    """`embed_iter` of a sync client."""

    def __init__(self, url, texts, *, call=None, **settings):
        self.client = EmbeddingClient(base_url=url, api_key=KEY, **settings)
        self.rows = self.client.embed_iter(texts, **(call or {}))

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.rows)

    def leave(self):
        self.rows.close()

    def close(self):
        self.rows.close()
        self.client.close()


class AsyncStream:
    """`embed_iter` of an async client, pulled by hand on an event loop of its own."""

    def __init__(self, url, texts, *, call=None, **settings):
        self.runner = asyncio.Runner()
        self.client = AsyncEmbeddingClient(base_url=url, api_key=KEY, **settings)
        self.rows = self.client.embed_iter(texts, **(call or {}))

    def __iter__(self):
        return self

    def __next__(self):
        try:
            return self.runner.run(self._next())
        except StopAsyncIteration:
            raise StopIteration from None

    async def _next(self):
        return await anext(self.rows)

    def leave(self):
        self.runner.run(self._leave())

    async def _leave(self):
        await self.rows.aclose()

    def close(self):
        self.leave()
        self.runner.run(self.client.close())
        self.runner.close()


BOTH = pytest.mark.parametrize("stream", [SyncStream, AsyncStream], ids=["sync", "async"])


@contextlib.contextmanager
def streaming(stream, server, texts, **settings):
    with contextlib.closing(stream(server.url, texts, **settings)) as rows:
        yield rows


def assert_right(rows, texts):
    for index, vector in rows:
        assert np.array_equal(vector, vector_for(texts[index])), index


def names(count):
    return [f"text {number}" for number in range(count)]


def late_first(request):
    return 0.2 if request.number == 0 else 0.0


class Counted:
    """A source that knows how far it was pulled, and by which threads."""

    def __init__(self, texts):
        self.pulled, self.threads, self._texts = 0, set(), iter(texts)

    def __iter__(self):
        return self

    def __next__(self):
        self.threads.add(threading.get_ident())
        text = next(self._texts)
        self.pulled += 1
        return text


@BOTH
@pytest.mark.parametrize("count", [0, 1, 7, 8, 200])
def test_rows_come_in_input_order(stream, count):
    texts = names(count)
    with FaultServer(latency=late_first) as server, streaming(stream, server, texts, batch_size=8) as rows:
        got = list(rows)
    assert [index for index, _ in got] == list(range(count))
    assert_right(got, texts)


@BOTH
def test_unordered_rows_come_as_they_are_done_with_their_indexes(stream):
    texts = names(40)

    def first_is_last(request):
        if request.number == 0:
            server.oracle.wait_for(lambda: sum(r.finished is not None for r in server.requests) == 4)
            return 0.1
        return 0.0

    settings = {"batch_size": 8, "call": {"ordered": False}}
    with FaultServer(latency=first_is_last) as server, streaming(stream, server, texts, **settings) as rows:
        got = list(rows)
        first = [text_id(text) for text in texts].index(server.requests[0].text_ids[0])
    assert sorted(index for index, _ in got) == list(range(40))
    assert [index for index, _ in got[-8:]] == list(range(first, first + 8))
    assert_right(got, texts)


@BOTH
@pytest.mark.parametrize("ordered", [True, False])
def test_E06_the_source_is_not_pulled_further_ahead_than_the_window(stream, ordered):
    source = Counted(names(400))
    settings = {"batch_size": 5, "max_concurrency": 3, "call": {"ordered": ordered}}
    with FaultServer() as server, streaming(stream, server, source, **settings) as rows:
        for taken, _ in enumerate(rows):
            # In flight: 3 batches of 5. Ready to go or to be read: as many again. In hand: the row's own batch.
            assert source.pulled <= taken + 5 * (3 + 3 + 1)
    assert source.pulled == 400


@BOTH
def test_E06_an_infinite_source_is_no_problem(stream):
    source = Counted(map(str, itertools.count()))
    with FaultServer() as server, streaming(stream, server, source, batch_size=4, max_concurrency=4) as rows:
        got = list(itertools.islice(rows, 100))
    assert_right(got, [str(number) for number in range(100)])
    assert source.pulled <= 100 + 4 * (4 + 4 + 1)


@BOTH
def test_E06_a_raising_source_surfaces_after_everything_before_it(stream):
    class OddError(Exception):
        pass

    def source():
        yield from names(13)
        raise OddError

    with FaultServer() as server, streaming(stream, server, source(), batch_size=5) as rows:
        got = list(itertools.islice(rows, 13))
        assert_right(got, names(13))
        with pytest.raises(OddError):
            next(rows)


@BOTH
@pytest.mark.parametrize("bad", [None, b"x", "\ud800"])
def test_a_text_that_cannot_be_sent_is_named_after_everything_before_it(stream, bad):
    with FaultServer() as server, streaming(stream, server, [*names(7), bad, "x"], batch_size=5) as rows:
        assert_right(list(itertools.islice(rows, 7)), names(7))
        with pytest.raises(InvalidInputError) as caught:
            next(rows)
    assert caught.value.index == 7


@pytest.mark.parametrize("bad", ["text", b"bytes", None, 3])
@pytest.mark.parametrize("client", [EmbeddingClient, AsyncEmbeddingClient])
def test_what_is_no_iterable_of_texts_is_refused_at_once(client, bad):
    with pytest.raises(InvalidInputError):
        client(api_key=KEY).embed_iter(bad)


@BOTH
def test_a_refused_text_ends_the_iteration_after_what_was_in_work(stream):
    texts, got = names(40), []
    with (
        FaultServer(poison([texts[17]])) as server,
        streaming(stream, server, texts, batch_size=5, max_concurrency=2) as rows,
        pytest.raises(BadRequestError) as caught,
    ):
        got.extend(rows)
    assert_right(got, texts)
    seen = [index for index, _ in got]
    assert seen == sorted(seen)
    assert set(range(20)) - {17} <= set(seen)
    assert caught.value.__notes__ == [
        "inputs[17] has no vector; the vectors before and beside it were yielded."
    ]


@BOTH
def test_with_on_error_return_it_is_a_row_like_the_others(stream):
    texts = names(40)
    settings = {"batch_size": 5, "call": {"on_error": "return"}}
    with FaultServer(poison([texts[17]])) as server, streaming(stream, server, texts, **settings) as rows:
        got = dict(rows)
    failed = got.pop(17)
    assert isinstance(failed, Failure)
    assert (failed.index, type(failed.error), failed.retryable) == (17, BadRequestError, False)
    assert_right(got.items(), texts)
    assert len(got) == 39


@BOTH
def test_leaving_early_cancels_what_is_in_flight(stream):
    def after_the_second_came(exchange):
        server.oracle.wait_for_requests(2)
        exchange.play(OK)

    first = Fault("after_the_second_came", after_the_second_came)
    with (
        FaultServer(lambda request: first if request.texts == ("0",) else black_hole) as server,
        streaming(stream, server, map(str, itertools.count()), batch_size=1) as rows,
    ):
        next(rows)
        rows.leave()
        server.oracle.wait_until_idle()  # a black hole ends when the client leaves


@BOTH
def test_leaving_early_closes_a_generator_that_nobody_else_holds(stream):
    closed = threading.Event()

    def source():
        try:
            yield from map(str, itertools.count())
        finally:
            closed.set()

    with FaultServer() as server:
        rows = stream(server.url, source(), batch_size=2)
        next(rows)
        rows.close()
        del rows
        gc.collect()
    assert closed.is_set()


def test_the_source_runs_in_the_callers_thread_and_may_block():
    source = Counted(names(30))
    with FaultServer() as server, streaming(SyncStream, server, source, batch_size=4) as rows:
        assert len(list(rows)) == 30
    assert source.threads == {threading.get_ident()}


@pytest.mark.parametrize("ordered", [True, False])
def test_E06_a_slow_source_does_not_hold_back_what_is_done(ordered):
    """The rows of a batch come while the source is asked for the next one, as soon as it lets go."""
    times = []

    def source():
        for number in range(6):
            yield str(number)
            time.sleep(0.05)

    with FaultServer() as server:
        stream = SyncStream(server.url, source(), batch_size=1, call={"ordered": ordered})
        with contextlib.closing(stream) as rows:
            times.extend(time.monotonic() for _ in rows)
    assert times[-1] - times[0] > 0.1  # not all at the end


def test_an_async_source_is_pulled_as_an_async_iterator():
    async def source():
        for text in names(30):
            await asyncio.sleep(0)
            yield text

    with FaultServer() as server, streaming(AsyncStream, server, source(), batch_size=4) as rows:
        got = list(rows)
    assert_right(got, names(30))
    assert len(got) == 30


def test_a_failure_does_not_wait_for_a_source_that_never_goes_on():
    async def source():
        yield "a"
        yield "b"
        await asyncio.Event().wait()

    with (
        FaultServer(status(400)) as server,
        streaming(AsyncStream, server, source(), batch_size=1) as rows,
        pytest.raises(BadRequestError),
    ):
        next(rows)


@BOTH
def test_an_iteration_over_a_client_that_was_closed_says_so(stream):
    with (
        FaultServer() as server,
        streaming(stream, server, map(str, itertools.count()), batch_size=2) as rows,
    ):
        next(rows)
        if stream is SyncStream:
            rows.client.close()
        else:
            rows.runner.run(rows.client.close())
        with pytest.raises(ClientClosedError):
            list(rows)


class Answer(httpx.AsyncBaseTransport):
    """The same answer to each text, made once: what memory it takes is not this transport's."""

    def __init__(self, dim=16):
        self._row = b'{"values":[' + b",".join([b"0.25"] * dim) + b"]}"

    async def handle_async_request(self, request):
        rows = [self._row] * request.content.count(b'{"text"')
        return httpx.Response(200, content=b'{"embeddings":[' + b",".join(rows) + b"]}")


def test_E06_memory_does_not_grow_with_the_work(monkeypatch):
    """200 000 texts: their vectors alone are 13 MB; 8 batches of 128 in work are 65 kB."""
    monkeypatch.setattr(logging.root.manager, "disable", logging.CRITICAL)  # pytest keeps all records
    peaks = []
    settings = {"api_key": KEY, "transport": Answer(), "max_concurrency": 8}
    with EmbeddingClient(**settings) as client:
        for count in (10_000, 200_000):
            tracemalloc.start()
            assert sum(1 for _ in client.embed_iter(str(n) for n in range(count))) == count
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    assert peaks[1] < peaks[0] * 1.5 + 1_000_000
    assert peaks[1] < 6_000_000
