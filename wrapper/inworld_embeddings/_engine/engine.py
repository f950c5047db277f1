"""The engine: keeps a session for each event loop, and runs calls over it."""

import asyncio
import contextlib
import os
import time
import weakref
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Final, TypeAlias

import httpx

# Not used here. Loaded with the engine, in the caller's time: on an event loop it would make other calls late.
import numpy as np  # noqa: F401

from .._batching import Batch, batches, distinct
from .._http.connect import tls_context
from ..errors import ClientClosedError
from ..options import Merged
from ..result import EmbeddingResult, Failure
from .batch_runner import run_batch
from .caching import Caching
from .call import Call
from .observability import Progress, operation
from .results import BatchOutcome, Results, Row, first_of, rows_of
from .session import Session
from .window import Window

if TYPE_CHECKING:
    from .._retry import RetryPolicy, Timeouts
    from .._settings import Settings
    from ..cache import Cache

# A forked child finds its parent's sessions under another process id and leaves them alone: their sockets are shared.
Sessions: TypeAlias = dict[tuple[int, asyncio.AbstractEventLoop], Session]


class Engine:
    """Runs the calls of both clients."""

    def __init__(self, settings: "Settings", policy: "RetryPolicy", timeouts: "Timeouts") -> None:
        self._settings, self._policy, self._timeouts = settings, policy, timeouts
        self._sessions: Sessions = {}
        self._closed = False
        # A client that is dropped without being closed takes its connections with it.
        weakref.finalize(self, _end_elsewhere, self._sessions).atexit = False

    def warm_up(self) -> None:
        """Reads the certificates that connections are going to need. What is wrong with them is told by the first call."""
        settings = self._settings
        if not (settings.transport or settings.http_client) and settings.base_url.startswith("https"):
            with contextlib.suppress(httpx.LocalProtocolError):
                tls_context(settings.verify, trust_env=settings.trust_env)

    async def embed(
        self, texts: list[str], options: Merged, progress: Progress | None, began: float, *, alone: bool
    ) -> EmbeddingResult:
        """The vectors of checked texts. Failed ones are listed, unless all failed and the caller wants it raised.

        ``began`` is when the caller called, by ``time.monotonic``: imports and checks count against the timeout. One
        text that stands ``alone`` always raises.
        """
        call = Call(options, asyncio.get_running_loop().time() - (time.monotonic() - began))
        with operation(call, self._settings.base_url) as watch:
            session = await self._session()
            sent, places = await _distinct(call, texts) if options["dedupe"] else (texts, None)
            results = Results(len(sent), places)
            if not options["hedge"]:  # else two responses may be read at once
                call.place = results.place
            with progress.of(len(sent)) if progress else contextlib.nullcontext():
                outcomes = (
                    _outcomes(session, call, sent, range(len(sent)))
                    if options["opened"] is None
                    else _through(options["opened"], session, call, sent)
                )
                async with aclosing(outcomes) as parts:
                    async for part in parts:
                        results.add(part)
                        if progress:
                            progress.advance(len(part.indexes))
            raises = alone or options["on_error"] == "raise"
            if (
                raises
                and not call.requests
                and not call.cache_hits
                and (error := results.first_error) is not None
            ):
                raise error
            result = results.finish(call, session.admission.time())
            if watch:
                watch.ended(result)
            return result

    async def embed_iter(
        self, source: AsyncIterator[Batch], options: Merged, progress: Progress | None
    ) -> "AsyncGenerator[list[Row]]":
        """Rows by batch. If failures raise, the first ends it, after all that is in work has been handed on."""
        call = Call(options, asyncio.get_running_loop().time(), endless=True)
        window = Window(await self._session(), call, ordered=options["ordered"])
        raises = options["on_error"] == "raise"
        failed: list[Failure] = []
        with (
            operation(call, self._settings.base_url),
            progress.of(None) if progress else contextlib.nullcontext(),
        ):
            async with aclosing(window.run(source)) as parts:
                async for part in parts:
                    rows = list(rows_of(part))
                    if progress:
                        progress.advance(len(rows))
                    if raises and part.error:
                        failed += [row for _, row in rows if isinstance(row, Failure)]
                        window.stop_pulling()
                    else:
                        yield rows
            if failed:
                raise first_of(failed)

    async def _session(self) -> Session:
        """The session of the running loop."""
        if self._closed:
            raise ClientClosedError("This client is closed. Make a new one.")
        key = os.getpid(), asyncio.get_running_loop()
        session = self._sessions.get(key)
        if session is None or session.closed:
            for known in list(self._sessions):  # a copy: other loops come and go in other threads
                if known[1].is_closed():
                    self._sessions.pop(known, None)
            session = self._sessions[key] = Session(self._settings, self._policy, self._timeouts)
            await session.end_with_the_loop()
        session.look_at_the_clock()
        return session

    async def aclose(self) -> None:
        """Ends all calls and closes the connections, here and on other loops."""
        self._closed = True
        here = self._sessions.pop((os.getpid(), asyncio.get_running_loop()), None)
        _end_elsewhere(self._sessions)
        if here is not None:
            await here.aclose()


def _through(cache: "Cache", session: Session, call: Call, texts: list[str]) -> AsyncGenerator[BatchOutcome]:
    """As `_outcomes`, of the texts that the cache does not have."""
    send = partial(_outcomes, session, call, texts)
    return Caching(session, call, cache, texts, send).outcomes()


async def _outcomes(
    session: Session, call: Call, texts: list[str], indexes: Sequence[int]
) -> AsyncGenerator[BatchOutcome]:
    """What becomes of some texts of a call, batch by batch, as they are done; at last the rest, if it ended early."""
    options = call.options
    room = options["max_batch_bytes"] - call.envelope.size
    call.begun, chosen = 0, texts if len(indexes) == len(texts) else [texts[index] for index in indexes]
    source = _while_it_goes_on(call, session, batches(chosen, options["batch_size"], room), indexes)
    first, second = next(source, None), next(source, None)
    if first is not None and second is None:  # no window is needed
        for part in await session.start(run_batch(session, call, first)):
            yield part
    elif first is not None and second is not None:
        async with aclosing(Window(session, call).run(chain([first, second], source))) as parts:
            async for part in parts:
                yield part
    if call.begun < len(indexes):
        yield BatchOutcome(indexes[call.begun :], call.end(session.admission.last_error))


PIECE: Final = 1 << 16
"""Texts that are compared with each other before others on the event loop have their turn."""


async def _distinct(call: Call, texts: list[str]) -> tuple[list[str], list[int] | None]:
    """The distinct texts, and for each text which of them it is; all texts if time runs out meanwhile."""
    numbers: dict[str, int] = {}
    places: list[int] = []
    for start in range(0, len(texts), PIECE):
        places += distinct(texts[start : start + PIECE], numbers)
        if asyncio.get_running_loop().time() >= call.deadline:
            return texts, None
        if start:
            await asyncio.sleep(0)
    return list(numbers), places


def _while_it_goes_on(
    call: Call, session: Session, source: Iterator[Batch], indexes: Sequence[int]
) -> Iterator[Batch]:
    """The batches of a call, up to its end, each with the indexes of its texts in the call."""
    for batch in source:
        if call.halted or session.admission.time() >= call.deadline:
            return
        batch.indexes = indexes[call.begun : call.begun + len(batch.texts)]
        call.begun += len(batch.texts)
        yield batch


def _end_elsewhere(sessions: Sessions) -> None:
    """Has the event loops of these sessions end them, as soon as they run."""
    while sessions:
        (pid, loop), session = sessions.popitem()
        if pid == os.getpid():
            with contextlib.suppress(RuntimeError):  # that loop is closed
                loop.call_soon_threadsafe(_end, loop, session)


def _end(loop: asyncio.AbstractEventLoop, session: Session) -> None:
    session.ending = loop.create_task(session.aclose())
