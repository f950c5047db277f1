"""Jobs on Spark: its tasks make the missing parts, classic or by Connect.

Needs the extra ``spark``, and Java 17. Tried with Spark 4.3.
"""

import functools
import os
import pickle
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final, Unpack

import pyarrow as pa
from pyspark import TaskContext
from pyspark.sql import SparkSession

from ..client import EmbeddingClient
from ..errors import ConfigurationError
from ..jobs import JobOptions, JobReport
from ..jobs.files import Sources, place
from ..jobs.service import or_own
from .job import MOST_PARTS, Driver, Made, Start, Task, Worker
from .limit import limited

__all__ = ["run_job"]

_TOLD: Final = "refused long, sent long, requests long, retries long, cache_hits long, error binary"


def run_job(
    source: Sources,
    out: str | os.PathLike[str],
    *,
    client: EmbeddingClient | None = None,
    workers: int | None = None,
    address: str | None = None,
    **options: Unpack[JobOptions],
) -> JobReport:
    """As `jobs.run_job`, with the parts made by Spark's tasks.

    The input and ``out`` are seen by the driver and all executors under the same paths. Spark has no place for a limit that
    all workers share: each has its share of the client's ``rate_limit``, used or not, and learns from throttling alone.

    Args:
        source: As for `jobs.run_job`.
        out: As for `jobs.run_job`.
        client: Is pickled for the workers, without its key: they read that from their environment, or from a key provider.
            None: an `EmbeddingClient()`.
        workers: Tasks at a time, at most. None: as many as Spark has room for, which does for a job without ``rate_limit``.
        address: A master such as ``local[2]``, or ``sc://…`` for Connect. None: the active session, else Spark's default.
        **options: Any of `JobOptions`.

    Raises:
        TypeError: a client that does not pickle.
        ConfigurationError: a ``rate_limit`` without ``workers``.
        InworldEmbeddingsError: as `jobs.run_job`.
    """
    with or_own(client) as own:
        rate = own._settings.rate_limit  # noqa: SLF001 - a part of the same package
        if rate is not None and workers is None:
            raise ConfigurationError(
                "On Spark a rate_limit is shared out in equal parts: say among how many workers."
            )
        with _session(address) as session:
            engine = partial(_made, session=session, workers=workers, rate=rate and rate / (workers or 1))
            return Driver(own, source, place(out), options, engine).start(own)


@contextmanager
def _session(address: str | None) -> Iterator[SparkSession]:
    """The active session; if there is none, one that ends with the job."""
    if (active := SparkSession.getActiveSession()) is not None:
        yield active
        return
    builder = SparkSession.builder
    if address is None or address.startswith("local"):
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # else any python3 that is found first
    if address is not None:
        builder = builder.remote(address) if address.startswith("sc://") else builder.master(address)
    session = builder.getOrCreate()
    try:
        yield session
    finally:
        session.stop()


def _made(
    task: Task, starts: list[Start], *, session: SparkSession, workers: int | None, rate: float | None
) -> Iterator[Made]:
    """What the tasks tell, once all of them have ended: a row of the frame for each, by its number."""
    size = -(-len(starts) // workers) if workers else MOST_PARTS
    shares = [starts[at : at + size] for at in range(0, len(starts), size)]
    frame = session.range(0, len(shares), 1, len(shares))
    told = frame.mapInArrow(partial(_make, pickle.dumps(task), rate, shares), _TOLD)
    for row in told.collect():
        yield Made(**row.asDict())


def _make(
    task: bytes, rate: float | None, shares: list[list[Start]], numbers: Iterator[pa.RecordBatch]
) -> Iterator[pa.RecordBatch]:
    """A task's part of `_made`, in a process of Spark's."""
    worker = _worker(task, rate)
    context = TaskContext.get()
    again = context is not None and context.attemptNumber() > 0  # the first attempt may be at work still
    for batch in numbers:
        for number in batch.column(0).to_pylist():
            made = worker.make(shares[number], backwards=again)
            told = made._replace(error=bytes(made.error))._asdict()
            yield pa.RecordBatch.from_pylist([told])


@functools.lru_cache(1)
def _worker(task: bytes, rate: float | None) -> Worker:
    """The one of this process, which Spark uses for several tasks."""
    return Worker(pickle.loads(task), limited(rate))  # noqa: S301 - our own driver's
