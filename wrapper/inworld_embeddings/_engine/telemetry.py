"""OpenTelemetry: one span and one duration for each call, after the GenAI semantic conventions 1.41.

Only the API package is used, and only where it is installed; without a provider it does nothing. Counts, names and
classes of errors are told, never a text, a message or a key.
"""

import asyncio
import contextlib
import functools
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from .._version import __version__

if TYPE_CHECKING:
    from opentelemetry.metrics import Histogram
    from opentelemetry.trace import Span, Tracer

    from ..result import EmbeddingResult
    from .call import Call

SCOPE = "inworld_embeddings"
SCHEMA = "https://opentelemetry.io/schemas/1.41.0"
PROVIDER = "inworld"

_BOUNDARIES = [0.01 * 2**power for power in range(14)]
"""Seconds, 0.01 to 81.92: the conventions' own."""


class Watch:
    """What a call reports when it is over."""

    def __init__(self, call: "Call") -> None:
        self._call = call
        self._failed: int | None = None
        self._error: str | None = None

    def ended(self, result: "EmbeddingResult") -> "EmbeddingResult":
        """Takes note of how many texts failed; hands the result on."""
        self._failed = len(result.failures)
        if self._failed:
            whole = self._failed == len(result)
            self._error = type(result.failures[0].error).__name__ if whole else "PartialFailureError"
        return result

    def raised(self, error: BaseException) -> None:
        """Takes note of an error that ends the call. A caller who stops iterating is none."""
        if not isinstance(error, GeneratorExit):
            self._error = type(error).__name__

    def names(self, base_url: str) -> dict[str, Any]:
        """What is known beforehand, for the span and the duration."""
        url = urlsplit(base_url)
        return {
            "gen_ai.operation.name": "embeddings",
            "gen_ai.provider.name": PROVIDER,
            "gen_ai.request.model": self._call.options.model,
            "server.address": url.hostname or "",
            "server.port": url.port or (443 if url.scheme == "https" else 80),
        }

    def outcome(self) -> dict[str, Any]:
        """What is known only now, for the duration as well: a class of errors, or nothing."""
        return {"error.type": self._error} if self._error else {}

    def figures(self) -> dict[str, Any]:
        """What the call took, for the span."""
        call = self._call
        told = {
            "gen_ai.embeddings.dimension.count": call.dimension,
            f"{SCOPE}.engine": call.engine,
            f"{SCOPE}.requests": call.requests,
            f"{SCOPE}.attempts": call.attempts,
            f"{SCOPE}.retries": call.retries,
            f"{SCOPE}.hedges": call.hedges,
            f"{SCOPE}.failures": self._failed,
        }
        return {name: value for name, value in told.items() if value is not None}


@contextlib.contextmanager
def operation(call: "Call", base_url: str) -> "Iterator[Watch]":
    """Reports a call, from its start to the end of the block.

    Args:
        call: What it is about. Its work is done in the span's context, unless it is a stream: between two items that
            context would be the consumer's too.
        base_url: Where the call goes.
    """
    watch = Watch(call)
    instruments = _instruments()
    if instruments is None:
        yield watch
        return
    tracer, durations = instruments
    clock = asyncio.get_running_loop().time
    began = time.time_ns() - int((clock() - call.started) * 1e9)
    names = watch.names(base_url)
    span = _started(tracer, names, began)
    try:
        with contextlib.nullcontext() if call.endless else _current(span):
            yield watch
    except BaseException as error:
        watch.raised(error)
        raise
    finally:
        seconds = clock() - call.started
        _finish(span, watch, began + int(seconds * 1e9))
        durations.record(seconds, names | watch.outcome())


def _started(tracer: "Tracer", names: dict[str, Any], began: int) -> "Span":
    from opentelemetry.trace import SpanKind  # noqa: PLC0415 - here the package is loaded already

    name = f"embeddings {names['gen_ai.request.model']}"
    return tracer.start_span(name, kind=SpanKind.CLIENT, attributes=names, start_time=began)


def _current(span: "Span") -> contextlib.AbstractContextManager[object]:
    from opentelemetry.trace import use_span  # noqa: PLC0415 - as above

    return use_span(span, record_exception=False, set_status_on_exception=False)


def _finish(span: "Span", watch: Watch, ended: int) -> None:
    from opentelemetry.trace import StatusCode  # noqa: PLC0415 - as above

    if span.is_recording():
        span.set_attributes(watch.figures() | watch.outcome())
        if watch.outcome():
            span.set_status(StatusCode.ERROR)
    span.end(ended)


@functools.cache
def _api() -> Any:
    """The API's two modules, or None where they are not installed. Looked for once."""
    try:
        from opentelemetry import metrics, trace  # noqa: PLC0415 - optional, and only loaded by a call
    except ImportError:
        return None
    return trace, metrics


def _instruments() -> "tuple[Tracer, Histogram] | None":
    if (api := _api()) is None:
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
