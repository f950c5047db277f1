"""A job: reads rows, embeds them in a window of batches, and publishes each part when all its rows have ended.

A row ends with a vector or as a refused row. What the service cannot do at all (an outage, a key, a quota) ends no row:
the job waits for it, and then pauses.
"""

import asyncio
import datetime as dt
import itertools
import logging
import threading
import time
from collections import Counter, deque
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, aclosing, closing
from dataclasses import replace
from functools import partial
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

import msgspec
import numpy as np
import pyarrow as pa

from .._retry import Kind, kind_of
from .._version import __version__
from ..errors import (
    APIError,
    InputChangedError,
    InworldEmbeddingsError,
    JobError,
    JobPausedError,
    RequestTooLargeError,
)
from ..options import checked, defaults
from . import parts
from .inputs import (
    Columns,
    InputFile,
    Piece,
    Position,
    Reader,
    Refusal,
    Sources,
    check_same,
    columns_of,
    found_files,
)
from .options import JOB, JobEvent, JobOptions, JobPlan, JobReport, Told
from .service import Service

if TYPE_CHECKING:
    from ..client import AsyncEmbeddingClient
    from ..result import EmbeddingResult, Vectors

T = TypeVar("T")

logger = logging.getLogger(__name__.removesuffix(".jobs.runner"))  # a vendored copy has its own

ROUNDS: Final = 3
"""A text that fails so often, while the fixed text is answered each time after it, is refused."""
GRACE: Final = 30.0
"""Seconds for the parts that are begun, once the job is to stop."""
SHORT: Final = 1000
"""Characters of a text that is surely not refused for its length."""


class _Part:
    """A part that is being filled."""

    def __init__(self, number: int, first: int, most: int, dimension: int) -> None:
        self.number, self.first = number, first
        self.rows = self.waiting = 0
        self.read = self.replaces = False
        self.next = Position()
        self.files: set[int] = set()
        self.carried: list[pa.Table] = []
        self.refused: dict[int, Refusal] = {}
        self.vectors: Vectors = np.empty((most, dimension), np.float32)


class _Row(NamedTuple):
    """A text on its way, and its place."""

    part: _Part
    at: int
    text: str


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
        self._stops = options["on_refused"] == "stop"
        self._other_versions: bool = options["other_versions"]
        self._stop: threading.Event = options["stop"] or threading.Event()
        self._on_event: Callable[[JobEvent], object] | None = options["on_event"]
        self._service = Service(
            client,
            patience=options["patience"] or inf,
            stop=self._stop,
            on_wait=partial(self._tell, "waiting"),
        )
        # One thread for all files: they are read and written in one order.
        self._files_thread = ThreadPoolExecutor(1, "inworld-embeddings-job")
        self._began = time.monotonic()
        self._rows = self._refused = self._sent = 0
        self._any_vector = self._at_end = False
        self._share: float | None = None
        self._ending: JobError | None = None
        self._read = 0

    async def run(self, *, again: bool = False) -> JobReport:
        """Makes the parts that are missing; or ``again`` those that have refused rows."""
        held = ExitStack()
        try:
            self._files, self._columns = await self._in_thread(self._input)
            await self._in_thread(partial(self._take_folder, held))
            self._manifest = self._service.manifest = await self._opened()
            finished = await self._all_parts(again=again)
            return await self._in_thread(partial(self._report, finished=finished))
        finally:
            await self._in_thread(held.close)
            self._files_thread.shutdown()

    async def plan(self) -> JobPlan:
        """What a run from the beginning would send; reads all of the input, and touches nothing."""
        try:
            self._files, self._columns = await self._in_thread(self._input)
            return await self._in_thread(partial(self._planned, inf))
        finally:
            self._files_thread.shutdown()

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.wrap_future(self._files_thread.submit(work))

    # Opening.

    def _input(self) -> tuple[list[str], Columns]:
        files = found_files(self._source, self._out)
        named: list[str] = [*([self._id] if self._id else []), *self._keep]
        return files, columns_of(files, self._text, tuple(dict.fromkeys(named)), parts.RESERVED)

    def _take_folder(self, held: ExitStack) -> None:
        parts.prepare(self._out)
        held.enter_context(parts.locked(self._out))
        parts.clean(self._out)

    async def _opened(self) -> parts.Manifest:
        """The job's manifest: the one that is there, if it is of the same job, or a new one."""
        wanted = parts.Manifest(
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
        if (known := await self._in_thread(partial(parts.Manifest.of, self._out))) is not None:
            manifest = await self._in_thread(partial(self._same_job, known, wanted))
            pairs = zip(manifest.inputs, wanted.inputs, strict=True)
            self._watched = [replace(now, digests=then.digests) for then, now in pairs]
            return manifest
        result = await self._service.returned()
        made = msgspec.structs.replace(
            wanted,
            inputs=await self._in_thread(lambda: tuple(file.digested() for file in wanted.inputs)),
            engine=result.engine,
            dimension=result.dimension,
            fixed_vector=tuple(result[0].tolist()),
            created=_today(),
        )
        made = msgspec.structs.replace(made, job=made.own_id)
        self._watched = list(made.inputs)
        await self._in_thread(partial(made.write, self._out))
        return made

    def _same_job(self, known: parts.Manifest, wanted: parts.Manifest) -> parts.Manifest:
        """The manifest to go on with.

        Raises:
            InputChangedError: it is of another job, or of other versions.
        """
        if differences := known.differences(wanted):
            changed = tuple(one.partition(" ")[0] for one in differences)
            raise InputChangedError(
                f"{self._out} holds another job: {'; '.join(differences)}. Run it as it was begun, or use another OUT.",
                changed=changed,
            )
        check_same(known.inputs, wanted.inputs)
        names = [n for n in ("pyarrow", "version") if getattr(wanted, n)[0] not in getattr(known, n)]
        if not names:
            return known
        if not self._other_versions:
            told = "; ".join(
                f"{name} was {', '.join(getattr(known, name))}, and is {getattr(wanted, name)[0]}"
                for name in names
            )
            raise InputChangedError(
                f"{self._out} was written by other versions: {told}. Install those, or go on with --other-versions "
                "(other_versions=True): parts may then differ in their bytes, not in their rows.",
                changed=tuple(names),
            )
        both = {name: (*getattr(known, name), getattr(wanted, name)[0]) for name in names}
        known = msgspec.structs.replace(known, **both)
        known.write(self._out)
        return known

    # Parts.

    async def _all_parts(self, *, again: bool) -> bool:
        """Makes the parts; returns whether the job is finished then."""
        done = await self._in_thread(partial(parts.numbers, self._out))
        told = await self._in_thread(partial(parts.success, self._out))
        if told and not (again and told["refused"]):
            return True
        await self._in_thread(partial(parts.remove, self._out, [parts.SUCCESS]))
        if done:
            self._any_vector, self._rows = await self._in_thread(partial(self._earlier, done))
            await self._service.returned()
        self._tell("start", plan=None if done else await self._in_thread(partial(self._planned, 1)))
        ticker = asyncio.create_task(self._tick())
        try:
            async with asyncio.timeout(None) as self._limit:
                if again:
                    await self._refused_again(done)
                    self._at_end = told is not None
                else:
                    await self._embed_all(self._missing(done))
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
        if not self._at_end:
            return False
        await self._in_thread(partial(parts.finish, self._out, self._manifest, _today()))
        return True

    def _earlier(self, done: list[int]) -> tuple[bool, int]:
        """Whether any row has a vector, and how many rows have ended: every part but the last may be taken for full."""
        last = parts.Footer.of(self._out / parts.part_name(done[-1]))
        footers = (parts.Footer.of(self._out / parts.part_name(number)) for number in done)
        return any(f.refused < f.rows for f in footers), (len(done) - 1) * self._per_part + last.rows

    async def _embed_all(self, source: AsyncGenerator[list[_Row]]) -> None:
        """Keeps a window of batches going, in the order of the source, until all have ended."""
        window: deque[asyncio.Task[None]] = deque()
        try:
            async with aclosing(source), aclosing(self._batches(source)) as batches:
                async for batch in batches:
                    window.append(asyncio.create_task(self._to_the_end(batch)))
                    while len(window) >= self._service.window:
                        await window[0]
                        window.popleft()
            while window:
                await window[0]
                window.popleft()
        except JobPausedError:
            await asyncio.gather(*window, return_exceptions=True)  # what is in flight is paid for
            raise
        finally:
            for task in window:
                task.cancel()
            await asyncio.gather(*window, return_exceptions=True)

    async def _batches(self, source: AsyncGenerator[list[_Row]]) -> AsyncGenerator[list[_Row]]:
        """The same rows by batches; one may reach over the end of a part."""
        batch: list[_Row] = []
        async for rows in source:
            batch += rows
            while len(batch) >= self._service.batch_size:
                yield batch[: self._service.batch_size]
                batch = batch[self._service.batch_size :]
        if batch:
            yield batch

    async def _missing(self, done: list[int]) -> AsyncGenerator[list[_Row]]:
        """The rows of the parts that are not there."""
        for first, end in _gaps(done):
            reader = Reader(self._files, self._columns, await self._in_thread(partial(self._start_of, first)))
            try:
                for number in itertools.count(first) if end is None else range(first, end):
                    if self._stop.is_set():
                        return
                    part = _Part(number, number * self._per_part, self._per_part, self._manifest.dimension)
                    async for rows in self._filled(part, reader):
                        yield rows
                    if part.rows or not number:
                        part.read = True
                        await self._publish_if_whole(part)
                    if part.rows < self._per_part:
                        self._at_end = True
                        return
            finally:
                await self._in_thread(reader.close)
        self._at_end = True

    async def _refused_again(self, done: list[int]) -> None:
        """Embeds the refused rows of each part, and puts the new part in the place of the old one."""
        for number in done:
            footer = parts.Footer.of(self._out / parts.part_name(number))
            if footer.refused and not self._stop.is_set():
                await self._embed_all(self._refilled(footer))

    async def _refilled(self, footer: parts.Footer) -> AsyncGenerator[list[_Row]]:
        """The rows of a part that have no vector and can be sent, with the others in their places."""
        part, texts = await self._in_thread(partial(self._loaded, footer))
        rows = []
        for at in list(part.refused):
            fine = self._service.checked(texts[at])
            if isinstance(fine, str):
                del part.refused[at]
                rows.append(_Row(part, at, fine))
        part.waiting, self._sent = len(rows), self._sent + len(rows)
        yield rows
        if rows:
            part.read = True
            await self._publish_if_whole(part)

    def _loaded(self, footer: parts.Footer) -> tuple[_Part, list[str | Refusal]]:
        """A part that is there, and the texts of its rows."""
        part = _Part(footer.part, footer.first, footer.rows, self._manifest.dimension)
        part.rows, part.next, part.replaces = footer.rows, footer.next, True
        table = parts.read_part(self._out / parts.part_name(footer.part))
        part.carried = [table.select(self._columns.schema.names)]
        part.vectors[:] = parts.vectors_of(table)
        told = enumerate(table["error"].to_pylist())
        part.refused = {at: Refusal(**error) for at, error in told if error is not None}
        with closing(Reader(self._files, self._columns, self._start_of(footer.part))) as reader:
            return part, reader.take(footer.rows).texts

    def _start_of(self, number: int) -> Position:
        return parts.Footer.of(self._out / parts.part_name(number - 1)).next if number else Position()

    async def _filled(self, part: _Part, reader: Reader) -> AsyncGenerator[list[_Row]]:
        """Reads the rows of a part."""
        most = int(min(self._per_part, max(0, self._max_rows - part.first)))
        while part.rows < most:
            piece = await self._in_thread(partial(reader.take, min(1024, most - part.rows)))
            if not piece.texts:
                return
            part.files.add(reader.file)
            part.next = reader.position
            self._read, self._share = part.first + part.rows + len(piece.texts), reader.share
            yield self._placed(part, piece)

    def _placed(self, part: _Part, piece: Piece) -> list[_Row]:
        """The rows of a piece that can be sent; the others are refused."""
        rows = []
        for at, text in enumerate(piece.texts, part.rows):
            fine = self._service.checked(text)
            if isinstance(fine, Refusal):
                self._refuse(part, at, fine)
            else:
                rows.append(_Row(part, at, fine))
        part.rows += len(piece.texts)
        part.waiting += len(rows)
        part.carried.append(piece.carried)
        self._sent += len(rows)
        return rows

    def _refuse(self, part: _Part, at: int, why: Refusal) -> None:
        if self._stops:
            raise JobError(f"Row {part.first + at} was refused: {why.code}: {why.message}")
        part.refused[at] = why
        self._rows += 1
        self._refused += 1

    async def _publish_if_whole(self, part: _Part) -> None:
        if part.read and not part.waiting:
            part.read = False  # once
            await self._in_thread(partial(self._publish, part))
            self._tell("part")

    def _publish(self, part: _Part) -> None:
        for file in part.files:
            self._watched[file].check()
        footer = parts.Footer(
            self._manifest.job, part.number, part.first, part.rows, len(part.refused), part.next
        )
        carried = pa.concat_tables([self._columns.schema.empty_table(), *part.carried])
        table = parts.part_table(carried, part.vectors[: part.rows], part.refused, footer)
        name = parts.part_name(part.number)
        parts.publish(self._out, name, [parts.encoded(table)], replace=part.replaces)

    # Embedding.

    async def _to_the_end(self, rows: list[_Row]) -> None:
        """Embeds rows until each has ended, and publishes the parts that are whole by that.

        What fails while the service answers the fixed text is tried once more, then alone, so that a text which the
        service cannot take holds up no other.
        """
        touched = {id(row.part): row.part for row in rows}
        for _ in range(2):
            rows, _ = await self._attempt(rows)
        for row in rows:
            left, error = [row], None
            for _ in range(ROUNDS):
                left, error = await self._attempt(left)
            if left and error is not None:
                self._refuse(row.part, row.at, _refusal(error))
                row.part.waiting -= 1
        for part in touched.values():
            await self._publish_if_whole(part)

    async def _attempt(self, rows: list[_Row]) -> tuple[list[_Row], InworldEmbeddingsError | None]:
        """Embeds rows; returns those that have not ended, and why, once the service answers again."""
        trouble: InworldEmbeddingsError | None = None
        while rows and trouble is None:
            result = await self._service.embed([row.text for row in rows])
            before = len(rows)
            rows, trouble = self._ended(rows, result)
            if rows and trouble is None:  # many were refused alike
                await self._service.returned()
                if len(rows) == before:
                    return rows, None
        if trouble is not None:
            await self._service.recovered(trouble)
        return rows, trouble

    def _ended(
        self, rows: list[_Row], result: "EmbeddingResult"
    ) -> tuple[list[_Row], InworldEmbeddingsError | None]:
        """Takes what a call gives; returns the rows that have not ended, and why the service could not do them."""
        runs = list(result.failures.runs) if result.failures else []
        if len(rows) > sum(stop - start for start, stop, _ in runs):
            self._place(rows, result, runs)
        # An error of several texts is about none of them: the engine had given up before it sent them.
        texts = Counter({id(error): 0 for *_, error in runs})
        for start, stop, error in runs:
            texts[id(error)] += stop - start
        left: list[_Row] = []
        refused: list[_Row] = []
        trouble = None
        for start, stop, error in runs:
            about_one = isinstance(error, RequestTooLargeError) or kind_of(error) is Kind.BISECT
            if about_one and texts[id(error)] == 1:
                refused.append(rows[start])
                self._refuse(rows[start].part, rows[start].at, _refusal(error))
                rows[start].part.waiting -= 1
            else:
                left += rows[start:stop]
                trouble = trouble or (None if about_one else error)
        if left and refused and trouble is None and not self._any_vector:
            self._give_up_if_hopeless(refused, runs[0][2])
        return left, trouble

    def _place(
        self, rows: list[_Row], result: "EmbeddingResult", runs: list[tuple[int, int, InworldEmbeddingsError]]
    ) -> None:
        """Puts vectors into their parts."""
        good = np.ones(len(rows), dtype=bool)
        for start, stop, _ in runs:
            good[start:stop] = False
        vectors = result.vectors
        at = 0
        for _, group in itertools.groupby(rows, key=lambda row: id(row.part)):
            same = list(group)
            here = slice(at, at + len(same))
            places = np.array([row.at for row in same])[good[here]]
            same[0].part.vectors[places] = vectors[here][good[here]]
            same[0].part.waiting -= len(places)
            at += len(same)
        self._rows += int(good.sum())
        self._any_vector = True

    def _give_up_if_hopeless(self, refused: list[_Row], error: InworldEmbeddingsError) -> None:
        if len({row.text for row in refused if len(row.text) <= SHORT}) >= ROUNDS:
            raise JobError(
                f"The service refuses every text, the first {len(refused)} of them: {type(error).__name__}: {error}"
            )

    # What is told.

    def _tell(self, kind: Told, message: str = "", **more: Any) -> None:
        """Calls back. What that raises is logged once, and ends only that, as with the client's own progress."""
        if self._on_event is None:
            return
        total = None if not self._share else max(self._read, round(self._read / self._share))
        if total is not None and self._max_rows < total:
            total = int(self._max_rows)
        event = JobEvent(
            kind,
            rows=self._rows,
            total=total,
            refused=self._refused,
            sent=self._sent,
            requests=self._service.requests,
            retries=self._service.retries,
            seconds=time.monotonic() - self._began,
            message=message,
            **more,
        )
        try:
            self._on_event(event)
        except Exception:
            logger.exception("on_event failed; it is not called again")
            self._on_event = None

    async def _tick(self) -> None:
        """Looks twice a second how it goes, and ends a job that was told to stop, or has nothing to hope for, in time."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(0.5)
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
            self._tell(
                "progress",
                in_flight=throttle.in_flight,
                throttled=now < throttle.next_start(now) < inf,
                outage=throttle.probing,
            )

    def _planned(self, batches: float) -> JobPlan:
        """What would be sent, from the first rows or all of them."""
        sums = [0] * 6
        step = self._service.batch_size * 64
        share: float | None = 0.0
        with closing(Reader(self._files, self._columns)) as reader:
            while batches > 0 and share != 1.0:
                piece = reader.take(int(min(step, self._max_rows - sums[0])))
                texts = [text for text in map(self._service.checked, piece.texts) if isinstance(text, str)]
                planned = self._service.plan(texts)
                tokens = sum(len(text.encode()) for text in texts) // 4
                rows, refused = len(piece.texts), len(piece.texts) - len(texts)
                more = (rows, refused, planned.requests, planned.bytes, tokens, planned.long_texts)
                sums = [one + another for one, another in zip(sums, more, strict=True)]
                share, batches = 1.0 if rows < step else reader.share, batches - 1
        factor = min(1 / (share or 1.0), self._max_rows / max(sums[0], 1))
        rows, refused, requests, size, tokens, long_texts = (round(one * factor) for one in sums)
        return JobPlan(rows, refused, requests, size, tokens, long_texts, exact=share == 1.0)

    def _report(self, *, finished: bool) -> JobReport:
        footers = [parts.Footer.of(self._out / parts.part_name(n)) for n in parts.numbers(self._out)]
        return JobReport(
            self._out,
            finished,
            rows=sum(footer.rows for footer in footers),
            refused=sum(footer.refused for footer in footers),
            parts=len(footers),
            sent=self._sent,
            requests=self._service.requests,
            retries=self._service.retries,
            seconds=time.monotonic() - self._began,
        )


def _gaps(done: Sequence[int]) -> Iterator[tuple[int, int | None]]:
    """The runs of missing parts, and at last what comes behind all of them."""
    before = -1
    for number in done:
        if number > before + 1:
            yield before + 1, number
        before = number
    yield before + 1, None


def _refusal(error: InworldEmbeddingsError) -> Refusal:
    return Refusal(type(error).__name__, str(error), error.attempts if isinstance(error, APIError) else 0)


def _today() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
