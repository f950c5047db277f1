"""Jobs on Ray: Ray Data maps an actor over the missing parts, and one more actor holds the limit of all workers.

Needs the extra ``ray``. Tried with Ray 2.60.
"""

import asyncio
import os
import pickle
import secrets
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final, Unpack, cast

import ray
import ray.data
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from ..client import AsyncEmbeddingClient, EmbeddingClient
from ..jobs import JobOptions, JobReport, aembed_table
from ..jobs.files import Sources, place
from ..jobs.service import or_own
from ..options import ClientOptions
from .job import Driver, Made, Start, Task, Worker, calls_of
from .limit import Ended, Lease, Limit, leased

__all__ = ["EmbedTable", "SharedLimit", "run_job"]

NAMESPACE: Final = "inworld-embeddings"
"""Of the actors that hold a limit."""


def run_job(
    source: Sources,
    out: str | os.PathLike[str],
    *,
    client: EmbeddingClient | None = None,
    workers: int | None = None,
    address: str | None = None,
    **options: Unpack[JobOptions],
) -> JobReport:
    """As `jobs.run_job`, with the parts made by actors of a Ray cluster.

    The input and ``out`` are seen by all of its machines under the same paths. The client's ``rate_limit`` and its throttling
    are those of all workers together, its ``max_concurrency`` is each worker's.

    Args:
        source: As for `jobs.run_job`.
        out: As for `jobs.run_job`.
        client: Is pickled for the workers, without its key: they read that from their environment, or from a key provider.
            None: an `EmbeddingClient()`.
        workers: Actors, with a processor each. None: as many as the cluster has processors.
        address: Of the cluster. None: the one that ``ray.init`` was called for, else RAY_ADDRESS, else one of this process.
        **options: Any of `JobOptions`.

    Raises:
        TypeError: a client that does not pickle.
        InworldEmbeddingsError: as `jobs.run_job`.
    """
    with or_own(client) as own:
        driver = Driver(own, source, place(out), options, partial(_made, client=own, workers=workers))
        with _cluster(address):
            return driver.start(own)


@contextmanager
def _cluster(address: str | None) -> Iterator[None]:
    """Ray; if this process had not begun it, it ends it."""
    if ray.is_initialized():
        yield
        return
    ray.init(
        address=address,
        include_dashboard=None if address else False,
        log_to_driver=False,
        logging_level="warning",
    )
    try:
        yield
    finally:
        ray.shutdown()


def _made(task: Task, starts: list[Start], *, client: EmbeddingClient, workers: int | None) -> Iterator[Made]:
    """What the workers tell, as they tell it."""
    count = max(1, min(workers or int(ray.cluster_resources().get("CPU", 1)), len(starts)))
    calls = [{"starts": pickle.dumps(some)} for some in calls_of(starts, count)]
    settings = client._settings  # noqa: SLF001 - a part of the same package
    limit = SharedLimit(f"job-{secrets.token_hex(4)}")
    held = limit.begin(settings.max_concurrency * count, settings.rate_limit)
    context = ray.data.DataContext.get_current()
    bars, context.enable_progress_bars = context.enable_progress_bars, False
    told = ray.data.from_items(calls, override_num_blocks=len(calls)).map_batches(
        _Actor,
        fn_constructor_args=(task, limit),
        batch_size=1,
        compute=ray.data.ActorPoolStrategy(size=count),
        num_cpus=1,
    )
    context.enable_progress_bars = bars  # the data set has a copy
    try:
        for row in told.iter_rows():
            yield Made(**row)
    finally:
        ray.kill(held)


class _Actor:
    """A worker, as Ray Data calls it."""

    def __init__(self, task: Task, limit: "SharedLimit") -> None:
        self._worker = Worker(task, leased(limit))

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[Any]]:
        made = [self._worker.make(pickle.loads(starts)) for starts in batch["starts"]]  # noqa: S301 - our own driver's
        return {name: [getattr(one, name) for one in made] for name in Made._fields}


class EmbedTable:
    """For the ``map_batches`` of a `ray.data.Dataset`: adds ``vector`` and ``error`` to batches, as `jobs.embed_table` does.

    Ray wants ``batch_format="pyarrow"``, and ``compute=ActorPoolStrategy(size=…)``, the number of actors. Each has one
    client. An outage is raised, and Ray ends the pipeline with it.

    Args:
        column: Holds the texts.
        limit: One that all actors share; it must have begun. None: each actor has its own.
        **options: Any of `ClientOptions`. Leave the key to the environment of the actors, or to a key provider: Ray sends
            and keeps what is given here as it is.
    """

    def __init__(
        self, column: str, *, limit: "SharedLimit | None" = None, **options: Unpack[ClientOptions]
    ) -> None:
        self._column, self._limit = column, limit
        self._client = AsyncEmbeddingClient(**options)
        self._begun = False

    async def __call__(self, batch: Any) -> Any:
        if self._limit is not None and not self._begun:
            self._begun = True
            admission = (await self._client._engine._session()).admission  # noqa: SLF001 - a part of the same package
            admission.throttle = leased(self._limit)(admission)
        return await aembed_table(batch, self._column, client=self._client)


class SharedLimit:
    """One limit of requests for all actors and programs on a cluster that name it.

    Args:
        name: Of the actor that holds it.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._actor: Any = None

    def __reduce__(self) -> Any:
        return SharedLimit, (self.name,)

    def begin(self, max_concurrency: int, rate_limit: float | None) -> Any:
        """Begins it on this machine, unless it is there. It ends with the last handle that this returned."""
        # Anywhere else it would be lost with a machine of workers; a soft affinity is not always heeded.
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        options = {"name": self.name, "namespace": NAMESPACE, "get_if_exists": True, "num_cpus": 0}
        options |= {"scheduling_strategy": here}
        made = ray.remote(Limit).options(**options, max_concurrency=1000)  # type: ignore[attr-defined]
        return made.remote(max_concurrency, rate_limit)

    def lease(self, worker: str, wanted: int) -> Awaitable[Lease]:
        """See `Limit.lease`."""
        return self._told(self._it().lease.remote(worker, wanted))

    def report(self, worker: str, arrived: int, ended: list[Ended]) -> Awaitable[None]:
        """See `Limit.report`."""
        return self._told(self._it().report.remote(worker, arrived, ended))

    def _it(self) -> Any:
        if self._actor is None:
            self._actor = ray.get_actor(self.name, namespace=NAMESPACE)
        return self._actor

    @staticmethod
    def _told(reference: Any) -> Awaitable[Any]:
        return cast("Awaitable[Any]", asyncio.wrap_future(reference.future()))
