"""Clients over a fault server, a bare pool, and a deadline that knows this machine."""

import asyncio
import contextlib
import json
import os
import threading
import time
from concurrent.futures import Future
from functools import partial

import httpx
import numpy as np
import pytest

import inworld_embeddings._engine.engine  # noqa: F401 - loaded here, so that no test's deadline pays for it
from inworld_embeddings import EmbeddingClient, InworldEmbeddingsError, _http
from inworld_embeddings._http.adapters import BODY_CAP
from inworld_embeddings._http.connect import tls_context
from support.oracle import EMBED_PATH, KEY

GRACE = 0.25
"""Seconds that a call may outlive its timeout by (design, promise 3)."""


@contextlib.contextmanager
def sync_client(url, **settings):
    with EmbeddingClient(base_url=url, **({"api_key": KEY} | settings)) as client:
        yield client.embed


def sync_embed(url, texts, *, call=None, **settings):
    with sync_client(url, **settings) as embed:
        return embed(texts, **(call or {}))


def failure(url, texts="text", **settings):
    with pytest.raises(InworldEmbeddingsError) as caught:
        sync_embed(url, texts, **settings)
    return caught.value


def verdict(error):
    """What an error says of itself: its class, the attempts, and whether another would be worth it."""
    return type(error), error.attempts, error.retryable


def words(said):
    """What an error says, where our own transport chooses the words. Another one (docs/understand/transports.md) has its own."""
    return "" if os.environ.get("TRANSPORT") else said


@contextlib.asynccontextmanager
async def pool(url):
    """A connection pool, or another library's transport in its place (see conftest.py), and what sends texts over it
    and returns the response.
    """
    tls = partial(tls_context, trust_env=False)
    transport = _http.ConnectionPool(proxy=None, tls=tls, connect=5.0, keepalive=15.0)

    async def send(*texts):
        body = {"inputs": [{"text": text} for text in texts]}
        async with asyncio.timeout(60):
            return await transport.send(httpx.Request("POST", url + EMBED_PATH, json=body), BODY_CAP)

    async with contextlib.aclosing(transport):
        yield transport, send


def vectors_in(response):
    return np.float32([row["values"] for row in json.loads(response.body)["embeddings"]])


UNPOOLED = httpx.Limits(max_keepalive_connections=0)
"""Of a user's own httpx client, which nobody closes."""


async def assert_nothing_stays(client):
    """When all calls of this event loop have come to their end, its session holds nothing for them any more."""
    (session,) = client._engine._sessions.values()
    async with asyncio.timeout(60):
        await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()}, return_exceptions=True)
        await asyncio.sleep(0)
    assert (session._tasks, asyncio.all_tasks()) == (set(), {asyncio.current_task()})
    assert session.admission.throttle.in_flight == 0
    assert not getattr(session.transport, "busy", ())
    assert not session.admission.queue.locked()


@contextlib.contextmanager
def within(seconds, grace=GRACE):
    """Fails if the block takes longer, by more than the promised grace and what this machine lost meanwhile.

    The loss is measured: a thread that only sleeps notes by how much it overslept at most.
    """
    over, lost = threading.Event(), [0.0]

    def watch():
        while not over.is_set():
            asleep = time.monotonic()
            time.sleep(0.01)
            lost.append(time.monotonic() - asleep - 0.01)

    waiting(watch)
    started = time.monotonic()
    try:
        yield
    finally:
        over.set()
    took = time.monotonic() - started
    allowed = seconds + grace + max(lost)
    assert took < allowed, f"took {took:.3f} s, allowed {allowed:.3f} s"


def waiting(work):
    """The future of what a thread of its own does."""
    future = Future()

    def run():
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - whatever it is
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


def in_threads(count, work, seconds=60):
    for future in [waiting(partial(work, number)) for number in range(count)]:
        future.result(seconds)
