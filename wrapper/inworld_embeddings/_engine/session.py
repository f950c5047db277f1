"""What the engine keeps for one event loop: connections, who may send next, and the work that is going on."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

import httpx

from .._core.batch_cap import BatchCap
from .._core.hedge_budget import HedgeBudget
from .._core.redact import Redactor
from .._core.secret import Secret
from .._http.sender import Sender
from .._seam import Wire
from ..auth import as_auth
from .carry import transport_for
from .turnstile import Turnstile

if TYPE_CHECKING:
    from .._core.canary import Flock
    from ..configuration import Carrier, Limits, Target

CONNECT_TIMEOUT = 5.0

T = TypeVar("T")


class Session:
    """One event loop's connections to the target.

    Attributes:
        wire: Sends a request.
        turnstile: Says when the next request may start.
        cap: Most texts that the service takes in one request, once it refused more as too large.
        hedges: How many second requests may be sent.
        flocks: Canaries with their vectors, by model and provider.
        learning: Held while canaries are learned.
        buffers: Takes back the memory of a body that has been read.
        redactor: Knows the keys that were sent, to keep them out of messages.
        closed: Set by `aclose`; work that ends by it was not cancelled by its caller.
        ending: Runs `aclose`, if another thread asked for it.
    """

    def __init__(self, target: "Target", carrier: "Carrier", user_agent: str, limits: "Limits") -> None:
        self.redactor = Redactor()
        self._sent: deque[Secret] = deque(maxlen=4)
        transport = transport_for(carrier, target.base_url)
        transport.on_authorization = self._learn
        # A token that was sent stands for a key that was not, and that the service may echo all the same.
        self._behind: tuple[Secret, ...] = getattr(target.credential, "secrets", ())
        self.freshen, self.buffers = transport.freshen, transport.buffers
        self.turnstile = Turnstile(limits.max_concurrency, limits.rate_limit)
        self.cap = BatchCap()
        self.hedges = HedgeBudget()
        self.flocks: dict[tuple[str, str], Flock] = {}
        self.learning = asyncio.Lock()
        self.closed = False
        self.ending: asyncio.Task[None] | None = None
        self._watch = self._until_the_loop_ends()
        self._tasks: set[asyncio.Task[Any]] = set()
        self.wire = Wire(
            Sender(
                httpx.URL(target.base_url),
                auth=as_auth(target.credential),
                transport=transport,
                headers={
                    "user-agent": user_agent,
                    "accept": "*/*",
                    "accept-encoding": carrier.compression or "identity",
                },
                connect_timeout=CONNECT_TIMEOUT,
            )
        )

    def _learn(self, authorization: str) -> None:
        """Takes note of a credential as it goes out: keys may rotate, and ``auth=`` may be anything."""
        if authorization and all(authorization != known.reveal() for known in self._sent):
            self._sent.append(Secret(authorization))
            sent = [Secret(known.reveal().rpartition(" ")[2]) for known in self._sent]
            self.redactor = Redactor([*sent, *self._behind])

    def start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Runs a coroutine as a task that ends with the session."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def end_with_the_loop(self) -> None:
        """Has the session closed when the loop ends its async generators, as `asyncio.run` does at its end."""
        await anext(self._watch)

    async def _until_the_loop_ends(self) -> AsyncGenerator[None]:
        try:
            yield
        finally:
            await self._end()

    async def aclose(self) -> None:
        """Ends the work that is going on, and closes the connections."""
        if not self.closed:
            await self._end()
            await self._watch.aclose()

    async def _end(self) -> None:
        if self.closed:
            return
        self.closed = True
        tasks = list(self._tasks)
        await asyncio.sleep(0)  # a task that has not begun would be cancelled without a chance to say why
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.wire.aclose()
