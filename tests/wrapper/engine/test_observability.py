"""What a call tells: progress, the log, and spans and durations as an application with the OpenTelemetry SDK sees them."""

import asyncio
import contextlib
import sys
import time
from pathlib import Path
from unittest import mock

import pytest
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from inworld_embeddings import AsyncEmbeddingClient, AuthenticationError, ConfigurationError
from inworld_embeddings._engine import observability
from support.fault import OK, status
from support.faults import black_hole
from support.in_process import KEY, AsyncFace, Service, SyncFace, embed, virtual

TEXTS = [f"planted-text {number}" for number in range(20)]
MODEL = "sentence-transformers/paraphrase-multilingual-mpnet-base-v2"
PAGE = (Path(__file__).parents[3] / "docs" / "use" / "observability.md").read_text("utf-8")
DURATION = "gen_ai.client.operation.duration"


PROGRESS = {
    "batches": (AsyncFace.embed, OK, [(8, 20), (16, 20), (20, 20)]),
    "a stream has no total": (AsyncFace.rows, OK, [(8, None), (16, None), (20, None)]),
    "failed texts are done too": (AsyncFace.embed, "status=401", [(20, 20)]),
}


@pytest.mark.parametrize(("work", "script", "told"), PROGRESS.values(), ids=PROGRESS)
def test_a_callback_hears_of_each_batch(work, script, told):
    seen = []
    with AsyncFace(Service(script), batch_size=8, max_concurrency=1) as face:
        work(face, TEXTS, on_progress=lambda *done: seen.append(done), on_error="return")
    assert seen[-len(told) :] == told


@pytest.mark.parametrize("work", [AsyncFace.embed, AsyncFace.rows])
def test_a_callback_that_raises_is_logged_once_and_costs_nothing(work, caplog):
    callback = mock.Mock(side_effect=ValueError("the callback's own mistake"))
    with AsyncFace(Service(), batch_size=8) as face:
        work(face, TEXTS, on_progress=callback)
    assert (callback.call_count, len(face.service.requests)) == (1, 3)
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [ValueError]


def test_a_callback_that_uses_the_sync_client_is_told_so_instead_of_hanging(caplog):
    with SyncFace(Service()) as face:
        assert len(face.embed(TEXTS, on_progress=lambda done, total: face.embed("x"))) == 20
    assert "cannot be used inside a callback" in caplog.text


@pytest.mark.parametrize(("work", "ends"), [(AsyncFace.embed, "20/20"), (AsyncFace.rows, "20text")])
def test_the_bar_is_on_standard_error_and_only_where_asked_for(work, ends, capsys):
    with AsyncFace(Service(), batch_size=8) as face:
        work(face, TEXTS)
        assert capsys.readouterr() == ("", "")
        work(face, TEXTS, show_progress=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert ends in err


def test_without_tqdm_the_bar_is_refused_before_anything_is_sent(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with AsyncFace(Service()) as face:
        with pytest.raises(ConfigurationError, match="pip install tqdm"):
            face.embed(TEXTS, show_progress=True)
        face.service.oracle.assert_requests(0)


def test_a_retry_is_logged_without_texts_or_key(caplog):
    embed([status(503, message=f"{TEXTS[0]} {KEY}"), OK], TEXTS[:8])
    assert "attempt 1 failed, texts: 8" in caplog.text
    assert "planted" not in caplog.text
    assert KEY[:8] not in caplog.text


class Seen:
    """What an application gets that has the SDK."""

    def __init__(self, monkeypatch):
        self._exporter, self._reader = InMemorySpanExporter(), InMemoryMetricReader()
        tracers, meters = TracerProvider(), MeterProvider([self._reader])
        tracers.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracer = tracers.get_tracer("application")
        monkeypatch.setattr(trace, "get_tracer_provider", lambda: tracers)
        monkeypatch.setattr(metrics, "get_meter_provider", lambda: meters)

    def spans(self, scope="inworld_embeddings"):
        spans = self._exporter.get_finished_spans()
        return [span for span in spans if span.instrumentation_scope.name == scope]

    def duration(self):
        (metric,) = self._reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics
        assert (metric.name, metric.unit, len(metric.data.data_points)) == (DURATION, "s", 1)
        return metric.data.data_points[0]


@pytest.fixture
def seen(monkeypatch):
    return Seen(monkeypatch)


# Here the two faces differ: a span has to follow the call to another thread, and through a generator.
@pytest.mark.parametrize("work", ["embed", "rows"])
@pytest.mark.parametrize("face_class", [SyncFace, AsyncFace])
def test_a_call_is_one_client_span_and_one_duration_and_a_child_of_the_callers(seen, face_class, work):
    class Traced(Service):
        async def handle_async_request(self, request):
            with seen.tracer.start_as_current_span("POST"):
                return await super().handle_async_request(request)

    with (
        face_class(Traced(latency=0.5), base_url="http://127.0.0.1:8080") as face,
        seen.tracer.start_as_current_span("caller") as caller,
    ):
        getattr(face, work)(["a", "b", "c"], batch_size=1, max_concurrency=1)
    (span,), duration = seen.spans(), seen.duration()
    assert (span.name, span.kind) == (f"embeddings {MODEL}", SpanKind.CLIENT)
    assert (span.status.status_code, span.events) == (StatusCode.UNSET, ())
    assert span.parent.span_id == caller.get_span_context().span_id
    # Between two items of a stream its context is the consumer's: its span must not be the current one there.
    *posts, _ = seen.spans("application")
    around = span if work == "embed" else caller
    assert [post.parent.span_id for post in posts] == [around.get_span_context().span_id] * 3
    assert span.instrumentation_scope.schema_url == observability.SCHEMA
    names = {
        "gen_ai.operation.name": "embeddings",
        "gen_ai.provider.name": "inworld",
        "gen_ai.request.model": MODEL,
        "server.address": "127.0.0.1",
        "server.port": 8080,
    }
    assert dict(duration.attributes) == names
    figures = {"requests": 3, "attempts": 3, "retries": 0, "hedges": 0}
    figures |= {"failures": 0} if work == "embed" else {}
    own = {f"inworld_embeddings.{name}": value for name, value in figures.items()}
    assert dict(span.attributes) == names | own | {"gen_ai.embeddings.dimension.count": 8}
    assert (duration.count, duration.sum) == (1, pytest.approx(1.5))
    assert (span.end_time - span.start_time) / 1e9 == pytest.approx(1.5, abs=1e-6)
    assert duration.explicit_bounds == pytest.approx([0.01 * 2**step for step in range(14)])


@pytest.mark.parametrize("work", ["embed", "rows"])
def test_an_error_is_told_by_its_class_alone(seen, work):
    with AsyncFace(Service("status=401")) as face, contextlib.suppress(AuthenticationError):
        getattr(face, work)(["planted-text in the open"])
    (span,) = seen.spans()
    assert (span.status.status_code, span.status.description, span.events) == (StatusCode.ERROR, None, ())
    assert "planted" not in span.to_json()
    assert KEY not in span.to_json()
    for told in (span, seen.duration()):
        assert told.attributes["error.type"] == "AuthenticationError"
    reported = {*span.attributes, DURATION, "inworld_embeddings.engine", "inworld_embeddings.failures"}
    assert [name for name in reported if f"`{name}`" not in PAGE] == []


@pytest.mark.parametrize("face_class", [SyncFace, AsyncFace])
def test_a_stream_that_is_left_early_is_no_error(seen, face_class):
    with face_class(Service(), batch_size=1) as face:
        rows = face.client.embed_iter(["a", "b", "c"])
        next(face.each(rows))
        face.wait(rows.aclose() if hasattr(rows, "aclose") else rows.close())
    given_up = time.monotonic() + 30
    # A sync stream that is left ends on the client's thread, and nobody waits for it.
    while not seen.spans() and time.monotonic() < given_up:
        time.sleep(0.01)
    (span,) = seen.spans()
    assert "error.type" not in span.attributes


@virtual
async def test_what_became_of_a_call_is_told(seen):
    service = Service(["status=503", OK, "poison=bad", "poison=bad", "poison=bad", black_hole])
    async with AsyncEmbeddingClient(api_key=KEY, transport=service) as client:
        await client.embed(["a"])
        await client.embed(["bad", "b"], on_error="return")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.embed("a"), 1)
    names = [*(f"inworld_embeddings.{name}" for name in ("attempts", "retries", "failures")), "error.type"]
    retried, refused, cancelled = ([span.attributes.get(name) for name in names] for span in seen.spans())
    assert retried == [2, 1, 0, None]
    assert refused == [3, 0, 1, "PartialFailureError"]
    assert cancelled[-1] == "CancelledError"


def test_opentelemetry_is_needed_by_no_call(monkeypatch):
    """That no client loads it before its first call: test_costs.py."""
    monkeypatch.setitem(sys.modules, "opentelemetry", None)  # as where it is not installed
    monkeypatch.setattr(observability, "opentelemetry", observability.opentelemetry.__wrapped__)
    service, result = embed(OK, TEXTS)
    service.oracle.check(TEXTS, result.vectors)
