"""A job whose parts are made by an engine's workers: what its driver and its workers do, whatever the engine is.

The driver opens the job as a local run does, holds its lock, and finds out where each missing part begins. A worker makes the
parts that it is given, by the code of a local run, in a folder that all of them see. A part may be made twice, for an engine
runs again what it takes for lost; the first one stays, and both are the same.
"""

import asyncio
import itertools
import pickle
import secrets
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias, cast

from ..client import EmbeddingClient
from ..errors import InworldEmbeddingsError, JobError
from ..jobs import parts
from ..jobs.files import Sources, place
from ..jobs.inputs import Reader
from ..jobs.manifest import Manifest
from ..jobs.options import JobOptions, JobReport
from ..jobs.rows import Position
from ..jobs.runner import LOOK, Job, Span, gaps

if TYPE_CHECKING:
    from .._engine.admission import Admission
    from .._throttle import Throttle


class Task(NamedTuple):
    """What every worker is told. There is no key in it.

    Attributes:
        client: Pickled: the client finds its key where it is unpickled, in the environment or by its key provider.
        source: The files of the input.
        out: The job's folder, as the workers see it.
        options: Those of `JobOptions` that matter to a worker.
        stop: A file in the folder, of this run only. While it is there, workers finish what they have begun, and begin
            nothing. The next run takes away what is left of it.
    """

    client: bytes
    source: list[str]
    out: str
    options: dict[str, Any]
    stop: str


class Made(NamedTuple):
    """What a worker tells of the parts that it was given.

    Attributes:
        refused: Rows in them without a vector.
        sent: Rows that it sent.
        requests: Its requests, retries included.
        retries: Its retries.
        cache_hits: Those of ``sent`` that the cache had.
        error: Why it could not go on: a pickled error of this package; or empty.
    """

    refused: int = 0
    sent: int = 0
    requests: int = 0
    retries: int = 0
    cache_hits: int = 0
    error: bytes = b""


MOST_PARTS: Final = 8
"""Parts that a worker is given at a time, at most: between two such calls its window of requests runs empty."""
CALLS: Final = 4
"""Calls to each worker, at least, so that the slowest one does not hold up the end."""

Start: TypeAlias = tuple[int, int, int, int]
"""A part's number, and where its rows begin: the fields of a `Position`."""
Engine: TypeAlias = Callable[[Task, list[Start]], Iterator[Made]]
"""Has workers make parts, and gives what each of them tells."""


def calls_of(starts: list[Start], workers: int) -> list[list[Start]]:
    """Parts as they are given to workers, who take the next ones when they are done."""
    size = max(1, min(MOST_PARTS, len(starts) // (CALLS * workers)))
    return [starts[at : at + size] for at in range(0, len(starts), size)]


class Worker:
    """Makes parts of one job, however often it is called, one call at a time.

    Args:
        task: Of the job's driver.
        throttle: Makes what decides when its requests may start. None: the client's own.
    """

    def __init__(self, task: Task, throttle: "Callable[[Admission], Throttle] | None" = None) -> None:
        self._task, self._throttle = task, throttle
        self._client: EmbeddingClient | None = None
        self._share: _Share | None = None

    def make(self, starts: Sequence[Start], *, backwards: bool = False) -> Made:
        """Makes the parts that are not there yet. What a job raises is told, not raised: to run it again is of no use.

        Args:
            starts: Parts.
            backwards: Begin with the last one: another worker may be making the same parts, and they shall meet.
        """
        try:
            if self._client is None:
                self._client = cast("EmbeddingClient", pickle.loads(self._task.client))  # noqa: S301 - our own driver's
            if self._share is None:
                self._share = _Share(self._client, self._task)
            share = self._share
            return self._client._run(lambda: share.make(starts, self._throttle, backwards=backwards))  # noqa: SLF001 - a part of the same package
        except InworldEmbeddingsError as error:
            self._share = None
            place(self._task.out).joinpath(self._task.stop).write_bytes(b"")
            return Made(error=pickle.dumps(error))


class _Share(Job):
    """A worker's share of a job."""

    def __init__(self, client: EmbeddingClient, task: Task) -> None:
        out, options = place(task.out), JobOptions(**task.options)  # type: ignore[typeddict-item]
        super().__init__(client._for_its_loop(), task.source, out, options)  # noqa: SLF001 - a part of the same package
        self._stop_file = out / task.stop
        self._is_open = False

    async def make(
        self,
        starts: Sequence[Start],
        throttle: "Callable[[Admission], Throttle] | None",
        *,
        backwards: bool,
    ) -> Made:
        service, progress = self._service, self._progress
        service.answered_at = time.monotonic()  # it may have had nothing to do for long
        before = progress.sent, service.requests, service.retries, service.cache_hits
        if not self._is_open:
            await self._open(throttle)
        await self._look()
        there = await self._in_thread(partial(self._there, starts))
        spans = _spans(starts, there)
        if backwards:
            spans = [span for one in reversed(starts) for span in _spans([one], there)]
        await self._while_watched(self._embed_all(self._rows(spans)))
        refused = await self._in_thread(partial(self._refused, starts))
        now = progress.sent, service.requests, service.retries, service.cache_hits
        return Made(refused, *(after - first for first, after in zip(before, now, strict=True)))  # type: ignore[arg-type]

    async def _open(self, throttle: "Callable[[Admission], Throttle] | None") -> None:
        """Makes sure that it is the driver's job, under the driver's versions, and the same model."""
        self._files, self._columns = await self._in_thread(self._input)
        known = await self._in_thread(partial(Manifest.needed, self._out))
        manifest = await self._in_thread(partial(self._resumed, known, self._wanted()))
        self._manifest = self._service.manifest = manifest
        if throttle is not None:
            admission = await self._service.admission()
            admission.throttle = throttle(admission)
        await self._service.returned()
        self._is_open = True

    async def _tick(self) -> None:
        watcher = asyncio.create_task(self._watch())
        try:
            await super()._tick()
        finally:
            watcher.cancel()

    async def _watch(self) -> None:
        """Sees to it that it stops when the others do."""
        while True:
            await asyncio.sleep(LOOK)
            await self._look()

    async def _look(self) -> None:
        if await asyncio.to_thread(self._stop_file.exists):  # the job's own thread may be busy
            self._stop.set()

    def _is_made(self, number: int) -> bool:
        return (self._out / parts.part_name(number)).exists()

    def _there(self, starts: Sequence[Start]) -> set[int]:
        """Those of some parts that are there. All names are not listed: there may be very many."""
        return {number for number, *_ in starts if self._is_made(number)}

    def _refused(self, starts: Sequence[Start]) -> int:
        return parts.Count.of(self._footers(self._there(starts))).refused


def _spans(starts: Sequence[Start], there: set[int]) -> list[Span]:
    """Parts that are not there, those side by side in one."""
    spans: list[Span] = []
    for number, *position in sorted(starts):
        if number in there:
            continue
        if spans and spans[-1].end == number:
            spans[-1] = spans[-1]._replace(end=number + 1)
        else:
            spans.append(Span(number, number + 1, Position(*position)))
    return spans


class Driver(Job):
    """A run of a job whose parts are made by an engine.

    Args:
        client: Embeds the fixed text here; workers have copies of it.
        source: The input; workers read it under the same paths.
        out: The folder; workers see it under the same path.
        given: Any of `JobOptions`.
        engine: Runs the workers.
    """

    def __init__(
        self, client: EmbeddingClient, source: Sources, out: Path, given: JobOptions, engine: Engine
    ) -> None:
        super().__init__(client._for_its_loop(), source, out.absolute(), given)  # noqa: SLF001 - a part of the same package
        self._run_by, self._pickled = engine, pickle.dumps(client)
        self._stop_file = self._out / f".stop-{secrets.token_hex(4)}.tmp"
        self._next_look = 0.0
        self._for_workers = {
            name: value for name, value in given.items() if name not in ("text", "on_event", "stop")
        }

    def start(self, client: EmbeddingClient) -> JobReport:
        """Runs it, on the client's loop."""
        return client._run(self.run)  # noqa: SLF001 - a part of the same package

    async def _make(self, done: list[int]) -> None:
        starts = await self._in_thread(partial(self._starts, done))
        options = {**self._for_workers, "text": self._columns.text}
        task = Task(self._pickled, self._files, str(self._out), options, self._stop_file.name)
        error: InworldEmbeddingsError | None = None
        try:
            async for made in _pulled(self._run_by(task, starts) if starts else ()):
                await self._count(made)
                if made.error and error is None:
                    error = pickle.loads(made.error)  # noqa: S301 - our own worker's
        except BaseException:  # some of them may be at work still
            self._halt()
            raise
        await self._in_thread(partial(parts.clean, self._out))  # what killed workers left half-written, too
        if error is not None:
            raise error
        numbers = await self._in_thread(partial(parts.numbers, self._out))
        self._at_end = {number for number, *_ in starts} <= set(numbers)
        if not self._at_end and not self._stop.is_set():
            raise JobError("The engine has ended, and parts are missing. Make the same call again to go on.")

    def _halt(self) -> None:
        """Has the workers finish what they have begun."""
        self._stop_file.write_bytes(b"")

    async def _count(self, made: Made) -> None:
        self._progress.refused += made.refused
        self._progress.sent += made.sent
        self._service.requests += made.requests
        self._service.retries += made.retries
        self._service.cache_hits += made.cache_hits
        await self._look()
        self._progress.tell("part")

    async def _look(self) -> None:
        """Counts the rows of the parts that are there, every part but the last one taken for full.

        Of many names on an object store a list takes long; at most a twentieth of the time goes into it.
        """
        if (now := time.monotonic()) < self._next_look:
            return
        there = await self._in_thread(partial(parts.numbers, self._out))
        self._progress.rows = min(len(there) * self._per_part, self._progress.read)
        self._next_look = time.monotonic() + 20 * (time.monotonic() - now)

    def _starts(self, done: list[int]) -> list[Start]:
        """Where each missing part begins: of Parquet counted, of other formats by reading the input once."""
        found: list[Start] = []
        for first, end in gaps(done):
            reader = Reader(self._files, self._columns, self._start_of(first))
            try:
                for number in itertools.count(first) if end is None else range(first, end):
                    at = reader.position
                    most = int(min(self._per_part, max(0, self._max_rows - number * self._per_part)))
                    rows = reader.skip(most)
                    if rows or not number:
                        found.append((number, at.file, at.offset, at.line))
                    self._progress.read, self._progress.share = number * self._per_part + rows, 1.0
                    if rows < self._per_part:
                        return found
            finally:
                reader.close()
        return found

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            if self._stop.is_set():
                await self._in_thread(self._halt)
            await self._look()
            self._progress.tell("progress")


async def _pulled(source: Iterable[Made]) -> AsyncGenerator[Made]:
    """What a source gives that blocks, on a thread that ends with the process."""
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[Made | BaseException | None] = asyncio.Queue()

    def pull() -> None:
        end = None
        try:
            for made in source:
                loop.call_soon_threadsafe(queue.put_nowait, made)
        except BaseException as error:  # noqa: BLE001 - raised below
            end = error
        loop.call_soon_threadsafe(queue.put_nowait, end)

    threading.Thread(target=pull, name="inworld-embeddings-driver", daemon=True).start()
    while (made := await queue.get()) is not None:
        if isinstance(made, BaseException):
            raise JobError(f"The engine has failed: {type(made).__name__}: {made}") from made
        yield made
