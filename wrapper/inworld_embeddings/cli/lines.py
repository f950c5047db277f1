"""Lines from a pipe or a file to their vectors: read in a thread of their own, so that none waits for the next one."""

import asyncio
import os
import threading
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NamedTuple, TypeAlias

from .. import EmbeddingClient, Failure
from ..errors import (
    BadRequestError,
    InvalidInputError,
    InworldEmbeddingsError,
    RequestTooLargeError,
)
from ..options import CALL

if TYPE_CHECKING:
    from ..result import Vectors

BLOCK: Final = 1 << 16
"""Most bytes that are read at once."""
LONGEST: Final = 2 * CALL["max_batch_bytes"].default
"""Bytes that are kept of a line: more than a request may have, so that a longer one is refused as well."""
HOPELESS: Final = 1000
"""So many failures in a row, other than of refused texts, and the service is taken for down."""


class Line(NamedTuple):
    """A line, or a typed text.

    Attributes:
        number: Its number in the input, from 1.
        text: Bytes that are not UTF-8 are lone surrogates in it, which the client refuses.
    """

    number: int
    text: str


Outcome: TypeAlias = "tuple[Line, Vectors | InworldEmbeddingsError]"


def typed(texts: tuple[str, ...]) -> list[Line]:
    """Typed texts, read as UTF-8 where the locale did not know what they are."""
    return [
        Line(number, os.fsencode(text).decode("utf-8", "surrogateescape") if not _is_clean(text) else text)
        for number, text in enumerate(texts, 1)
    ]


def _is_clean(text: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in text)


def blocks_of(file: BinaryIO, name: str) -> Iterator[list[Line]]:
    """The lines of a file that are not blank, as they come in.

    Raises:
        InvalidInputError: it cannot be read, or is UTF-16.
    """
    file = getattr(file, "raw", file)  # returns what is there, and holds no lock while it waits
    number, rest = 0, b""
    try:
        while block := file.read(BLOCK):
            if not number and (rest + block).startswith((b"\xff\xfe", b"\xfe\xff")):
                raise InvalidInputError(
                    f"{name} is UTF-16. Make it UTF-8, such as by: iconv -f UTF-16 -t UTF-8"
                )
            *whole, rest = (rest + block).split(b"\n")
            rest = rest[:LONGEST]
            yield [line for at, raw in enumerate(whole, number + 1) if (line := _line(at, raw))]
            number += len(whole)
    except OSError as error:
        raise InvalidInputError(f"{name}: {error.strerror}.") from None
    if last := _line(number + 1, rest):
        yield [last]


def _line(number: int, raw: bytes) -> Line | None:
    raw = raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw
    text = raw[:LONGEST].removesuffix(b"\r").decode("utf-8", "surrogateescape")
    return Line(number, text) if text.strip() else None


class Feed:
    """Lines on their way to the client: an async iterable of their texts.

    Attributes:
        sent: The lines whose texts were taken and have not come back yet.
    """

    def __init__(self, blocks: Iterator[list[Line]]) -> None:
        self.sent: deque[Line] = deque()
        self._blocks = blocks
        self._room = threading.Semaphore(2)
        self._stopped = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._queue: asyncio.Queue[list[Line] | Exception | None] = asyncio.Queue()

    async def __aiter__(self) -> AsyncIterator[str]:
        self._loop = asyncio.get_running_loop()
        # A daemon, for nothing ends a read of a pipe in which nothing comes.
        threading.Thread(target=self._read, daemon=True).start()
        while not self._stopped.is_set():
            block = await self._queue.get()
            if block is None:
                return
            if isinstance(block, Exception):
                raise block
            for line in block:
                if self._stopped.is_set():
                    return
                self.sent.append(line)
                yield line.text
            self._room.release()

    def stop(self) -> None:
        """No further lines, from any thread, even while the next one is waited for."""
        self._stopped.set()
        self._hand_on(None)

    def _read(self) -> None:
        end: Exception | None = None
        try:
            for block in self._blocks:
                self._room.acquire()
                if self._stopped.is_set():
                    break
                self._hand_on(block)
        except Exception as error:  # noqa: BLE001 - raised where the lines are wanted
            end = error
        self._hand_on(end)

    def _hand_on(self, block: Any) -> None:
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._queue.put_nowait, block)


def embedded(client: EmbeddingClient, feed: Feed, **options: Any) -> "Iterator[Outcome]":
    """Each line with its vector, or why it has none, in order and as they are done.

    Raises:
        InworldEmbeddingsError: the service cannot go on; after all that was in flight.
    """
    succeeded, in_a_row = False, 0
    ended: InworldEmbeddingsError | None = None
    for _, row in client.embed_iter(feed, on_error="return", **options):
        line = feed.sent.popleft()
        if not isinstance(row, Failure):
            succeeded, in_a_row = True, 0
            yield line, row
            continue
        in_a_row += 1
        if ended is None and not is_refused(row.error) and not (succeeded and _may_go_on(row, in_a_row)):
            ended = row.error
            feed.stop()
        if succeeded or ended is None:
            yield line, row.error
    if ended is not None:
        raise ended


def is_refused(error: InworldEmbeddingsError) -> bool:
    """Whether an error is about the text, so that others may be fine."""
    return isinstance(error, BadRequestError | RequestTooLargeError | InvalidInputError)


def _may_go_on(failure: Failure, in_a_row: int) -> bool:
    return failure.retryable and in_a_row < HOPELESS


def told(error: InworldEmbeddingsError) -> dict[str, str]:
    """An error as its code and message, without the text."""
    message = " ".join(str(error).split())
    if isinstance(error, InvalidInputError) and "surrogate" in message:
        message = "The text is not UTF-8."
    return {"code": type(error).__name__, "message": message}
