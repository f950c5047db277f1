"""What a job is told, and what it tells."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias, TypedDict

from ..cache import Cache
from ..errors import ConfigurationError
from ..options import _any, _cache, _count, _flag, _number_of, _one_of, table_of


def _rows(name: str, value: object) -> None:
    if value is not None:
        _count(1)(name, value)


def _names(name: str, value: object) -> None:
    if isinstance(value, str):
        raise ConfigurationError(f"{name} must be a sequence of names, not one string: ({value!r},)")


class JobOptions(TypedDict, total=False):
    """Keywords of a job."""

    text: Annotated[str | None, None, _any, "Column of the texts. None: the only one of strings."]
    id: Annotated[str | None, None, _any, "Column that names the rows; carried first."]
    keep: Annotated[Sequence[str], (), _names, "Further columns that are carried into the parts."]
    rows_per_part: Annotated[int, 16384, _count(1), "Rows of the input in each part."]
    max_rows: Annotated[int | None, None, _rows, "Only the first rows of the input. None: all."]
    on_refused: Annotated[
        Literal["keep", "stop"],
        "keep",
        _one_of("keep", "stop"),
        '"keep" a refused row with its reason and go on, or "stop" the job.',
    ]
    patience: Annotated[
        float | None,
        900.0,
        _number_of("seconds"),
        "Seconds without any success after which the job pauses. None: it waits for ever.",
    ]
    cache: Annotated[
        Cache | str | PathLike[str] | None, None, _cache, "A `Cache` or its path. None: that of the client."
    ]
    other_versions: Annotated[
        bool, False, _flag, "Go on under another version of pyarrow or of this package."
    ]
    stop: Annotated[
        threading.Event | None,
        None,
        _any,
        "Once set, the parts that are begun are finished, for 30 s at most, and the job ends.",
    ]
    on_event: Annotated[
        "Callable[[JobEvent], object] | None", None, _any, "Is told how the job goes, see `JobEvent`."
    ]


JOB: Final = table_of(JobOptions)
Told: TypeAlias = Literal["start", "progress", "part", "waiting"]


@dataclass(frozen=True, slots=True)
class JobReport:
    """What became of a job.

    Attributes:
        out: Its folder.
        finished: Whether all of it is done; else it was told to stop.
        rows: Rows in its parts.
        refused: Those of them without a vector.
        parts: Part files.
        sent: Rows that this run sent, or took from the cache.
        requests: Requests of this run, retries included.
        retries: Retries of this run.
        seconds: Wall time of this run.
        cache_hits: Those of ``sent`` that the cache had.
        foreign: What is in the folder and not of the job, but would be read with it.
    """

    out: Path
    finished: bool
    rows: int
    refused: int
    parts: int
    sent: int
    requests: int
    retries: int
    seconds: float
    cache_hits: int = 0
    foreign: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class JobPlan:
    """What a job would send.

    Attributes:
        rows: Rows of the input.
        refused: Those that cannot be sent.
        requests: Requests, without retries.
        bytes: Of their bodies.
        tokens: Roughly: a quarter of the bytes of the texts.
        long_texts: Texts that are surely longer than the model reads.
        cache_hits: Rows that would not be sent, because the cache has their vectors.
        exact: Whether all of the input was read; else the first rows stand for the others.
    """

    rows: int
    refused: int
    requests: int
    bytes: int
    tokens: int
    long_texts: int
    cache_hits: int
    exact: bool


@dataclass(frozen=True, slots=True)
class JobEvent:
    """How a job goes.

    Attributes:
        kind: "start", "progress" (twice a second), "part" (one was published), "waiting" (the service cannot go on).
        rows: Rows that have ended, those of earlier runs included.
        total: Rows of the input, as far as it is known or can be estimated.
        refused: Refused rows of this run.
        sent: Rows that this run sent, or took from the cache.
        in_flight: Requests under way.
        throttled: Whether a rate limit holds requests back.
        outage: Whether the service is down, and asked now and then whether it is back.
        requests: Requests of this run.
        retries: Retries of this run.
        cache_hits: Those of ``sent`` that the cache had.
        seconds: Since the run began.
        plan: What it will send, at the start.
        message: What a person should know.
    """

    kind: Told
    rows: int = 0
    total: int | None = None
    refused: int = 0
    sent: int = 0
    in_flight: int = 0
    throttled: bool = False
    outage: bool = False
    requests: int = 0
    retries: int = 0
    cache_hits: int = 0
    seconds: float = 0.0
    plan: JobPlan | None = None
    message: str = ""
