"""The sync client's way to the engine: a private event loop on a thread of its own.

The calling thread waits; the work runs on the loop, so deadlines and cancellation are the async engine's own, and
Ctrl-C in the caller cancels what is in flight. One loop serves all sync clients of a process; a forked child makes
its own.
"""

import asyncio
import contextlib
import os
import queue
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import CancelledError
from contextlib import aclosing
from functools import partial
from typing import Any, Generic, NoReturn, TypeVar

from ..errors import ClientClosedError, ConfigurationError

_clock = (
    partial(time.clock_gettime, time.CLOCK_MONOTONIC) if hasattr(time, "clock_gettime") else time.monotonic
)
_BOX = queue.SimpleQueue

S = TypeVar("S")
T = TypeVar("T")

# On Windows a wait without a timeout cannot be interrupted by Ctrl-C.
_POLL = 0.1 if os.name == "nt" else None

# Seconds that the end of the interpreter waits for the loop's thread to come to rest.
_REST = 1.0


def receive(box: "queue.SimpleQueue[T]") -> T:
    """The next thing out of a box, however long it takes; Ctrl-C gets through.

    A box and not a lock, event or future of the standard library: those take locks in Python code, where an interrupt
    may leave one locked that the loop then waits for. A SimpleQueue is never left locked.
    """
    while True:
        with contextlib.suppress(queue.Empty):
            return box.get(timeout=_POLL)


class LoopThread:
    """Runs coroutines on its loop for callers in other threads."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.at_rest = False
        # Held on to, for asyncio holds its tasks weakly; and neither a fork nor the end of the interpreter takes apart
        # what the thread's own frame can reach, so that no task is torn up in the middle.
        self._tasks: set[asyncio.Task[Any]] = set()
        self.loop = asyncio.new_event_loop()
        # A clock that nobody replaces: tests that freeze time would have this thread wait for ever.
        self.loop.time = _clock  # type: ignore[method-assign]
        # A daemon: a client that was never closed must not keep the interpreter from exiting.
        self._thread = threading.Thread(target=self._serve, name="inworld-embeddings", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:  # Python 3.12 and later start no thread once the main one has ended
            self.loop.close()
            raise

    def _serve(self) -> None:
        while True:
            # A callback's SystemExit ends its own call, not the thread that everybody needs.
            with contextlib.suppress(SystemExit, KeyboardInterrupt):
                self.loop.run_forever()

    def run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The result of a coroutine function, run on the loop.

        Whatever interrupts the wait (Ctrl-C above all) cancels the work before it is raised.

        Raises:
            RuntimeError: on the loop's own thread, which cannot wait for itself.
        """
        if threading.current_thread() is self._thread:
            raise RuntimeError(
                "A sync client cannot be used inside a callback of a sync client, which would wait for itself. "
                "Do it in another thread."
            )
        box: queue.SimpleQueue[asyncio.Task[T]] = queue.SimpleQueue()
        call = _Call(work, box.put, self._tasks)
        try:
            self.loop.call_soon_threadsafe(call.start)
            return _result(receive(box))
        except BaseException:
            self.loop.call_soon_threadsafe(call.cancel)
            raise

    def iterate(
        self, stream: Callable[[AsyncIterator[S]], AsyncGenerator[T]], source: Iterator[S]
    ) -> Iterator[T]:
        """What ``stream`` makes of ``source``, which runs here: in the calling thread, while the caller waits.

        So a source may block, and a slow caller holds the stream back.

        Raises:
            RuntimeError: the iteration began in the process that this one was forked from.
        """
        # What the stream wants or has, each with the future that it waits for; at its end, its task.
        box: queue.SimpleQueue[tuple[Any, asyncio.Future[Any]] | asyncio.Task[None]] = queue.SimpleQueue()
        call = _Call(lambda: _pump(stream, box), box.put, self._tasks)
        try:
            self.loop.call_soon_threadsafe(call.start)
            while not isinstance(message := receive(box), asyncio.Task):
                value, waits = message
                if value is _NEXT:
                    self.loop.call_soon_threadsafe(_resolve, waits, _next_of(source))
                    continue
                yield value
                if self.pid != os.getpid():
                    raise RuntimeError(
                        "This iteration began before a fork; it goes on in the parent only. Begin another one here."
                    )
                self.loop.call_soon_threadsafe(_resolve, waits, None)
            _result(message)
        finally:
            self.loop.call_soon_threadsafe(call.cancel)

    def rest(self) -> None:
        """At exit: has the thread stop where the end of the interpreter finds it doing nothing.

        What is in flight is left as it is. Ending it would wake daemon threads that wait for it, to nobody's use.
        """
        self.at_rest = True
        resting, for_ever = threading.Lock(), threading.Lock()
        resting.acquire()
        for_ever.acquire()

        def rest() -> None:
            resting.release()
            for_ever.acquire()

        self.loop.call_soon_threadsafe(rest)
        resting.acquire(timeout=_REST)


_NEXT, _END = object(), object()


async def _pump(
    stream: Callable[[AsyncIterator[Any]], AsyncGenerator[Any]], box: "queue.SimpleQueue[Any]"
) -> None:
    """Runs a stream, and waits after each item until it was taken."""
    async with aclosing(stream(_pulled(box))) as values:
        async for value in values:
            taken = asyncio.get_running_loop().create_future()
            box.put((value, taken))
            await taken


async def _pulled(box: "queue.SimpleQueue[Any]") -> AsyncIterator[Any]:
    """The caller's source."""
    while True:
        comes = asyncio.get_running_loop().create_future()
        box.put((_NEXT, comes))
        if (value := await comes) is _END:
            return
        yield value


def _next_of(source: Iterator[Any]) -> object:
    """The next of a source, `_END`, or the error it raised, which the stream raises after what was done."""
    try:
        return next(source, _END)
    except Exception as error:  # noqa: BLE001 - see above
        return error


def _resolve(future: "asyncio.Future[Any]", value: object) -> None:
    if future.done():
        return
    if isinstance(value, BaseException):
        future.set_exception(value)
    else:
        future.set_result(value)


def _result(task: "asyncio.Task[T]") -> T:
    if task.cancelled():
        raise CancelledError
    return task.result()


async def _raising(error: Exception) -> NoReturn:
    raise error


class _Call(Generic[T]):
    """One piece of work: known before it starts, so that an interrupt at any moment finds it."""

    def __init__(
        self,
        work: Callable[[], Coroutine[Any, Any, T]],
        on_done: Callable[[asyncio.Task[T]], object],
        tasks: set[asyncio.Task[Any]],
    ) -> None:
        self._work, self._on_done, self._tasks = work, on_done, tasks
        self._task: asyncio.Task[T] | None = None
        self._cancelled = False

    def start(self) -> None:
        if not self._cancelled:
            try:
                work = self._work()
            except Exception as error:  # noqa: BLE001 - raised by the one who waits, who else would wait for ever
                work = _raising(error)
            self._task = asyncio.get_running_loop().create_task(work)
            self._task.add_done_callback(self._finish)
            self._tasks.add(self._task)

    def cancel(self) -> None:
        self._cancelled = True
        if self._task:
            self._task.cancel()

    def _finish(self, task: asyncio.Task[T]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # asyncio complains of an error that nobody looked at, and the caller may be gone
        self._on_done(task)


_lock = threading.Lock()
_shared: LoopThread | None = None


def _make(failed: list[BaseException]) -> None:
    global _shared  # noqa: PLW0603 - one for the process, by design
    with _lock:
        if _shared is None or _shared.pid != os.getpid():
            try:
                _shared = LoopThread()
            except BaseException as error:  # noqa: BLE001 - raised by the one who waits
                failed.append(error)


def loop_thread() -> LoopThread:
    """The process's loop thread. A forked child makes its own: threads do not survive a fork.

    Raises:
        ClientClosedError: the interpreter is ending, or no thread or socket can be had; the cause says which.
        ConfigurationError: gevent patched the standard library too late.
    """
    if queue.SimpleQueue is not _BOX:
        raise ConfigurationError(
            "gevent.monkey.patch_all() ran after the first call of a client, whose thread it cannot reach any more. Call "
            "it first thing in the program."
        )
    if _shared is None or _shared.pid != os.getpid():
        # In a thread, where Ctrl-C does not reach: one in the middle of this would leave half of one behind.
        failed: list[BaseException] = []
        maker = threading.Thread(target=_make, args=(failed,), daemon=True)
        maker.start()
        maker.join()
        if _shared is None or _shared.pid != os.getpid():
            why = f": {type(failed[0]).__name__}: {failed[0]}" if failed else "."
            raise ClientClosedError(f"The client's thread could not be started{why}") from next(
                iter(failed), None
            )
    if _shared.at_rest:
        if threading.current_thread().daemon:
            threading.Event().wait()  # it is about to be stopped in any case
        raise ClientClosedError("The interpreter is ending; the clients have been closed.")
    return _shared


def rest() -> None:
    """To be called when the interpreter ends."""
    if _shared is not None and _shared.pid == os.getpid():
        _shared.rest()


def _after_fork() -> None:
    """A lock held by another thread at the moment of a fork stays locked in the child for ever: take a new one."""
    global _lock  # noqa: PLW0603 - see above
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
