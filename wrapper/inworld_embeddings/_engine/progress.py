"""Tells how far a call is: a callback, a bar on standard error, or nothing."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from ..errors import ConfigurationError
from .log import logger

Callback: TypeAlias = Callable[[int, int | None], object]


class Progress:
    """Counts texts that are done, with or without a vector.

    Args:
        callback: Called with (done, total) after each batch, from the engine's thread; total is None for streams.
            What it raises is logged once, and it is not called again: a call must not lose answers to it.
        bar: Show a tqdm bar on standard error (a widget in a notebook).

    Raises:
        ConfigurationError: a bar without tqdm installed.
    """

    def __init__(self, callback: Callback | None = None, *, bar: bool = False) -> None:
        self._callback = callback
        self._bar_class = _tqdm() if bar else None
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

    def finish(self) -> None:
        """All texts are done, if some were given up unseen."""
        if self._total is not None and self._done < self._total:
            self.advance(self._total - self._done)

    def advance(self, count: int) -> None:
        """Some more texts are done."""
        self._done += count
        if self._bar is not None:
            self._bar.update(count)
        if self._callback is not None:
            try:
                self._callback(self._done, self._total)
            except Exception:  # noqa: BLE001 - see the docstring
                logger.exception("on_progress raised; it is not called any more")
                self._callback = None


def _tqdm() -> Any:
    try:
        from tqdm.auto import tqdm  # noqa: PLC0415 - only for those who want a bar
    except ImportError:
        raise ConfigurationError("show_progress=True needs tqdm: pip install tqdm") from None
    return tqdm
