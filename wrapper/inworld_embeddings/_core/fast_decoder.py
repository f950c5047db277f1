"""Reads the numbers of a good body from simdjson's tape, some rows at a time; whatever it cannot vouch for it declines.

simdjson flattens nested arrays and takes the first of two equal keys without a word, so it is given nothing but lists of
numbers. They are cut out of the body, and the strict decoder judges what is left: with exactly one bracket for each list
it found, there is no room for a list that stands elsewhere. In small pieces text, tape and numbers stay in the cache.
"""

import threading
from collections.abc import Callable, Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from .rows import filled, rows_at_a_time

if TYPE_CHECKING:
    from ..result import Vectors

Parser: Any
try:
    from simdjson import Parser
except ImportError:  # no wheel for this Python
    Parser = None


class Declined(Exception):  # noqa: N818 - not an error: the strict decoder words what is wrong, if anything is
    """The body may be good or bad, but it is not for this decoder."""


class FastDecoder:
    """One simdjson parser behind a lock: cheaper than one for each thread, and reused only after a clean parse."""

    def __init__(self, rows_in: Callable[[bytes], int]) -> None:
        """Takes what strictly counts the rows of a body, whose lists may be empty."""
        self._rows_in = rows_in
        self.renew()

    def renew(self) -> None:
        """Starts anew, as in a forked child: another thread may have held the lock, in the middle of a parse."""
        self._lock = threading.Lock()
        self._parser: Any = None

    def __call__(self, body: bytes | bytearray, count: int, out: "Vectors | None") -> "Vectors | None":
        """The vectors of a body with ``count`` rows, or None."""
        if Parser is None:
            return None
        with self._lock:
            try:
                self._parser = self._parser or Parser()
                return self._read(body, count, out)
            except Exception:  # noqa: BLE001 - whatever it is, the strict decoder words it
                self._parser = None  # an object of the failed parse may still be alive: never reuse
                return None

    def _read(self, body: bytes | bytearray, count: int, out: "Vectors | None") -> "Vectors":
        rest: list[memoryview] = []
        lists = _lists(body, count, rest)
        first = next(lists)
        dimension = bytes(first).count(b",") + 1
        vectors = filled(count, dimension, self._blocks(chain([first], lists), dimension), out)
        frame = b"".join(rest)
        if frame.count(b"[") != count + 1 or self._rows_in(frame) != count:
            raise Declined
        return vectors

    def _blocks(self, lists: Iterator[memoryview], dimension: int) -> Iterator[memoryview]:
        step = rows_at_a_time(dimension)
        while some := b",".join(islice(lists, step)):
            rows = self._parser.parse(b"[%b]" % some)
            if any(len(row) != dimension for row in rows):
                raise Declined
            block = rows.as_buffer(of_type="d")
            del rows  # the parser refuses to go on while it is alive
            yield block


def _lists(body: bytes | bytearray, count: int, rest: list[memoryview]) -> Iterator[memoryview]:
    """The first ``count`` lists inside the outermost list, brackets included; what is not in them goes to ``rest``."""
    view, done, end = memoryview(body), 0, body.find(b"[")
    for _ in range(count):
        start = body.find(b"[", end + 1)
        end = body.find(b"]", start)
        if start < 0 or end < 0:
            raise Declined
        rest.append(view[done : start + 1])
        done = end
        yield view[start : end + 1]
    rest.append(view[done:])
