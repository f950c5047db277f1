"""The way of a call through a cache: what is there is not sent, what is being sent is waited for, the rest is sent and kept.

The cache blocks, so it is asked in a thread. Whatever is wrong with it before a text was sent is that text's error;
afterwards it is logged, for the vector is there.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

from .._batching import Batch
from ..cache import Cache, Flight, Space, digests_of, keys_of, origin_of
from ..errors import APIResponseValidationError, CacheError, InworldEmbeddingsError
from .batch_runner import run_batch
from .call import Call
from .observability import logger
from .results import BatchOutcome, in_order

if TYPE_CHECKING:
    from ..result import Vectors
    from .session import Session

T = TypeVar("T")
Send: TypeAlias = Callable[[Sequence[int]], AsyncGenerator[BatchOutcome]]

AT_ONCE: Final = 512
"""Texts that are looked up at a time, and that may wait for one flight."""
WAIT: Final = 60.0
"""Seconds that a text of another call is waited for before it is sent all the same."""


class _Round:
    """What has become of some texts of a call, by their positions.

    Attributes:
        found: Those that the cache has.
        mine: Those to send.
        others: Those that another call is sending.
        again: Those that go into the next round.
    """

    def __init__(self) -> None:
        self.found: list[int] = []
        self.mine: list[int] = []
        self.others: dict[int, Flight] = {}
        self.again: list[int] = []


class Caching:
    """A call, and the cache it goes through.

    ``send`` gives what becomes of texts, by their positions; its outcomes name the same positions.
    """

    def __init__(
        self, session: "Session", call: Call, cache: Cache, texts: Sequence[str], send: Send
    ) -> None:
        self._session, self._call, self._texts, self._send = session, call, texts, send
        self._store, self._limit = cache.store, cache.size_limit
        self._origin = b""
        self._space: Space | None = None
        self._digests: list[bytes] = [b""] * len(texts)
        self._claimed: set[int] = set()
        self._stale: set[int] = set()  # there, but of another length
        self._patient = True

    async def outcomes(self) -> AsyncGenerator[BatchOutcome]:
        """What becomes of each text."""
        left: Sequence[int] = range(len(self._texts))
        try:
            while left:
                this = _Round()
                for start in range(0, len(left), AT_ONCE):
                    piece = left[start : start + AT_ONCE]
                    try:
                        await self._sort(piece, this)
                    except CacheError as error:
                        yield BatchOutcome(piece, error)
                async with aclosing(self._sent(this)) as parts:
                    async for part in parts:
                        yield part
                await self._wait(set(this.others.values()))
                left = sorted([*this.again, *this.others])
        finally:
            self._land(list(self._claimed))

    async def _sort(self, piece: Sequence[int], this: _Round) -> None:
        """Looks some texts up. What is not there is claimed, and looked up once more: its flight may just have landed."""
        try:
            there = await self._in_thread(partial(self._there, piece))
            claimed, others = self._claim([at for at in piece if at not in there])
            landed = await self._in_thread(partial(self._there, claimed)) if claimed else set()
        except TimeoutError:
            self._patient = False
            this.mine += piece
            return
        self._land(landed)
        this.found += there | landed
        this.mine += [at for at in claimed if at not in landed]
        if self._patient:
            this.others |= others
        else:
            this.mine += others

    def _claim(self, lacking: list[int]) -> tuple[list[int], dict[int, Flight]]:
        """Takes over the sending of texts; the others, with their flights, are being sent already."""
        flight, mine = Flight(), dict[bytes, int]()
        others = {}
        for at in lacking:
            digest = self._digests[at]
            other = self._store.flights.setdefault(digest, flight)
            if other is flight and digest not in mine:
                mine[digest] = at
                flight.texts += 1
                self._claimed.add(at)
            else:  # the same text once more waits too, though it is for this very call
                others[at] = other
        return list(mine.values()), others

    def _there(self, piece: Sequence[int]) -> set[int]:
        """Those that the cache has, in a thread."""
        store, call, session = self._store, self._call, self._session
        if not self._origin:
            self._origin = origin_of(session.settings, call.options["request"])
        made = digests_of(self._origin, [self._texts[at] for at in piece])
        for at, digest in zip(piece, made, strict=True):
            self._digests[at] = digest
        if call.dimension is not None:
            self._space = Space(call.engine, call.dimension)
        elif self._space is None:
            self._space = store.space(self._origin)
        if self._space is None or (session.answered and session.engine != self._space.engine):
            return set()
        keys = keys_of(made, self._space.engine)
        have = store.have(keys)
        return {at for at, key in zip(piece, keys, strict=True) if key in have} - self._stale

    async def _sent(self, this: _Round) -> AsyncGenerator[BatchOutcome]:
        """What becomes of what is sent; and of what was found, once a response has told that it is of the same engine."""
        held, call = sorted(this.found), self._call
        async with aclosing(self._send(sorted(this.mine))) as parts:
            async for part in parts:
                await self._keep(part)
                self._land(part.indexes)
                yield part
                if held and part.error is None:
                    if self._space != (call.engine, call.dimension):
                        this.again, held = held, []
                    async for hit in self._read(held, this):
                        yield hit
                    held = []
        async for hit in self._read(held, this):
            yield hit

    async def _read(self, held: list[int], this: _Round) -> AsyncGenerator[BatchOutcome]:
        """The vectors of texts that were found. From here on the call takes no others."""
        call = self._call
        for start in range(0, len(held), AT_ONCE):
            piece = held[start : start + AT_ONCE]
            try:
                places, rows, space = await self._in_thread(partial(self._vectors, piece))
            except (CacheError, TimeoutError) as error:
                if isinstance(error, CacheError):
                    yield BatchOutcome(piece, error)
                else:
                    this.again += piece
                continue
            self._stale.update(set(piece) - set(places))
            this.again += set(piece) - set(places)
            if places:
                call.engine, call.dimension = space
                call.cache_hits += len(places)
                yield BatchOutcome(places, rows)

    def _vectors(self, piece: list[int]) -> "tuple[list[int], Vectors, Space]":
        assert self._space is not None  # noqa: S101 - for type checkers: something was found
        keys = keys_of([self._digests[at] for at in piece], self._space.engine)
        places, rows = self._store.read(keys, self._space.dimension)
        return [piece[place] for place in places], rows, self._space

    async def _keep(self, part: BatchOutcome) -> None:
        """Writes what came. A call loses nothing to a file that cannot be written."""
        outcome, store = part.outcome, self._store
        try:
            if not isinstance(outcome, InworldEmbeddingsError):
                digests = [self._digests[at] for at in part.indexes]
                if b"" in digests:
                    return  # time ran out before they were looked up
                put = partial(store.put, self._origin, digests, self._call.engine, outcome, self._limit)
                await self._in_thread(put)
            elif isinstance(outcome, APIResponseValidationError) and not outcome.retryable:
                await self._in_thread(partial(store.forget, self._origin))
        except CacheError as failed:
            logger.warning("%s What came now is not kept.", failed)
        except TimeoutError:
            pass  # the thread goes on

    def _land(self, positions: Iterable[int]) -> None:
        mine = self._claimed.intersection(positions)
        self._claimed -= mine
        self._store.land([self._digests[at] for at in mine])

    async def _wait(self, flights: set[Flight]) -> None:
        """Until other calls have ended what they send, well or not, but not for ever."""
        if not flights:
            return
        until = min(self._call.deadline, asyncio.get_running_loop().time() + WAIT)
        try:
            async with self._call.waiting(until):
                for flight in flights:
                    await asyncio.shield(asyncio.wrap_future(flight.landed))
        except TimeoutError:
            self._patient = False

    async def _in_thread(self, work: Callable[[], T]) -> T:
        """Raises TimeoutError when the call's time is up."""
        async with self._call.waiting(self._call.deadline):
            return await asyncio.get_running_loop().run_in_executor(None, work)


async def run_cached(cache: Cache, session: "Session", call: Call, batch: Batch) -> list[BatchOutcome]:
    """As `run_batch`, for a batch of a stream."""
    where = {index: at for at, index in enumerate(batch.indexes)}

    async def send(positions: Sequence[int]) -> AsyncGenerator[BatchOutcome]:
        for part in await run_batch(session, call, batch.pick(positions)) if positions else ():
            yield BatchOutcome([where[index] for index in part.indexes], part.outcome)

    caching = Caching(session, call, cache, batch.texts, send)
    async with aclosing(caching.outcomes()) as outcomes:
        parts = [
            BatchOutcome([batch.indexes[at] for at in part.indexes], part.outcome) async for part in outcomes
        ]
    return parts if len(parts) == 1 else in_order(parts)
