"""How the public API looks to type checkers. mypy and pyright read this file; it is never run."""

from collections.abc import AsyncIterator, Iterator
from typing import Any, assert_type

import httpx
import numpy as np
from numpy.typing import NDArray

from inworld_embeddings import (
    APIStatusError,
    AsyncEmbeddingClient,
    EmbeddingClient,
    EmbeddingResult,
    Failure,
    PartialFailureError,
    Plan,
    ServiceProvider,
    Stats,
    testing,
)
from inworld_embeddings.result import Failures
from inworld_embeddings.testing import FakeEngine, Faults, RequestLog, fake_vectors

Row = NDArray[np.float32]


def sync_client(texts: tuple[str, ...], lazy: Iterator[str], either: str | list[str]) -> None:
    client = EmbeddingClient(api_key=lambda: "rotating", timeout=None, max_retries=0)
    assert_type(client.embed("one"), Row)
    assert_type(client.embed(either), Row | EmbeddingResult)
    assert_type(client.embed(lazy), EmbeddingResult)
    result = client.embed(texts, on_error="return", batch_size=8, service_provider=ServiceProvider.OPENAI)
    assert_type(result, EmbeddingResult)
    assert_type(client.plan(["a"], model="m"), Plan)
    for pair in client.embed_iter(lazy, ordered=False, hedge=True):
        assert_type(pair, tuple[int, Row])
    for _, row in client.embed_iter(lazy, on_error="return"):
        assert_type(row, Row | Failure)
    with EmbeddingClient.local(timeout=1, faults="status=503 x2, ok") as local:
        assert_type(local, EmbeddingClient)

    client.embed(["a"], batch_sise=8)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    client.embed(["a"], on_error="ignore")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    client.embed([1])  # type: ignore[list-item]  # pyright: ignore[reportCallIssue, reportArgumentType]
    EmbeddingClient(compression="br")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    EmbeddingClient(retries=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def misspelt() -> None:
    import inworld_embeddings
    import inworld_embeddings_emulator
    from inworld_embeddings_emulator import engines

    _ = inworld_embeddings.EmbedingClient  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    _ = testing.local_clinet  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    _ = inworld_embeddings_emulator.EmulatorSever  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    _ = engines.HashEngin  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]


def results(result: EmbeddingResult, caught: PartialFailureError, status: APIStatusError) -> None:
    assert_type(result.vectors, Row)
    assert_type((result[0], result[1:]), tuple[Row, EmbeddingResult])
    assert_type(list(result), list[Row])
    assert_type(result.tolist(), list[list[float]])
    assert_type((result.failures, result.stats, result.engine), tuple[Failures, Stats, str | None])
    assert_type(np.asarray(result), NDArray[Any])
    assert_type(caught.result, EmbeddingResult)
    assert_type((status.retry_after, status.status_code), tuple[float | None, int])


async def async_client(transport: httpx.AsyncBaseTransport, lazy: AsyncIterator[str]) -> None:
    async with AsyncEmbeddingClient(key="k", secret="s", transport=transport) as client:
        assert_type(await client.embed("one"), Row)
        assert_type(await client.embed(["one", "two"]), EmbeddingResult)
        async for pair in client.embed_iter(lazy):
            assert_type(pair, tuple[int, Row])


def in_test_suites(texts: list[str], log: RequestLog) -> None:
    with testing.local_client(faults=Faults("30% status=503", seed=7), dimension=8, log=log) as client:
        assert_type(client, EmbeddingClient)
    with testing.emulator(engine=FakeEngine(8)) as served:
        assert_type((served.url, served.client()), tuple[str, EmbeddingClient])
    assert_type(log.texts, list[str])
    assert_type(fake_vectors(texts, 8), list[list[float]])
