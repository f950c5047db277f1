"""Jobs on Daft, by processes of its native runner, and a provider for its ``embed_text``.

Needs the extra ``daft``. Tried with Daft 0.7.
"""

import os
import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Unpack

import daft
from daft import DataType
from daft.ai.protocols import TextEmbedder, TextEmbedderDescriptor
from daft.ai.provider import Provider
from daft.ai.typing import EmbeddingDimensions, UDFOptions

from ..client import EmbeddingClient
from ..errors import ConfigurationError
from ..jobs import JobOptions, JobReport
from ..jobs.files import Sources, place
from ..jobs.service import or_own
from ..models import MODELS
from ..options import ClientOptions
from .job import Driver, Made, Start, Task, Worker, calls_of
from .limit import limited

if TYPE_CHECKING:
    from ..result import Vectors

__all__ = ["InworldProvider", "run_job"]

BATCH = 1024
"""Texts of a call; the client makes requests of its own ``batch_size`` of them, side by side."""


def run_job(
    source: Sources,
    out: str | os.PathLike[str],
    *,
    client: EmbeddingClient | None = None,
    workers: int | None = None,
    **options: Unpack[JobOptions],
) -> JobReport:
    """As `jobs.run_job`, with the parts made by processes of Daft's native runner, on this machine.

    Each has its share of the client's ``rate_limit``, and learns from throttling alone. A process that dies ends the run;
    the same call goes on.

    Args:
        source: As for `jobs.run_job`.
        out: As for `jobs.run_job`.
        client: Is pickled for the workers, without its key: they read that from their environment, or from a key provider.
            None: an `EmbeddingClient()`.
        workers: Processes. None: one a processor.
        **options: Any of `JobOptions`.

    Raises:
        TypeError: a client that does not pickle.
        InworldEmbeddingsError: as `jobs.run_job`.
    """
    with or_own(client) as own:
        rate = own._settings.rate_limit  # noqa: SLF001 - a part of the same package
        engine = partial(_made, workers=workers or os.cpu_count() or 1, rate=rate)
        return Driver(own, source, place(out), options, engine).start(own)


def _made(task: Task, starts: list[Start], *, workers: int, rate: float | None) -> Iterator[Made]:
    """What the workers tell, as they tell it."""
    count = min(workers, len(starts))
    calls = [pickle.dumps(some) for some in calls_of(starts, count)]
    worker = daft.cls(_Process, max_concurrency=count, use_process=True)(task, rate and rate / count)
    told = (
        daft.from_pydict({"starts": calls})
        .into_batches(1)
        .select(worker.make(daft.col("starts")).alias("made"))
    )
    for row in told.iter_rows():
        yield pickle.loads(row["made"])  # noqa: S301 - our own worker's


class _Process:
    """A worker, as Daft calls it."""

    def __init__(self, task: Task, rate: float | None) -> None:
        self._worker = Worker(task, limited(rate))

    @daft.method.batch(return_dtype=DataType.binary(), batch_size=1)
    def make(self, starts: Any) -> list[bytes]:
        """Makes some parts."""
        return [pickle.dumps(self._worker.make(pickle.loads(some))) for some in starts.to_pylist()]  # noqa: S301 - our own driver's


class InworldProvider(Provider):
    """For ``embed_text(column, provider=InworldProvider())``.

    A null has no vector. A text that fails ends the query, as Daft has it; with ``on_error="ignore"`` it has none either, and
    the others of its batch have theirs.

    Args:
        **options: Any of `ClientOptions` but a key: plans hold none, and workers read it from their environment or from
            a key provider.

    Raises:
        TypeError: options that do not pickle.
        ConfigurationError: an option out of range.
    """

    def __init__(self, **options: Unpack[ClientOptions]) -> None:
        self._options = options

    @property
    def name(self) -> str:
        """Inworld's."""
        return "inworld"

    def get_text_embedder(
        self, model: str | None = None, dimensions: int | None = None, **options: Any
    ) -> "InworldDescriptor":
        """What Daft asks for.

        Args:
            model: As for `EmbeddingClient`.
            dimensions: Numbers of each vector. None: what the model is known to make.
            **options: Daft's ``batch_size`` (1024) and ``on_error``; the client retries by itself.

        Raises:
            ConfigurationError: the dimension of the model is not known.
        """
        given = self._options | ({"model": model} if model is not None else {})
        with EmbeddingClient(**given) as client:  # type: ignore[arg-type]
            name, pickled = client._options["model"], pickle.dumps(client)  # noqa: SLF001 - a part of the same package
        known = MODELS.get(name)
        if dimensions is None and known is None:
            raise ConfigurationError(f"How long are the vectors of {name!r}? Give dimensions= to embed_text.")
        size = dimensions if dimensions is not None else known.dimension  # type: ignore[union-attr]
        return InworldDescriptor(pickled, name, size, {"batch_size": BATCH, "on_error": "raise", **options})


@dataclass
class InworldDescriptor(TextEmbedderDescriptor):
    """What Daft sends to where texts are embedded. There is no key in it."""

    client: bytes
    model: str
    size: int
    options: dict[str, Any]

    def get_provider(self) -> str:
        """As `InworldProvider` has it."""
        return "inworld"

    def get_model(self) -> str:
        """Its name."""
        return self.model

    def get_options(self) -> dict[str, Any]:
        """Daft's own."""
        return self.options

    def get_dimensions(self) -> EmbeddingDimensions:
        """Of each vector."""
        return EmbeddingDimensions(size=self.size, dtype=DataType.float32())

    def get_udf_options(self) -> UDFOptions:
        """Without retries: the client has its own."""
        return UDFOptions(
            max_retries=0, on_error=self.options["on_error"], batch_size=self.options["batch_size"]
        )

    def instantiate(self) -> TextEmbedder:
        """Where texts are embedded."""
        return _Embedder(self)


class _Embedder:
    def __init__(self, descriptor: InworldDescriptor) -> None:
        self._client: EmbeddingClient = pickle.loads(descriptor.client)  # noqa: S301 - our own
        self._size, self._on_error = descriptor.size, descriptor.options["on_error"]

    def embed_text(self, text: list[str | None]) -> "list[Vectors | None]":
        """The vectors of a batch."""
        places = [at for at, one in enumerate(text) if one is not None]
        result = self._client.embed(
            [str(text[at]) for at in places], on_error="raise" if self._on_error == "raise" else "return"
        )
        if places and result.dimension != self._size:
            raise ConfigurationError(
                f"The vectors have {result.dimension} numbers, not {self._size}: give dimensions={result.dimension}."
            )
        failed = {failure.index for failure in result.failures}
        found: list[Vectors | None] = [None] * len(text)
        for number, at in enumerate(places):
            if number not in failed:
                found[at] = result.vectors[number]
        return found
