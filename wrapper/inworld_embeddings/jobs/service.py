"""What a job asks the service for, and how long it waits for it.

Whether the service is there, and is still the same model, is told by a fixed text: it is the first one that is sent, the
first one after every interruption, and the one that is tried while nothing else succeeds.
"""

import asyncio
import itertools
import os
import random
import threading
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from math import inf
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec
import numpy as np

from .._batching import checked_text, checked_texts
from .._settings import LOCAL_URL
from ..client import AsyncEmbeddingClient, EmbeddingClient
from ..errors import (
    APIError,
    APIStatusError,
    AuthenticationError,
    InputChangedError,
    InvalidInputError,
    InworldEmbeddingsError,
    JobError,
    JobPausedError,
    PermissionDeniedError,
)
from .manifest import Manifest
from .rows import Refusal

if TYPE_CHECKING:
    from .._engine.admission import Admission
    from ..cache import Cache
    from ..options import Merged
    from ..result import EmbeddingResult, Plan

FIXED_TEXT: Final = "The quick brown fox jumps over the lazy dog."
SAME: Final = 0.999
"""Least cosine similarity of two vectors that the same model makes of the same text."""
AHEAD: Final = 16
"""Batches that are ready to go, beside those in flight."""
GRACE: Final = 30.0
"""Seconds for what is begun, once the job is to stop."""
RETRIES: Final = 5
"""Of each batch, at least: with three faults in ten, one batch in 1400 needs a second round."""


def or_own(
    client: EmbeddingClient | None, make: Callable[[], EmbeddingClient] = EmbeddingClient
) -> AbstractContextManager[EmbeddingClient]:
    """The client that was given, or one of its own, with the default settings if not made otherwise, which ends with the block."""
    return make() if client is None else nullcontext(client)


def like(manifest: Manifest, **options: Any) -> EmbeddingClient:
    """A client that makes vectors as those of a job were made: by its model, from the service or the built-in stand-in.

    Args:
        manifest: The job's.
        **options: Any others of `ClientOptions`, or of `CallOptions` for the stand-in.
    """
    make = EmbeddingClient.local if manifest.host == LOCAL_URL else EmbeddingClient
    return make(**msgspec.json.decode(manifest.request), **options)


def async_or_own(client: AsyncEmbeddingClient | None) -> AbstractAsyncContextManager[AsyncEmbeddingClient]:
    """As `or_own`."""
    return AsyncEmbeddingClient() if client is None else nullcontext(client)


class Service:
    """A client, and the patience of a job with it.

    Attributes:
        batch_size: Texts in a batch.
        window: Batches in work at a time.
        model, service_provider, request, host: What makes the vectors.
        on_wait: Is told what is waited for.
        manifest: Of the job, once there is one: whatever makes the vectors must be what it says.
        answered_at: When vectors last came, by ``time.monotonic``.
        requests, retries: What was sent so far.
        cache_hits: Texts that the client's cache had.
    """

    def __init__(
        self,
        client: AsyncEmbeddingClient,
        *,
        patience: float = inf,
        cache: "Cache | str | os.PathLike[str] | None" = None,
        stop: "threading.Event | None" = None,
    ) -> None:
        """The event is watched while it waits. A cache takes the place of the client's."""
        self._client, self._patience, self._stop = client, patience, stop
        self.on_wait: Callable[[str], object] = str
        self._options = cast("Merged", client._options)  # noqa: SLF001 - a part of the same package
        self._cache = cache or self._options["cache"]
        self._room = client._room(self._options)  # noqa: SLF001 - as above
        self._policy = client._policy  # noqa: SLF001 - as above
        self.batch_size: int = self._options["batch_size"]
        self.window: int = self._options["max_concurrency"] + min(self._options["max_concurrency"], AHEAD)
        self.model: str = self._options["model"]
        self.service_provider: str = self._options["service_provider"] or ""
        self.request: str = self._options["request"]
        self.host: str = client._settings.base_url  # noqa: SLF001 - as above
        self.manifest: Manifest | None = None
        self.answered_at = time.monotonic()
        self.requests = self.retries = self.cache_hits = 0
        self._recovery: asyncio.Task[EmbeddingResult] | None = None
        self._asking: asyncio.Task[EmbeddingResult] | None = None

    def checked(self, texts: "Sequence[str | Refusal]") -> "Sequence[str | Refusal]":
        """Texts that can be sent, or why not."""
        try:
            return checked_texts(texts, self._room, replace=self._options["replace_surrogates"])
        except InvalidInputError:  # one of them, or a refusal is among them
            return [self._checked(text) for text in texts]

    def _checked(self, text: str | Refusal) -> str | Refusal:
        if isinstance(text, Refusal):
            return text
        try:
            return checked_text(text, self._room, replace=self._options["replace_surrogates"])
        except InvalidInputError as error:
            return Refusal(type(error).__name__, str(error))

    def plan(self, texts: list[str]) -> "Plan":
        """What would be sent for some texts."""
        return self._client.plan(texts, cache=self._cache)

    async def embed(self, texts: list[str]) -> "EmbeddingResult":
        """The vectors, and the failures, once no interruption is being waited out.

        Raises:
            JobPausedError: there is no end of it.
        """
        if self._recovery is not None:
            await asyncio.shield(self._recovery)
        # How long an outage may take is for the job to say, not for a call.
        retries = max(RETRIES, self._options["max_retries"])
        result = await self._client.embed(
            texts, on_error="return", max_retries=retries, timeout=None, warn_long=False, cache=self._cache
        )
        self.requests += result.stats.attempts
        self.retries += result.stats.retries
        self.cache_hits += result.stats.cache_hits
        if len(result.failures) < len(texts):
            self.answered_at = time.monotonic()
            self._check_dimension(result)
        return result

    async def fixed(self) -> "EmbeddingResult":
        """The vector of the fixed text, if it is the one of the job.

        Raises:
            APIError: there is none.
            InputChangedError: it is another one: the model has changed behind its name.
        """
        seconds = min(60.0, self._patience)
        result = await self._client.embed([FIXED_TEXT], timeout=seconds, cache=None)  # the cache cannot tell
        self.answered_at = time.monotonic()
        if self.manifest is not None:
            self._compare(self.manifest, result)
        return result

    async def returned(self, error: InworldEmbeddingsError | None = None) -> "EmbeddingResult":
        """The vector of the fixed text, however long the job has patience for it.

        Args:
            error: Why it is tried, if there was one: then it waits a little first.

        Raises:
            JobPausedError: there is none.
            JobError: there never will be; or InputChangedError, see `fixed`.
        """
        for tries in itertools.count():
            if error is not None:
                await self._pause(self._wait(error, tries))
            try:
                return await self.fixed()
            except APIError as failed:
                error = failed
        raise AssertionError

    async def recovered(self, error: InworldEmbeddingsError) -> None:
        """Waits until the service is back, once for all that wait. Raises as `returned`."""
        if self._recovery is None:
            self._recovery = asyncio.create_task(self.returned(error))
        recovery = self._recovery
        await asyncio.shield(recovery)
        if self._recovery is recovery:
            self._recovery = None

    def _wait(self, error: InworldEmbeddingsError, tries: int) -> float:
        """Seconds until the next try; raises if it would be of no use, or too late."""
        if not isinstance(error, APIError):
            raise error
        told = f"{type(error).__name__}: {error}"
        asked = error.retry_after if isinstance(error, APIStatusError) else None
        if isinstance(error, AuthenticationError | PermissionDeniedError):
            raise JobPausedError(f"Paused: {told} Once that is mended, run the same command again.")
        if not error.retryable:
            raise JobError(f"The service does not take even a plain English sentence: {told}")
        wait = self._policy.wait(self._policy.transient_base, tries, random.random, asked)
        if time.monotonic() + wait > self.answered_at + self._patience:
            raise self._paused(error)
        self.on_wait(told)
        return wait

    def _paused(self, error: InworldEmbeddingsError) -> JobPausedError:
        asked = error.retry_after if isinstance(error, APIStatusError) else None
        since = time.monotonic() - self.answered_at
        why = (
            f"nothing has succeeded for {since:.0f} s"
            if since > self._patience
            else "the service asks to wait for longer than there is patience"
        )
        return JobPausedError(
            f"Paused: {why}. {type(error).__name__}: {error} Run the same command again later.",
            retry_after=asked,
        )

    async def _pause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if self._stop is not None and self._stop.is_set():
                raise JobPausedError("Stopped while the service could not go on.")
            await asyncio.sleep(min(left, 0.1))

    # Outages. The engine waits them out by itself, see docs/understand/fault-catalogue.md; what it takes for one may be a text that
    # always fails. If the fixed text succeeds, it is none.

    async def watched(self) -> "Admission":
        """What says which requests may start. To be called now and then.

        Raises:
            JobPausedError: nothing has succeeded for too long, or nothing can before that.
        """
        admission = await self.admission()
        if self._asking is not None and self._asking.done():
            failed, self._asking = self._asking.exception(), None
            if isinstance(failed, JobError):
                raise failed
        throttle, last_error = admission.throttle, admission.last_error
        if throttle.probing or last_error is not None:
            # A quota may keep the gate closed for longer than there is patience: then nothing is waited for.
            opens = throttle.opens_at - admission.time() if last_error and not throttle.in_flight else 0.0
            if time.monotonic() + max(opens, 0.0) > self.answered_at + self._patience:
                raise self._paused(last_error or APIError("no response came"))
        if throttle.probing:
            self._asking = self._asking or asyncio.create_task(self.fixed())
        return admission

    async def admission(self) -> "Admission":
        """What says which requests may start."""
        return (await self._client._engine._session()).admission  # noqa: SLF001 - a part of the same package

    async def landed(self, tasks: "Collection[asyncio.Task[None]]") -> None:
        """Waits for the responses of what is in flight, which are paid for; not for what only waits for its turn."""
        throttle, left = (await self.admission()).throttle, set(tasks)
        until = time.monotonic() + GRACE
        while left and throttle.in_flight and time.monotonic() < until:
            _, left = await asyncio.wait(left, timeout=0.05, return_when=asyncio.FIRST_COMPLETED)
        if left:  # the last response has come, and is being read
            await asyncio.wait(left, timeout=0.05)

    @property
    def waits(self) -> bool:
        """Whether an interruption is being waited out."""
        return self._recovery is not None

    async def leave(self) -> None:
        """Ends what is still waited for."""
        tasks = [task for task in (self._recovery, self._asking) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # The model.

    def _compare(self, manifest: Manifest, result: "EmbeddingResult") -> None:
        if result.engine != manifest.engine:
            names = [engine or "the service" for engine in (result.engine, manifest.engine)]
            raise _other_model(f"{names[0]} answers, not {names[1]}")
        self._check_dimension(result)
        then, now = np.array(manifest.fixed_vector), result[0].astype(np.float64)
        norms = float(np.linalg.norm(then) * np.linalg.norm(now))
        alike = float(then @ now) / norms if norms else 1.0
        if alike < SAME:
            raise _other_model(f"of the same text it makes another vector (cosine {alike:.3f})")

    def _check_dimension(self, result: "EmbeddingResult") -> None:
        if self.manifest is not None and result.dimension != self.manifest.dimension:
            raise _other_model(f"its vectors have {result.dimension} numbers, not {self.manifest.dimension}")


def _other_model(why: str) -> InputChangedError:
    return InputChangedError(
        f"The model is not the one that this job began with: {why}. Nothing was added; use another OUT.",
        changed=("model",),
    )
