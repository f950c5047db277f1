"""The engine: keeps a session for each event loop, and runs calls over it."""

import asyncio
import contextlib
import os
import weakref
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import TYPE_CHECKING, TypeAlias

# Not used here. Loaded with the engine, in the caller's time: on an event loop it would make other calls late.
import numpy as np  # noqa: F401

from .._core.batches import Batch
from .._core.dedupe import distinct, spread
from ..errors import ClientClosedError
from ..options import Options
from ..result import EmbeddingResult
from . import forks  # noqa: F401 - registers itself
from .call import Call
from .collect import Collector
from .flow import Settled, settle
from .planning import planned
from .progress import Progress
from .rows import Row, stream
from .session import Session
from .supply import Supply
from .telemetry import operation
from .window import Window

if TYPE_CHECKING:
    from ..configuration import Carrier, Limits, Target

READY = 16
"""Most batches that are ready to go, or whose answers wait to be read, beside those in flight."""

# A forked child finds its parent's sessions under another process id and leaves them alone: their sockets are shared.
Sessions: TypeAlias = dict[tuple[int, asyncio.AbstractEventLoop], Session]


class Engine:
    """Drives the core over the seam, for both clients."""

    def __init__(self, target: "Target", carrier: "Carrier", user_agent: str, limits: "Limits") -> None:
        self._settings = (target, carrier, user_agent, limits)
        self._sessions: Sessions = {}
        self._closed = False
        # A client that is dropped without being closed takes its connections with it.
        weakref.finalize(self, _end_elsewhere, self._sessions).atexit = False

    async def embed(
        self, texts: list[str], options: Options, progress: Progress, *, raises: bool
    ) -> EmbeddingResult:
        """The vectors of checked texts. Failed ones are listed; with ``raises``, not if there are no others."""
        loop = asyncio.get_running_loop()
        sent, places = distinct(texts) if options.dedupe else (texts, None)
        call = Call(options, started=loop.time())
        supply = Supply(planned(sent, options), call)
        collector = Collector(len(sent), options)
        if not options.hedge:  # else two answers may be read at once
            call.room = collector.room
        window = await self._window(call, ordered=False)
        with progress.of(len(sent)), operation(call, self._settings[0].base_url) as watch:
            async with aclosing(window.run(supply)) as parts:
                async for settled in parts:
                    collector.add(settled)
                    progress.advance(len(settled.indexes))
            if supply.begun < len(sent):  # the call ended early
                collector.add(Settled(range(supply.begun, len(sent)), call.end()))
            progress.finish()
            if raises and not call.has_answers() and collector.first_error is not None:
                raise collector.first_error  # at once: a list of millions of failures takes seconds to make
            result = watch.ended(collector.result(call, loop.time()))
        return spread(result, places) if places else result

    async def embed_iter(
        self,
        batches: AsyncIterator[Batch],
        options: Options,
        progress: Progress,
        *,
        ordered: bool,
        raises: bool,
    ) -> "AsyncGenerator[list[Row]]":
        """Rows by batch, from a source of batches."""
        call = Call(options, started=asyncio.get_running_loop().time(), endless=True)
        window = await self._window(call, ordered=ordered)
        with progress.of(None), operation(call, self._settings[0].base_url):
            async with aclosing(stream(window, batches, raises=raises)) as parts:
                async for rows in parts:
                    progress.advance(len(rows))
                    yield rows

    async def _window(self, call: Call, *, ordered: bool) -> Window:
        session = await self._session()
        # More than may be in flight: the next ones are ready to go while answers are read.
        size = call.options.max_concurrency + min(call.options.max_concurrency, READY)
        return Window(lambda batch: session.start(settle(session, call, batch)), size, ordered=ordered)

    async def _session(self) -> Session:
        """The session of the running loop."""
        if self._closed:
            raise ClientClosedError("This client is closed. Make a new one.")
        for known in list(self._sessions):  # a copy: other loops come and go in other threads
            if known[1].is_closed():
                self._sessions.pop(known, None)
        key = os.getpid(), asyncio.get_running_loop()
        session = self._sessions.get(key)
        if session is None or session.closed:
            session = self._sessions[key] = Session(*self._settings)
            await session.end_with_the_loop()
        return session

    async def aclose(self) -> None:
        """Ends all calls and closes the connections, here and on other loops."""
        self._closed = True
        here = self._sessions.pop((os.getpid(), asyncio.get_running_loop()), None)
        _end_elsewhere(self._sessions)
        if here is not None:
            await here.aclose()


def _end_elsewhere(sessions: Sessions) -> None:
    """Has the event loops of these sessions end them, as soon as they run."""
    while sessions:
        (pid, loop), session = sessions.popitem()
        if pid == os.getpid():
            with contextlib.suppress(RuntimeError):  # that loop is closed
                loop.call_soon_threadsafe(_end, loop, session)


def _end(loop: asyncio.AbstractEventLoop, session: Session) -> None:
    session.ending = loop.create_task(session.aclose())
