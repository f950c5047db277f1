"""Spans and durations of calls, as an application with the OpenTelemetry SDK sees them."""

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import pytest
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from inworld_embeddings import AsyncEmbeddingClient, AuthenticationError, EmbeddingClient
from inworld_embeddings._engine import observability as telemetry
from inworld_embeddings._retry import RetryPolicy
from support import faults
from support.clients import KEY
from support.fault_server import OK, FaultServer

MODEL = "sentence-transformers/paraphrase-multilingual-mpnet-base-v2"
ROOT = Path(__file__).resolve().parents[2]
DURATION = "gen_ai.client.operation.duration"


class Seen:
    def __init__(self):
        self.exporter, self.reader = InMemorySpanExporter(), InMemoryMetricReader()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))
        self.meters = MeterProvider([self.reader])
        self.tracer = self.tracers.get_tracer("the application")

    @property
    def spans(self):
        """Those of the client, in the order they ended."""
        spans = self.exporter.get_finished_spans()
        return [span for span in spans if span.instrumentation_scope.name == "inworld_embeddings"]

    @property
    def points(self):
        scopes = self.reader.get_metrics_data().resource_metrics[0].scope_metrics
        (metric,) = [metric for scope in scopes for metric in scope.metrics]
        assert (metric.name, metric.unit) == (DURATION, "s")
        return list(metric.data.data_points)


@pytest.fixture
def seen(monkeypatch):
    seen = Seen()
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: seen.tracers)
    monkeypatch.setattr(metrics, "get_meter_provider", lambda: seen.meters)
    monkeypatch.setattr("inworld_embeddings.client.BaseClient._policy", RetryPolicy(transient_base=0.001))
    yield seen
    seen.meters.shutdown()
    seen.tracers.shutdown()


@pytest.fixture
def server():
    with FaultServer() as server:
        yield server


def sync_client(server, **settings):
    return EmbeddingClient(base_url=server.url, api_key=KEY, **settings)


def sync_embed(server, texts, **options):
    with sync_client(server) as client:
        return client.embed(texts, **options)


def async_embed(server, texts, **options):
    async def run():
        async with AsyncEmbeddingClient(base_url=server.url, api_key=KEY) as client:
            return await client.embed(texts, **options)

    return asyncio.run(run())


def sync_stream(server, texts, **options):
    with sync_client(server) as client:
        return list(client.embed_iter(texts, **options))


def async_stream(server, texts, **options):
    async def run():
        async with AsyncEmbeddingClient(base_url=server.url, api_key=KEY) as client:
            return [row async for row in client.embed_iter(texts, **options)]

    return asyncio.run(run())


EMBEDS = pytest.mark.parametrize("embed", [sync_embed, async_embed])
ALL = pytest.mark.parametrize("embed", [sync_embed, async_embed, sync_stream, async_stream])


@ALL
def test_a_call_is_one_client_span_and_one_duration(seen, server, embed):
    embed(server, ["a", "b", "c"], batch_size=1)
    (span,) = seen.spans
    assert (span.name, span.kind) == (f"embeddings {MODEL}", SpanKind.CLIENT)
    assert (span.status.status_code, span.parent, span.events) == (StatusCode.UNSET, None, ())
    names = {
        "gen_ai.operation.name": "embeddings",
        "gen_ai.provider.name": "inworld",
        "gen_ai.request.model": MODEL,
        "server.address": "127.0.0.1",
        "server.port": server.port,
    }
    failures = {} if "stream" in embed.__name__ else {"inworld_embeddings.failures": 0}
    figures = {
        "gen_ai.embeddings.dimension.count": 8,
        "inworld_embeddings.requests": 3,
        "inworld_embeddings.attempts": 3,
        "inworld_embeddings.retries": 0,
        "inworld_embeddings.hedges": 0,
    }
    assert dict(span.attributes) == names | figures | failures
    assert span.instrumentation_scope.schema_url == telemetry.SCHEMA
    (point,) = seen.points
    assert (dict(point.attributes), point.count) == (names, 1)
    assert point.sum == pytest.approx((span.end_time - span.start_time) / 1e9, abs=1e-6)
    assert point.explicit_bounds == pytest.approx(
        (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
    )


@ALL
def test_it_is_a_child_of_the_callers_span(seen, server, embed):
    with seen.tracer.start_as_current_span("caller") as caller:
        embed(server, ["a"])
    (span,) = seen.spans
    assert span.parent.span_id == caller.get_span_context().span_id


def test_calls_from_several_spans_do_not_mix(seen, server):
    async def one(client, name):
        with seen.tracer.start_as_current_span(name) as caller:
            await client.embed([name])
        return caller.get_span_context().span_id

    async def run():
        async with AsyncEmbeddingClient(base_url=server.url, api_key=KEY) as client:
            return await asyncio.gather(*(one(client, f"caller {number}") for number in range(8)))

    callers = asyncio.run(run())
    assert sorted(span.parent.span_id for span in seen.spans) == sorted(callers)


@ALL
def test_retries_are_counted_within_it(seen, embed):
    with FaultServer([faults.status(503), OK]) as server:
        embed(server, ["a"])
    (span,) = seen.spans
    assert (
        span.attributes["inworld_embeddings.attempts"],
        span.attributes["inworld_embeddings.retries"],
    ) == (2, 1)
    assert (span.status.status_code, "error.type" in span.attributes) == (StatusCode.UNSET, False)


@ALL
def test_an_error_is_told_by_its_class_alone(seen, embed):
    with FaultServer(faults.status(401)) as server, pytest.raises(AuthenticationError):
        embed(server, ["planted-text in the open"])
    (span,) = seen.spans
    assert span.attributes["error.type"] == "AuthenticationError"
    assert (span.status.status_code, span.status.description, span.events) == (StatusCode.ERROR, None, ())
    assert "planted" not in span.to_json()
    assert KEY not in span.to_json()
    (point,) = seen.points
    assert point.attributes["error.type"] == "AuthenticationError"


@EMBEDS
def test_failures_that_are_returned_are_told_too(seen, embed):
    def script(request):
        return faults.status(400) if "bad" in request.texts else OK

    with FaultServer(script) as server:
        embed(server, ["a", "bad", "b"], on_error="return")
    (span,) = seen.spans
    assert (span.attributes["error.type"], span.attributes["inworld_embeddings.failures"]) == (
        "PartialFailureError",
        1,
    )


@EMBEDS
def test_nothing_sent_is_still_a_call(seen, server, embed):
    embed(server, [])
    (span,) = seen.spans
    assert (span.attributes["inworld_embeddings.attempts"], "error.type" in span.attributes) == (0, False)


def test_a_cancelled_call_says_so(seen):
    async def run(url):
        async with AsyncEmbeddingClient(base_url=url, api_key=KEY) as client:
            call = asyncio.create_task(client.embed("a"))
            await asyncio.sleep(0.05)
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)

    with FaultServer(latency=5.0) as server:
        asyncio.run(run(server.url))
    (span,) = seen.spans
    assert (span.attributes["error.type"], span.status.status_code) == ("CancelledError", StatusCode.ERROR)


def leave_async(server):
    async def run():
        async with AsyncEmbeddingClient(base_url=server.url, api_key=KEY) as client:
            rows = client.embed_iter(["a", "b", "c"], batch_size=1)
            await anext(rows)
            await rows.aclose()

    asyncio.run(run())


def leave_sync(server):
    with sync_client(server) as client:
        rows = client.embed_iter(["a", "b", "c"], batch_size=1)
        next(rows)
        rows.close()


@pytest.mark.parametrize("leave", [leave_async, leave_sync])
def test_a_stream_that_is_left_early_is_no_error(seen, server, leave):
    leave(server)
    (span,) = seen.spans
    assert "error.type" not in span.attributes


def test_a_streams_span_is_not_the_consumers(seen, server):
    """Between two items of an async generator its context is the consumer's: the span must not be current there."""

    async def run():
        async with AsyncEmbeddingClient(base_url=server.url, api_key=KEY) as client:
            async for _ in client.embed_iter(["a", "b"], batch_size=1):
                assert not trace.get_current_span().get_span_context().is_valid

    asyncio.run(run())


def test_what_a_call_does_is_done_in_its_span(seen):
    import httpx

    class Traced(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request):
            with seen.tracer.start_as_current_span("POST"):
                return httpx.Response(200, json={"embeddings": [{"values": [1.0]}]})

    with EmbeddingClient(api_key=KEY, transport=Traced()) as client:
        client.embed("a")
    (post,) = [span for span in seen.exporter.get_finished_spans() if span.name == "POST"]
    assert post.parent.span_id == seen.spans[0].context.span_id


def test_local_mode_names_its_engine(seen):
    client = EmbeddingClient.local()
    engine = client.embed(["a"]).engine
    assert seen.spans[0].attributes["inworld_embeddings.engine"] == engine


PROGRAM = """
import sys
{prelude}
from inworld_embeddings import EmbeddingClient
client = EmbeddingClient.local()
assert not [name for name in sys.modules if name.startswith("opentelemetry")], "loaded before any call"
client.embed("a")
print([name for name in sys.modules if name.startswith("opentelemetry")])
"""
HIDDEN = "sys.modules['opentelemetry'] = None  # as where it is not installed"


def run(code):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, cwd=ROOT
    )


def test_it_is_loaded_by_a_call_and_needs_no_sdk():
    done = run(PROGRAM.format(prelude=""))
    assert "opentelemetry.trace" in done.stdout, done.stderr
    assert "opentelemetry.sdk" not in done.stdout


def test_it_is_not_needed():
    done = run(PROGRAM.format(prelude=HIDDEN).replace("assert not", "assert True or"))
    assert done.returncode == 0, done.stderr


PAGE = (ROOT / "docs" / "observability.md").read_text("utf-8")


@pytest.mark.parametrize("code", re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL))
def test_the_pages_examples_run(code):
    done = run(code)
    assert done.returncode == 0, done.stderr


def test_the_page_names_all_that_is_reported(seen):
    with FaultServer(faults.status(401)) as server, pytest.raises(AuthenticationError):
        sync_embed(server, "a")
    EmbeddingClient.local().embed("a")
    reported = {name for span in seen.spans for name in span.attributes} | {DURATION}
    assert {name for name in reported if f"`{name}`" not in PAGE} == set()
