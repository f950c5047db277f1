"""The asynchronous client: the engine itself, behind the public names."""

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Literal, Self, Unpack, overload

from ._base import BaseClient
from .options import CallOptions, OnError
from .result import EmbeddingResult, Failure

if TYPE_CHECKING:
    from types import TracebackType

    from ._engine.progress import Callback
    from ._engine.rows import Row
    from .result import Vectors


class AsyncEmbeddingClient(BaseClient):
    """Embeds texts from asyncio. One client serves any number of event loops, one after another or at once.

    See `BaseClient` for its settings.

    Example:
        >>> async with AsyncEmbeddingClient.local() as client:
        ...     result = await client.embed(["a", "b"])
    """

    # A str is an Iterable[str] too; the first overload that fits counts.
    @overload
    async def embed(  # type: ignore[overload-overlap]  # pyright: ignore[reportOverlappingOverload]
        self,
        texts: str,
        *,
        on_error: OnError = "raise",
        show_progress: bool = False,
        on_progress: "Callback | None" = None,
        **options: Unpack[CallOptions],
    ) -> "Vectors": ...
    @overload
    async def embed(
        self,
        texts: Iterable[str],
        *,
        on_error: OnError = "raise",
        show_progress: bool = False,
        on_progress: "Callback | None" = None,
        **options: Unpack[CallOptions],
    ) -> EmbeddingResult: ...
    async def embed(
        self,
        texts: str | Iterable[str],
        *,
        on_error: OnError = "raise",
        show_progress: bool = False,
        on_progress: "Callback | None" = None,
        **options: Unpack[CallOptions],
    ) -> "Vectors | EmbeddingResult":
        """As `EmbeddingClient.embed`, awaited. Cancelling it cancels what is in flight."""
        checked, chosen, raises, answer = self._prepared(texts, options, on_error)
        progress = self._progress(on_progress, show_progress)
        return answer(await self._engine.embed(checked, chosen, progress, raises=raises))

    @overload
    def embed_iter(
        self,
        texts: Iterable[str] | AsyncIterable[str],
        *,
        ordered: bool = True,
        on_error: Literal["raise"] = "raise",
        show_progress: bool = False,
        on_progress: "Callback | None" = None,
        **options: Unpack[CallOptions],
    ) -> "AsyncIterator[tuple[int, Vectors]]": ...
    @overload
    def embed_iter(
        self,
        texts: Iterable[str] | AsyncIterable[str],
        *,
        ordered: bool = True,
        on_error: OnError,
        show_progress: bool = False,
        on_progress: "Callback | None" = None,
        **options: Unpack[CallOptions],
    ) -> "AsyncIterator[tuple[int, Vectors | Failure]]": ...
    def embed_iter(
        self,
        texts: Iterable[str] | AsyncIterable[str],
        *,
        ordered: bool = True,
        on_error: OnError = "raise",
        show_progress: bool = False,
        on_progress: "Callback | None" = None,
        **options: Unpack[CallOptions],
    ) -> "AsyncIterator[tuple[int, Any]]":
        """As `EmbeddingClient.embed_iter`, as an async iterator.

        ``texts`` may be an async iterable as well. A plain iterable is pulled on the event loop, so it must not block.
        """
        chosen, raises = self._stream_options(options, on_error)
        batches = self._async_batches(texts, chosen)
        progress = self._progress(on_progress, show_progress)
        return _rows(self._engine.embed_iter(batches, chosen, progress, ordered=ordered, raises=raises))

    async def close(self) -> None:
        """Closes the connections. Calls in flight end with `ClientClosedError`; closing twice does nothing."""
        self._closed = True
        for engine in self._engines.values():
            await engine.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: "TracebackType | None"
    ) -> None:
        await self.close()


async def _rows(stream: "AsyncGenerator[list[Row]]") -> "AsyncIterator[Row]":
    async with aclosing(stream):
        async for rows in stream:
            for row in rows:
                yield row
