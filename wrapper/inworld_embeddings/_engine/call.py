"""The state of one `embed` call: its deadline, what it has cost, and what it knows so far."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .._core.canary import Flock
from ..errors import APITimeoutError, InworldEmbeddingsError
from ..options import Options
from ..result import Stats
from .doubt import Doubt
from .planning import envelope

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..result import Vectors

TOO_LATE = "The call's timeout leaves no time for a further request."


@dataclass(slots=True)
class Call:
    """State of one call, touched only from its own event loop.

    Attributes:
        options: How to embed.
        started: Loop time at which the call began.
        endless: Whether it is a stream, for which the timeout counts from each batch's start.
        envelope: Bytes of a request body around its texts.
        slots: One for each request that may be in flight.
        dimension: Length of the vectors, once an answer told it.
        engine: Name of the engine that answered, if it was an emulator.
        room: Where the rows of some indexes are to stand, if it is known. Only one answer at a time may be read there.
        flock: The canaries that go with its requests, once they are known.
        halted: An error that every further request would meet too; once set, nothing is sent any more.
        doubt: Held by the batch that finds out whether to halt the call.
        suspected: Whether a batch was refused before any was answered.
        refused: Texts that were refused alone.
    """

    options: Options
    started: float
    endless: bool = False
    envelope: int = field(init=False)
    slots: asyncio.Semaphore = field(init=False)
    dimension: int | None = None
    engine: str | None = None
    room: "Callable[[Sequence[int]], Vectors | None]" = lambda _: None
    flock: Flock | None = None
    halted: InworldEmbeddingsError | None = None
    doubt: Doubt = field(default_factory=Doubt)
    suspected: bool = False
    refused: int = 0
    _waits: set[asyncio.Timeout] = field(default_factory=set)
    requests: int = 0
    attempts: int = 0
    retries: int = 0
    hedges: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    zero_vectors: int = 0
    huge_vectors: int = 0
    request_ids: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.envelope = envelope(self.options)
        self.slots = asyncio.Semaphore(self.options.max_concurrency)

    def deadline_from(self, now: float) -> float:
        """Loop time at which a batch that is taken up now has to be settled, infinite without a timeout."""
        timeout = self.options.timeout
        return float("inf") if timeout is None else timeout + (now if self.endless else self.started)

    def over(self) -> InworldEmbeddingsError | None:
        """The error that ended the call early, if one did."""
        return self.halted

    def halt(self, error: InworldEmbeddingsError) -> None:
        """Ends the call: what waits, waits no longer; what is in flight is finished."""
        self.halted = self.halted or error
        for wait in self._waits:
            if not wait.expired():
                wait.reschedule(0.0)

    @contextlib.asynccontextmanager
    async def waiting(self, until: float = float("inf")) -> AsyncGenerator[None]:
        """Something that may take a while.

        Raises:
            TimeoutError: it took until that loop time, or the call was halted.
        """
        async with asyncio.timeout_at(until if until < float("inf") else None) as wait:
            self._waits.add(wait)
            try:
                yield
            finally:
                self._waits.discard(wait)

    def is_late(self) -> bool:
        """Whether the time of a call that is no stream is up."""
        now = asyncio.get_running_loop().time()
        return now >= self.deadline_from(now)

    def end(self) -> InworldEmbeddingsError:
        """The error for what is not begun any more; from here on nothing is sent."""
        self.halted = self.halted or APITimeoutError(TOO_LATE)
        return self.halted

    def has_answers(self) -> bool:
        """Whether any batch was answered well."""
        return self.requests > 0

    def is_doubtful(self) -> bool:
        """Whether it may be no use to send anything: all that came back so far were refusals."""
        return (self.suspected or self.refused > 0) and not self.has_answers()

    def note_answer(self, dimension: int, engine: str | None, request_id: str | None) -> None:
        """Records a batch that was answered well."""
        self.requests += 1
        self.dimension, self.engine = dimension, engine
        if request_id:
            self.request_ids.append(request_id)

    def stats(self, now: float) -> Stats:
        """The figures so far."""
        return Stats(
            requests=self.requests,
            attempts=self.attempts,
            retries=self.retries,
            hedges=self.hedges,
            bytes_sent=self.bytes_sent,
            bytes_received=self.bytes_received,
            seconds=now - self.started,
            zero_vectors=self.zero_vectors,
            huge_vectors=self.huge_vectors,
            request_ids=tuple(self.request_ids),
        )
