"""What a call tells while it runs and when it is over: the log, progress, and OpenTelemetry where it is installed."""

# OpenTelemetry and tqdm are optional: where they are not installed, their types are Any.
# mypy: disable-error-code="import-not-found, import-untyped"

import asyncio
import contextlib
import functools
import logging
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from .._version import __version__
from ..chunking import surely_longer
from ..errors import ConfigurationError, InworldEmbeddingsError
from ..options import Progressed

if TYPE_CHECKING:
    from opentelemetry.metrics import Histogram
    from opentelemetry.trace import Tracer

    from .._batching import Batch
    from ..result import EmbeddingResult
    from .call import Call


# The log: what is retried and why. Messages of errors are clean of keys and texts, so they may be logged.

logger = logging.getLogger(__name__.removesuffix("._engine.observability"))  # a vendored copy has its own


def log_retry(error: InworldEmbeddingsError, wait: float, *, texts: int, attempts: int) -> None:
    """A request will be repeated."""
    said = "attempt %d failed, texts: %d (%s: %s); next in %.2f s"
    logger.info(said, attempts, texts, type(error).__name__, error, wait)


def log_odd_vectors(zeros: int, huge: int) -> None:
    """A response holds vectors that are hardly what a model makes."""
    logger.warning("Odd vectors in a response: %d all zero, %d with a norm over 1e6.", zeros, huge)


def warn_of_long_texts(call: "Call", batch: "Batch") -> None:
    """A text is longer than its model reads. Told once in a call."""
    assert call.reads is not None  # noqa: S101 - for type checkers
    for index, text in zip(batch.indexes, batch.texts, strict=True):
        if surely_longer(text, call.reads):
            said = (
                "inputs[%d] is longer than the %d tokens that %s reads. What the service does with the rest is not "
                "known; it may ignore it. chunk() cuts texts, plan() counts the long ones, warn_long=False is quiet."
            )
            logger.warning(said, index, call.reads, call.options["model"])
            call.reads = None
            return


# Progress: a callback, or a bar on standard error.


class Progress:
    """Counts texts that are done, with or without a vector.

    See `ProgressOptions` on the callback. A call must not lose vectors to it: what it raises is logged.

    Raises:
        ConfigurationError: a bar without tqdm installed.
    """

    def __init__(self, callback: Progressed | None = None, *, bar: bool = False) -> None:
        self._callback, self._bar_class = callback, _tqdm() if bar else None
        self._bar: Any = None
        self._done = 0
        self._total: int | None = None

    @contextlib.contextmanager
    def of(self, total: int | None) -> "Iterator[None]":
        """Shows the bar while the call runs."""
        self._total = total
        if self._bar_class is not None:
            self._bar = self._bar_class(total=total, unit="text", desc="embedding")
        try:
            yield
        finally:
            if self._bar is not None:
                self._bar.close()

    def advance(self, count: int) -> None:
        """Some more texts are done."""
        self._done += count
        if self._bar is not None:
            self._bar.update(count)
        if self._callback is not None:
            try:
                self._callback(self._done, self._total)
            except Exception:
                logger.exception("on_progress raised; it is not called any more.")
                self._callback = None


def _tqdm() -> Any:
    try:
        from tqdm.auto import tqdm  # noqa: PLC0415 - only for those who want a bar
    except ImportError:
        raise ConfigurationError("show_progress=True needs tqdm: pip install tqdm") from None
    return tqdm


# OpenTelemetry: one span and one duration for each call, after the GenAI semantic conventions 1.41.
#
# Only the API package is used, and only where it is installed; without a provider it does nothing. Counts, names and
# classes of errors are told, never a text, a message or a key.

SCOPE = "inworld_embeddings"
SCHEMA = "https://opentelemetry.io/schemas/1.41.0"
PROVIDER = "inworld"

_BOUNDARIES = [0.01 * 2**power for power in range(14)]
"""Seconds, 0.01 to 81.92: the conventions' own."""


class Watch:
    """What became of a call."""

    failed: int | None = None  # texts without a vector
    error: str | None = None  # class of the error that ended it, or that its texts failed with

    def ended(self, result: "EmbeddingResult") -> None:
        """Takes note of how many texts failed."""
        self.failed = len(result.failures)
        if self.failed:
            whole = self.failed == len(result)
            self.error = type(result.failures[0].error).__name__ if whole else "PartialFailureError"


@contextlib.contextmanager
def operation(call: "Call", base_url: str) -> "Iterator[Watch | None]":
    """Reports a call, from its start to the end of the block. Gives nothing where nobody listens.

    Its work is done in the span's context, unless it is a stream: between two items that would be the consumer's too.
    """
    if (found := instruments()) is None:
        yield None
        return
    from opentelemetry.trace import SpanKind, StatusCode, use_span  # noqa: PLC0415 - here it is loaded already

    tracer, durations = found
    clock = asyncio.get_running_loop().time
    began = time.time_ns() - int((clock() - call.started) * 1e9)
    names, watch = _names(call, base_url), Watch()
    title = f"embeddings {call.options['model']}"
    span = tracer.start_span(title, kind=SpanKind.CLIENT, attributes=names, start_time=began)
    current = use_span(span, record_exception=False, set_status_on_exception=False)
    try:
        with contextlib.nullcontext() if call.endless else current:
            yield watch
    except BaseException as error:
        if not isinstance(error, GeneratorExit):  # a caller who stops iterating is no error
            watch.error = type(error).__name__
        raise
    finally:
        seconds = clock() - call.started
        outcome = {"error.type": watch.error} if watch.error else {}
        if span.is_recording():
            span.set_attributes(_figures(call, watch.failed) | outcome)
            if outcome:
                span.set_status(StatusCode.ERROR)
        span.end(began + int(seconds * 1e9))
        durations.record(seconds, names | outcome)


def _names(call: "Call", base_url: str) -> dict[str, Any]:
    """What is known beforehand, for the span and the duration."""
    url = urlsplit(base_url)
    return {
        "gen_ai.operation.name": "embeddings",
        "gen_ai.provider.name": PROVIDER,
        "gen_ai.request.model": call.options["model"],
        "server.address": url.hostname or "",
        "server.port": url.port or (443 if url.scheme == "https" else 80),
    }


def _figures(call: "Call", failed: int | None) -> dict[str, Any]:
    """What the call took, for the span."""
    told = {
        "gen_ai.embeddings.dimension.count": call.dimension,
        f"{SCOPE}.engine": call.engine,
        f"{SCOPE}.requests": call.requests,
        f"{SCOPE}.attempts": call.attempts,
        f"{SCOPE}.retries": call.retries,
        f"{SCOPE}.hedges": call.hedges,
        f"{SCOPE}.failures": failed,
    }
    return {name: value for name, value in told.items() if value is not None}


@functools.cache
def opentelemetry() -> Any:
    """The two modules of OpenTelemetry's API, or None where they are not installed. Looked for once."""
    try:
        from opentelemetry import metrics, trace  # noqa: PLC0415 - optional, and only loaded by a call
    except ImportError:
        return None
    return trace, metrics


def instruments() -> "tuple[Tracer, Histogram] | None":
    """What to report to; None where OpenTelemetry is not installed, or nobody listens."""
    if (api := opentelemetry()) is None:
        return None
    trace, metrics = api
    return _made(trace.get_tracer_provider(), metrics.get_meter_provider())


@functools.lru_cache(maxsize=1)
def _made(tracers: Any, meters: Any) -> "tuple[Tracer, Histogram] | None":
    """The instruments of the present providers: an application may set them after its first call."""
    if _is_the_apis(tracers) and _is_the_apis(meters):
        return None  # nobody listens
    duration = meters.get_meter(SCOPE, __version__, SCHEMA).create_histogram(
        "gen_ai.client.operation.duration",
        unit="s",
        description="GenAI operation duration.",
        explicit_bucket_boundaries_advisory=_BOUNDARIES,
    )
    return tracers.get_tracer(SCOPE, __version__, SCHEMA), duration


def _is_the_apis(provider: Any) -> bool:
    """Whether a provider is one that the API package itself has, all of which do nothing."""
    return type(provider).__module__.startswith(("opentelemetry.trace", "opentelemetry.metrics"))
