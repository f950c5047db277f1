"""Whole bodies, and the memory that long ones are received into.

That memory is used again: pages that are new each time cost more CPU than receiving what goes into them.
"""

from collections.abc import AsyncIterator
from typing import Final

import httpx

KEPT: Final = 4
"""Buffers that wait for their next use. They are given back as fast as answers are read: more would only lie there."""


class Whole(httpx.AsyncByteStream):
    """A body that is there already.

    Attributes:
        body: All of it. A bytearray is a buffer that may be given back once nobody reads it any more.
    """

    def __init__(self, body: bytes | bytearray) -> None:
        self.body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield bytes(self.body)


class Buffers:
    """Receive buffers of one event loop."""

    def __init__(self) -> None:
        self._idle: list[bytearray] = []

    def take(self, length: int) -> bytearray:
        """A buffer of that length; what it holds is undefined."""
        if not self._idle:
            return bytearray(length)
        buffer = self._idle.pop()
        if len(buffer) < length:
            buffer.extend(bytes(length - len(buffer)))
        else:
            del buffer[length:]
        return buffer

    def give(self, body: bytes | bytearray) -> None:
        """Takes a buffer back; bytes, which cannot be one, are left alone."""
        if isinstance(body, bytearray) and len(self._idle) < KEPT:
            self._idle.append(body)
