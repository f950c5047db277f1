"""Concurrency for clients that have none of their own: a pool of threads, or a gather behind a semaphore."""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Any, TypeVar

import numpy as np

from . import Settings

T = TypeVar("T")


def batches(texts: list[str], size: int) -> list[list[str]]:
    """The texts, cut."""
    return [texts[start : start + size] for start in range(0, len(texts), size)]


def as_array(rows: Any) -> Any:
    """Rows of one batch as float32, converted in the worker that received them."""
    return np.asarray(rows, dtype=np.float32)


class Threads:
    """A synchronous client, its batches in a pool of threads that lives as long as it does."""

    def __init__(self, settings: Settings) -> None:
        self._batch = settings.batch
        self._pool = ThreadPoolExecutor(settings.concurrency)
        self._map: Callable[..., Any] = self._pool.map if settings.concurrency > 1 else map

    def send(self, texts: list[str]) -> Any:
        """Rows of one request: lists, or what costs least."""
        raise NotImplementedError

    def send_lists(self, texts: list[str]) -> list[list[float]]:
        """Rows of one request as lists."""
        rows: list[list[float]] = self.send(texts)
        return rows

    def array(self, texts: list[str]) -> Any:
        return np.concatenate(
            list(self._map(lambda part: as_array(self.send(part)), batches(texts, self._batch)))
        )

    def lists(self, texts: list[str]) -> list[list[float]]:
        return list(chain.from_iterable(self._map(self.send_lists, batches(texts, self._batch))))

    def calls(self, text: str, count: int) -> None:
        for _ in range(count):
            self.send([text])

    def close(self) -> None:
        self._pool.shutdown()


class Tasks:
    """An asynchronous client on one event loop, its batches gathered behind a semaphore."""

    def __init__(self, settings: Settings) -> None:
        self._batch, self._concurrency = settings.batch, settings.concurrency
        self._loop = asyncio.new_event_loop()

    async def send(self, texts: list[str]) -> Any:
        """Rows of one request: lists, or what costs least."""
        raise NotImplementedError

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs on the client's own loop. Not by `asyncio.Runner`: setting its signal handler makes a repr of results."""
        return self._loop.run_until_complete(work)

    def array(self, texts: list[str]) -> Any:
        return np.concatenate(self.run(self._gather(texts, as_array)))

    def lists(self, texts: list[str]) -> list[list[float]]:
        return list(chain.from_iterable(self.run(self._gather(texts, lambda rows: rows))))

    async def _gather(self, texts: list[str], convert: Callable[[Any], Any]) -> list[Any]:
        free = asyncio.Semaphore(self._concurrency)

        async def limited(part: list[str]) -> Any:
            async with free:
                return convert(await self.send(part))

        return await asyncio.gather(*[limited(part) for part in batches(texts, self._batch)])

    def calls(self, text: str, count: int) -> None:
        self.run(self._calls(text, count))

    async def _calls(self, text: str, count: int) -> None:
        for _ in range(count):
            await self.send([text])

    def close(self) -> None:
        self._loop.close()
