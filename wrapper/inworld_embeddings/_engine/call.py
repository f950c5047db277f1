"""The state of one `embed` call: its options and deadline, what it has learned, and what it has cost."""

import asyncio
import contextlib
import copy
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from math import inf
from typing import TYPE_CHECKING

from .._api import envelope
from ..errors import APIError, APITimeoutError, InworldEmbeddingsError
from ..models import MODELS
from ..options import Merged
from ..result import Extra, Stats

if TYPE_CHECKING:
    from ..result import Vectors


def explain(error: APIError, text: str) -> None:
    """Adds to an error's message what ended the attempts."""
    error.args = (f"{error} ({text})",)


def counted(attempts: int) -> str:
    """A number of attempts, in words."""
    return f"{attempts} attempt" if attempts == 1 else f"{attempts} attempts"


class Call:
    """State of one call, touched only from its own event loop.

    Attributes:
        started: Loop time at which the call began.
        endless: Whether it is a stream, for which the timeout counts from each batch's start.
        timeout: Seconds, infinite if there is none.
        deadline: Loop time at which the call ends; infinite of a stream, whose batches have their own.
        reads: Most tokens of a text that the model reads; None if that is not known, or nothing more is to be said of it.
        place: Gives the place of some rows in the result; None for a stream, and where two responses may be read at once.
        slots: One for each request that may be in flight.
        begun: Texts that were taken up.
        dimension: Length of the vectors, once a response told it.
        engine: Name of the engine that answered, if it was an emulator.
        halted: An error that every further request would meet too; once set, nothing is sent any more.
        refused: Texts that the service refused alone, as too large only if they are no shorter than one before.
        shortest: Bytes of the shortest text that was too large.
        open: Whether batches may be sent. Not while nothing was accepted yet and one batch is being searched for
            texts to blame: the others would be refused the same way.
        batches: Batches that were begun.
        refusals: Kinds of errors that attempts met, each with its last error.
        extra: What responses held beside the vectors, by the index of their first text; None if nobody asks.
        cache_hits: Texts that the cache had.
        requests: Batches answered well; for the other figures see `Stats`.
    """

    def __init__(self, options: Merged, started: float, *, endless: bool = False) -> None:
        self.options, self.started, self.endless = options, started, endless
        self.envelope = envelope(options["request"])
        self.timeout = inf if options["timeout"] is None else options["timeout"]
        self.deadline = inf if endless else started + self.timeout
        known = MODELS.get(options["model"]) if options["warn_long"] else None
        self.reads = known.max_tokens if known else None
        self.place: Callable[[Sequence[int]], Vectors | None] | None = None
        self.slots = asyncio.Semaphore(options["max_concurrency"])
        self.begun = 0
        self.dimension: int | None = None
        self.engine: str | None = None
        self.halted: InworldEmbeddingsError | None = None
        self.refused = self.batches = 0
        self.shortest = inf
        self.refusals: dict[type[APIError], APIError] = {}
        self.open = asyncio.Event()
        self.open.set()
        self._bisecting = 0
        self._waits: set[asyncio.Timeout] = set()
        self.requests = self.attempts = self.retries = self.hedges = self.cache_hits = 0
        self.bytes_sent = self.bytes_received = self.zero_vectors = self.huge_vectors = 0
        self.extra: dict[int, Extra] | None = {} if options.get("keep_extra") and not endless else None
        # A stream would keep them for ever.
        self.request_ids: deque[str] = deque(maxlen=0 if endless else None)

    def halt(self, error: InworldEmbeddingsError) -> None:
        """Ends the call: what waits, waits no longer; what is in flight is finished."""
        self.halted = self.halted or error
        for wait in self._waits:
            if not wait.expired():
                wait.reschedule(0.0)

    def refused_by(self, error: APIError) -> None:
        """An attempt failed in a way that may pass."""
        self.refusals.pop(type(error), None)  # the last one stands last
        self.refusals[type(error)] = error

    def out_of_time(self, attempts: int, last_error: APIError | None) -> APIError:
        """The error of texts whose time is up: that of their attempts, where all failed alike.

        Args:
            attempts: Requests sent for them.
            last_error: How the client's last request failed, if nothing works at present.
        """
        kinds = list(self.refusals) or ([type(last_error)] if last_error and not self.attempts else [])
        last = list(self.refusals.values())[-1] if self.refusals else last_error
        after = f"timeout={self.timeout:g} ended this after {counted(attempts)}"
        if last is not None and len(kinds) == 1 and kinds != [APITimeoutError]:
            error: APIError = copy.copy(last)
            explain(error, after)
        else:
            told = (
                f"No complete response arrived: {after}. Raise timeout=, or embed fewer texts in a call."
                if len(kinds) < 2
                else f"Time ran out: {after}. The last failed with {type(last).__name__}: {last}"
            )
            error = APITimeoutError(told)
            error.__cause__ = last
        error.attempts = attempts
        return error

    def end(self, last_error: APIError | None) -> InworldEmbeddingsError:
        """The error for what is not begun any more; from here on nothing is sent."""
        self.halted = self.halted or self.out_of_time(0, last_error)
        return self.halted

    @contextlib.asynccontextmanager
    async def waiting(self, until: float = inf) -> AsyncGenerator[None]:
        """Something that may take a while.

        Raises:
            TimeoutError: it took until that loop time, or the call was halted.
        """
        async with asyncio.timeout_at(until if until < inf else None) as wait:
            self._waits.add(wait)
            try:
                yield
            finally:
                self._waits.discard(wait)

    @contextlib.contextmanager
    def bisecting(self) -> Iterator[None]:
        """A batch is searched for texts to blame."""
        self._bisecting += 1
        if not self.requests:
            self.open.clear()
        try:
            yield
        finally:
            self._bisecting -= 1
            if not self._bisecting:
                self.open.set()

    def stats(self, now: float) -> Stats:
        """The figures so far."""
        return Stats(
            self.requests,
            self.attempts,
            self.retries,
            self.hedges,
            self.bytes_sent,
            self.bytes_received,
            now - self.started,
            self.zero_vectors,
            self.huge_vectors,
            tuple(self.request_ids),
            self.cache_hits,
        )
