"""The synchronous client: a thin face over the async engine, which runs on a private event loop."""

import atexit
import sys
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar, Unpack, overload

from ._base import BaseClient
from .errors import ClientClosedError
from .options import CallOptions, OnError
from .result import EmbeddingResult, Failure

if TYPE_CHECKING:
    from types import TracebackType

    from ._engine.portal import Portal
    from ._engine.progress import Callback
    from ._engine.rows import Row
    from .result import Vectors

T = TypeVar("T")


@atexit.register  # with the import, so that what a program registers later still finds the clients at work
def _rest() -> None:
    portal = sys.modules.get(f"{__package__}._engine.portal")
    rest = getattr(portal, "rest", None)  # None too when a daemon thread is in the middle of importing it
    if rest is not None:
        rest()


class EmbeddingClient(BaseClient):
    """Embeds texts, from any thread. Safe to share between threads; see `BaseClient` for its settings.

    Example:
        >>> with EmbeddingClient.local() as client:
        ...     client.embed("Hello Inworld!").shape
        (768,)
    """

    # A str is an Iterable[str] too; the first overload that fits counts.
    @overload
    def embed(  # type: ignore[overload-overlap]  # pyright: ignore[reportOverlappingOverload]
        self,
        texts: str,
        *,
        on_error: OnError = "raise",
        show_progress: bool = False,
        on_progress: "Callback | None" = None,
        **options: Unpack[CallOptions],
    ) -> "Vectors": ...
    @overload
    def embed(
        self,
        texts: Iterable[str],
        *,
        on_error: OnError = "raise",
        show_progress: bool = False,
        on_progress: "Callback | None" = None,
        **options: Unpack[CallOptions],
    ) -> EmbeddingResult: ...
    def embed(
        self,
        texts: str | Iterable[str],
        *,
        on_error: OnError = "raise",
        show_progress: bool = False,
        on_progress: "Callback | None" = None,
        **options: Unpack[CallOptions],
    ) -> "Vectors | EmbeddingResult":
        """One vector for a str, shape (dim,); an `EmbeddingResult` in input order for several.

        Args:
            texts: A str, or a sequence of them; ten million are fine.
            on_error: "raise": if some texts fail, `PartialFailureError` holds what succeeded; if all fail, their
                error itself. "return": the result lists them in ``failures``. A single str always raises.
            show_progress: A tqdm bar on standard error.
            on_progress: Called with (texts done, texts in all) after each batch, from the engine's thread.
            **options: Any of `CallOptions`, for this call only.

        Raises:
            InvalidInputError: a text that cannot be sent; nothing was sent.
            ConfigurationError: an option out of range; nothing was sent.
            PartialFailureError: some texts have no vector.
            APIError: no text has one.
        """
        checked, chosen, raises, answer = self._prepared(texts, options, on_error)
        progress = self._progress(on_progress, show_progress)
        engine = self._engine
        return answer(self._run(lambda: engine.embed(checked, chosen, progress, raises=raises)))

    @overload
    def embed_iter(
        self,
        texts: Iterable[str],
        *,
        ordered: bool = True,
        on_error: Literal["raise"] = "raise",
        show_progress: bool = False,
        on_progress: "Callback | None" = None,
        **options: Unpack[CallOptions],
    ) -> "Iterator[tuple[int, Vectors]]": ...
    @overload
    def embed_iter(
        self,
        texts: Iterable[str],
        *,
        ordered: bool = True,
        on_error: OnError,
        show_progress: bool = False,
        on_progress: "Callback | None" = None,
        **options: Unpack[CallOptions],
    ) -> "Iterator[tuple[int, Vectors | Failure]]": ...
    def embed_iter(
        self,
        texts: Iterable[str],
        *,
        ordered: bool = True,
        on_error: OnError = "raise",
        show_progress: bool = False,
        on_progress: "Callback | None" = None,
        **options: Unpack[CallOptions],
    ) -> "Iterator[tuple[int, Any]]":
        """(index, vector) of each text of any iterable, with memory bounded by the window, not by the work.

        Args:
            texts: Any iterable of str. It is pulled in the calling thread, while the caller waits; it may block.
            ordered: True: in input order. False: as batches are done, which is faster when some are slow.
            on_error: "raise": the first failure ends the iteration, after all that was in work has been yielded.
                "return": a failed text yields (index, Failure).
            show_progress: A tqdm bar on standard error.
            on_progress: Called with (texts done, None) after each batch.
            **options: Any of `CallOptions`. ``timeout`` counts for each batch; ``dedupe`` has no effect.

        Raises:
            InvalidInputError: a text that cannot be sent; raised when it is reached, after what came before it.
            ConfigurationError: an option out of range; raised at once.
            APIError: with ``on_error="raise"``, the first failure's own error; a note on it names the index.
        """
        chosen, raises = self._stream_options(options, on_error)
        batches = self._batches(texts, chosen)
        progress = self._progress(on_progress, show_progress)
        engine = self._engine
        return self._rows(
            lambda source: engine.embed_iter(source, chosen, progress, ordered=ordered, raises=raises),
            batches,
        )

    def _rows(self, stream: Callable[[Any], Any], batches: Iterator[Any]) -> "Iterator[Row]":
        from ._engine.bridge import iterate  # noqa: PLC0415 - loaded when it is used

        for rows in iterate(self._portal(), stream, batches):
            yield from rows

    def close(self) -> None:
        """Closes the connections. Calls in flight end with `ClientClosedError`; closing twice does nothing."""
        self._closed = True
        with suppress(ClientClosedError):  # at the end of the interpreter there is nothing left to close
            for engine in self._engines.values():
                self._run(engine.aclose)

    def _run(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        return self._portal().run(work)

    @staticmethod
    def _portal() -> "Portal":
        from ._engine.portal import portal  # noqa: PLC0415 - starts a thread: only when needed

        return portal()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: "TracebackType | None"
    ) -> None:
        self.close()
