"""A job: reads rows, embeds them in a window of batches, and publishes each part when all its rows have ended."""

import asyncio
import datetime as dt
import itertools
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, aclosing, closing
from dataclasses import replace
from functools import partial
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, ParamSpec, TypeVar

import msgspec
import numpy as np
import pyarrow as pa

from .._version import __version__
from ..errors import ConfigurationError, JobError, JobPausedError
from ..options import checked, defaults
from . import parts, storage
from .embedding import Embedding
from .files import InputFile, Sources, found_files
from .filling import Part, Run, batches
from .inputs import Reader, check_packed, columns_of
from .manifest import Manifest
from .options import JOB, JobOptions, JobPlan, JobReport
from .progress import Progress, planned
from .rows import Columns, Piece, Position, Refusal
from .service import GRACE, Service

if TYPE_CHECKING:
    from ..client import AsyncEmbeddingClient
    from ..result import Vectors

P = ParamSpec("P")
T = TypeVar("T")


class Span(NamedTuple):
    """Parts that stand side by side.

    Attributes:
        first: The first of them.
        end: The one behind them; None for all there are.
        start: Where their rows begin in the input. None: where the part before them ends, which must be there.
    """

    first: int
    end: int | None
    start: Position | None = None


PIECE: Final = 1024
"""Rows that are read at a time."""
LOOK: Final = 0.5
"""Seconds between two looks at how the job goes."""


class Job:
    """One run of a job.

    Args:
        client: Embeds.
        source: The input.
        out: The folder.
        given: Any of `JobOptions`.
    """

    def __init__(self, client: "AsyncEmbeddingClient", source: Sources, out: Path, given: JobOptions) -> None:
        options = {**defaults(JOB), **checked(given, JOB)}
        self._source, self._out = source, out
        self._text: str | None = options["text"]
        self._id: str | None = options["id"]
        self._keep: tuple[str, ...] = tuple(options["keep"])
        self._per_part: int = options["rows_per_part"]
        self._max_rows: float = options["max_rows"] or inf
        self._other_versions: bool = options["other_versions"]
        self._stop: threading.Event = options["stop"] or threading.Event()
        self._service = Service(
            client, patience=options["patience"] or inf, cache=options["cache"], stop=self._stop
        )
        self._progress = Progress(options["on_event"], self._max_rows, self._service)
        self._service.on_wait = partial(self._progress.tell, "waiting")
        self._embedding = Embedding(self._service, self._progress, stops=options["on_refused"] == "stop")
        # One thread for all files: they are read and written in one order.
        self._files_thread = ThreadPoolExecutor(1, "inworld-embeddings-job")
        self._at_end = False
        self._free: list[Vectors] = []
        self._ending: JobError | None = None

    async def run(self, *, again: bool = False) -> JobReport:
        """Makes the parts that are missing; or ``again`` those that have refused rows."""
        held = ExitStack()
        try:
            self._files, self._columns = await self._in_thread(self._input)
            await self._in_thread(self._take_folder, held)
            self._manifest = self._service.manifest = await self._opened()
            finished = await self._all_parts(again=again)
            return await self._in_thread(self._report, finished=finished)
        finally:
            try:
                await self._in_thread(held.close)
            finally:
                self._files_thread.shutdown(wait=False)

    async def plan(self) -> JobPlan:
        """What a run from the beginning would send; reads all of the input, and touches nothing."""
        try:
            self._files, self._columns = await self._in_thread(self._input)
            return await self._in_thread(self._planned)
        finally:
            self._files_thread.shutdown(wait=False)

    async def _in_thread(self, work: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
        # A cancellation takes nothing back that waits its turn there: a part that is paid for, a file to be closed.
        return await asyncio.shield(asyncio.wrap_future(self._files_thread.submit(work, *given, **named)))

    # Opening.

    def _input(self) -> tuple[list[str], Columns]:
        files = found_files(self._source, self._out)
        named: list[str] = [*([self._id] if self._id else []), *self._keep]
        columns = columns_of(files, self._text, tuple(dict.fromkeys(named)), parts.RESERVED)
        return files, columns._replace(carried=parts.as_stored(columns.carried))

    def _take_folder(self, held: ExitStack) -> None:
        parts.prepare(self._out)
        held.enter_context(storage.locked(self._out))
        parts.clean(self._out)

    async def _opened(self) -> Manifest:
        """The job's manifest: the one that is there, if it is of the same job, or a new one."""
        wanted = self._wanted()
        if (known := await self._in_thread(Manifest.of, self._out)) is not None:
            manifest = await self._in_thread(self._resumed, known, wanted)
            if manifest != known:
                await self._in_thread(manifest.write, self._out)
            return manifest
        for path in self._files:
            await self._in_thread(check_packed, path, self._stop.is_set)
        result = await self._service.returned()
        self._free.append(self._new_room(result.dimension))
        made = msgspec.structs.replace(
            wanted,
            inputs=await self._in_thread(
                lambda: tuple(file.digested(self._stop.is_set) for file in wanted.inputs)
            ),
            engine=result.engine,
            dimension=result.dimension,
            fixed_vector=tuple(result[0].tolist()),
            created=_today(),
        )
        made = msgspec.structs.replace(made, job=made.own_id)
        self._watched = list(made.inputs)
        # Where nothing can be locked, another run may have begun it meanwhile.
        if not await self._in_thread(made.write, self._out, replace=False):
            return await self._opened()
        return made

    def _wanted(self) -> Manifest:
        """What would be in the manifest before anything is sent."""
        return Manifest(
            inputs=tuple(map(InputFile.of, self._files)),
            text=self._columns.text,
            id=self._id,
            keep=self._keep,
            model=self._service.model,
            service_provider=self._service.service_provider,
            request=self._service.request,
            host=self._service.host,
            rows_per_part=self._per_part,
            max_rows=None if self._max_rows == inf else int(self._max_rows),
            pyarrow=(pa.cpp_version,),
            version=(__version__,),
        )

    def _resumed(self, known: Manifest, wanted: Manifest) -> Manifest:
        manifest = known.resumed(
            wanted, self._out, other_versions=self._other_versions, stopped=self._stop.is_set
        )
        pairs = zip(manifest.inputs, wanted.inputs, strict=True)
        self._watched = [replace(now, digests=then.digests) for then, now in pairs]
        # An input that was moved is where a retry finds it, too.
        return msgspec.structs.replace(manifest, inputs=tuple(self._watched))

    # Parts.

    async def _all_parts(self, *, again: bool) -> bool:
        """Makes the parts; returns whether the job is finished then."""
        done = await self._in_thread(parts.numbers, self._out)
        told = await self._in_thread(parts.success, self._out)
        if told and not (again and told.get("refused") != 0):
            return True
        self._at_end = told is not None
        if done:
            self._embedding.any_vector, self._progress.rows = await self._in_thread(self._earlier, done)
            await self._service.returned()
        await self._in_thread(storage.remove, self._out, [parts.SUCCESS])
        plan = None if done else await self._in_thread(self._planned, 1)
        self._progress.tell("start", plan=plan)
        if not await self._while_watched(self._refused_again(done) if again else self._make(done)):
            return False
        if not self._at_end:
            return False
        await self._in_thread(parts.finish, self._out, self._manifest, _today())
        return True

    async def _make(self, done: list[int]) -> None:
        """Makes the parts that are not there."""
        await self._embed_all(self._rows(Span(first, end) for first, end in gaps(done)))

    async def _while_watched(self, work: Coroutine[Any, Any, None]) -> bool:
        """Awaits work while `_tick` looks how it goes; returns False if the job was told to stop meanwhile."""
        ticker = asyncio.create_task(self._tick())
        try:
            async with asyncio.timeout(None) as self._limit:
                await work
        except TimeoutError:
            if self._ending is not None:
                raise self._ending from None
            return False
        except JobPausedError:
            if self._stop.is_set():
                return False
            raise
        finally:
            ticker.cancel()
            await asyncio.gather(ticker, self._service.leave(), return_exceptions=True)
        return True

    def _earlier(self, done: list[int]) -> tuple[bool, int]:
        """Whether any row has a vector, and how many rows have ended: every part but the last may be taken for full."""
        (last,) = self._footers(done[-1:])
        some = any(footer.refused < footer.rows for footer in self._footers(done))
        return some, (len(done) - 1) * self._per_part + last.rows

    async def _embed_all(self, source: AsyncGenerator[list[Run]]) -> None:
        """Keeps a window of batches going, in the order of the source, until all have ended."""
        window: deque[asyncio.Task[None]] = deque()
        try:
            async with aclosing(source), aclosing(batches(source, self._service.batch_size)) as full:
                async for batch in full:
                    window.append(asyncio.create_task(self._to_the_end(batch)))
                    while len(window) >= self._service.window:
                        await window[0]
                        window.popleft()
            while window:
                await window[0]
                window.popleft()
        except JobPausedError:
            await self._service.landed(window)
            raise
        finally:
            for task in window:
                task.cancel()
            await asyncio.gather(*window, return_exceptions=True)

    async def _rows(self, spans: Iterable[Span]) -> AsyncGenerator[list[Run]]:
        """The rows of the parts in spans."""
        sizes = [file.size for file in self._watched]
        for first, end, start in spans:
            begin = await self._in_thread(self._start_of, first) if start is None else start
            reader = Reader(self._files, self._columns, begin, sizes)
            try:
                for number in itertools.count(first) if end is None else range(first, end):
                    if self._stop.is_set():
                        return
                    if self._is_made(number):
                        await self._in_thread(partial(reader.skip, self._per_part))
                        continue
                    part = Part(number, number * self._per_part, self._room())
                    async for runs in self._filled(part, reader):
                        yield runs
                    if part.rows or not number:
                        part.read = True
                        await self._publish_if_whole(part)
                    if part.rows < self._per_part:
                        self._at_end = True
                        return
            finally:
                await self._in_thread(reader.close)
        self._at_end = True

    def _is_made(self, number: int) -> bool:  # noqa: ARG002 - by a worker of a cluster
        """Whether another process has made a part meanwhile. Nobody but this one does, under the lock."""
        return False

    async def _filled(self, part: Part, reader: Reader) -> AsyncGenerator[list[Run]]:
        """Reads the rows of a part, and gives those that are to be sent."""
        most = int(min(self._per_part, max(0, self._max_rows - part.first)))
        while part.rows < most:
            piece = await self._in_thread(self._piece, reader, min(PIECE, most - part.rows))
            if not piece.texts:
                return
            part.files.add(reader.file)
            part.next = reader.position
            refused = len(part.refused)
            runs = part.add(piece)
            self._progress.read, self._progress.share = part.first + part.rows, reader.share
            self._progress.sent += sum(len(run.texts) for run in runs)
            for at in itertools.islice(part.refused, refused, None):
                self._embedding.count_refused(part, at)
            yield runs

    def _piece(self, reader: Reader, count: int) -> Piece:
        piece = reader.take(count)
        return piece._replace(texts=self._service.checked(piece.texts))

    async def _refused_again(self, done: list[int]) -> None:
        """Embeds the refused rows of each part, and puts the new part in the place of the old one; then what is missing."""
        for footer in self._footers(done):
            if footer.refused and not self._stop.is_set():
                await self._embed_all(self._refilled(footer))
        if not self._at_end:
            await self._make(done)

    async def _refilled(self, footer: parts.Footer) -> AsyncGenerator[list[Run]]:
        """The rows of a part that have no vector and can be sent, with the others in their places."""
        part, runs = await self._in_thread(self._loaded, footer)
        self._progress.sent += sum(len(run.texts) for run in runs)
        yield runs
        if runs:
            part.read = True
            await self._publish_if_whole(part)

    def _loaded(self, footer: parts.Footer) -> tuple[Part, list[Run]]:
        """A part that is there, and those of its refused rows that can be sent."""
        part = Part(footer.part, footer.first, self._room())
        part.next, part.replaces = footer.next, True
        table = parts.read_part(self._out / parts.part_name(footer.part))
        part.carried = [table.select(self._columns.carried.names)]
        part.vectors[: footer.rows] = parts.vectors_of(table)
        errors = {at: Refusal(**error) for at, error in enumerate(table["error"].to_pylist()) if error}
        with closing(Reader(self._files, self._columns, self._start_of(footer.part))) as reader:
            texts = self._piece(reader, footer.rows).texts
        runs = part.send(
            list(errors), [texts[at] if isinstance(texts[at], str) else errors[at] for at in errors]
        )
        part.rows, part.ended = footer.rows, footer.rows - sum(len(run.texts) for run in runs)
        return part, runs

    def _room(self) -> "Vectors":
        """Room for the vectors of a part: that of a published one, for the system takes long to give more."""
        return self._free.pop() if self._free else self._new_room(self._manifest.dimension)

    def _new_room(self, dimension: int) -> "Vectors":
        try:
            return np.empty((self._per_part, dimension), np.float32)
        except (MemoryError, ValueError):
            raise ConfigurationError(
                f"Parts of {self._per_part} rows do not fit into memory: fewer, with rows_per_part= or --rows-per-part."
            ) from None

    def _footers(self, among: Iterable[int] | None = None) -> Iterator[parts.Footer]:
        return parts.footers(self._out, self._manifest.job, among)

    def _start_of(self, number: int) -> Position:
        return parts.start_of(self._out, self._manifest.job, number)

    async def _publish_if_whole(self, part: Part) -> None:
        if part.whole:
            part.read = False  # once
            await self._in_thread(self._publish, part)
            self._free.append(part.vectors)
            self._progress.tell("part")

    def _publish(self, part: Part) -> None:
        for file in part.files:
            self._watched[file].check()
        footer = parts.Footer(
            self._manifest.job, part.number, part.first, part.rows, len(part.refused), part.next
        )
        carried = pa.concat_tables([self._columns.carried.empty_table(), *part.carried])
        table = parts.part_table(carried, part.vectors[: part.rows], part.refused, footer)
        name = parts.part_name(part.number)
        storage.publish(self._out, name, partial(parts.write_part, table), replace=part.replaces)

    async def _to_the_end(self, runs: list[Run]) -> None:
        """Embeds rows until each has ended, and publishes the parts that are whole by that."""
        await self._embedding.to_the_end(runs)
        for part in {id(run.part): run.part for run in runs}.values():
            await self._publish_if_whole(part)

    async def _tick(self) -> None:
        """Looks now and then how it goes, and ends a job that was told to stop, or has nothing to hope for, in time."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(LOOK)
            try:
                admission = await self._service.watched()
            except JobError as error:
                self._ending = error
                self._limit.reschedule(loop.time())
                return
            throttle, now = admission.throttle, admission.time()
            if self._stop.is_set() and self._limit.when() is None:
                hopeless = self._service.waits or throttle.probing
                self._limit.reschedule(loop.time() + (0.0 if hopeless else GRACE))
            self._progress.tell(
                "progress",
                in_flight=throttle.in_flight,
                throttled=now < throttle.next_start(now) < inf,
                outage=throttle.probing,
            )

    def _planned(self, pieces: float = inf) -> JobPlan:
        with closing(Reader(self._files, self._columns)) as reader:
            return planned(reader, self._service, self._max_rows, pieces)

    def _report(self, *, finished: bool) -> JobReport:
        count = parts.Count.of(self._footers())
        return JobReport(
            self._out,
            finished,
            **count._asdict(),
            sent=self._progress.sent,
            requests=self._service.requests,
            retries=self._service.retries,
            cache_hits=self._service.cache_hits,
            seconds=self._progress.seconds,
            foreign=tuple(parts.foreign(self._out)),
        )


def gaps(done: Sequence[int]) -> Iterator[tuple[int, int | None]]:
    """The runs of missing parts, and at last what comes behind all of them."""
    before = -1
    for number in done:
        if number > before + 1:
            yield before + 1, number
        before = number
    yield before + 1, None


def _today() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
