"""One HTTP/1.1 answer while it is being read: a state, without I/O, that bytes are fed to."""

from typing import Any

import httptools
import httpx

from .faults import OversizedHeadError

HEAD_CAP = 64 * 1024
"""Most bytes in a row that are no body: a head, interim ones counted each for itself, or trailers."""


class Answer:
    """What has come so far.

    Attributes:
        status: HTTP status, once the head is there; interim ones do not count.
        headers: (name, value) pairs of the head.
        complete: Whether all of it has come.
        sound: Whether its connection may be used again afterwards.
        buffered: Bytes of the body that wait for `take`.
    """

    def __init__(self) -> None:
        self.status: int | None = None
        self.headers: list[tuple[bytes, bytes]] = []
        self.complete = False
        self.sound = True
        self.buffered = 0
        self._chunks: list[bytes] = []
        self._length: int | None = None
        self._overhead = 0
        self._delimited = self._chunked = False
        self._parser: Any = httptools.HttpResponseParser(self)

    @property
    def length(self) -> int | None:
        """Bytes of the body, if the head told."""
        return None if self._chunked else self._length

    def feed(self, data: memoryview) -> None:
        """Reads on.

        Raises:
            httpx.RemoteProtocolError: it is not HTTP, or there is no end to its head.
        """
        self._overhead += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self.sound = False
            if not self.complete:
                raise httpx.RemoteProtocolError(f"the answer is not HTTP: {error}") from None
        if self.complete:
            self.close()
        elif self._overhead > HEAD_CAP:
            raise OversizedHeadError(f"over {HEAD_CAP} bytes of headers")

    def take(self) -> bytes:
        """The part of the body that has come since the last time."""
        data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks.clear()
        self.buffered = 0
        return data

    def finish(self) -> None:
        """The rest of the body has been received, elsewhere."""
        self.complete = True
        self.close()

    def end(self) -> None:
        """The server has closed the connection: the end of a body without a length."""
        self.complete = self.complete or (self.status is not None and not self._delimited)
        self.close()

    def close(self) -> None:
        """Nothing more will be fed. The parser holds the answer: no cycle is left behind."""
        self._parser = None

    # What llhttp calls.

    def on_message_begin(self) -> None:
        if self.complete:
            self.sound = False  # a second answer

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.status is not None:  # a trailer
            return
        self.headers.append((name, value))
        match name.lower():
            case b"content-length":
                self._delimited, self._length = True, int(value) if value.isdigit() else None
            case b"transfer-encoding":
                self._delimited = self._chunked = True

    def on_headers_complete(self) -> None:
        if self.complete:
            return
        status = self._parser.get_status_code()
        if status >= 200:
            self.status = status
            self.sound = self.sound and self._parser.should_keep_alive()
            self._delimited = self._delimited or status in (204, 304)
            return
        # However many come, they cost no memory, and the deadline ends them (B13).
        self.headers, self._delimited, self._overhead = [], False, 0
        self._length, self._chunked = None, False

    def on_body(self, data: bytes) -> None:
        if not self.complete:
            self._chunks.append(data)
            self.buffered += len(data)
            self._overhead = 0

    def on_message_complete(self) -> None:
        self.complete = self.complete or self.status is not None
