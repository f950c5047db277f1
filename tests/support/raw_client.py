"""A client that shows the bytes: sends embed requests over a bare socket and returns what comes back."""

import json
import socket
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from support.reader import EMBED_PATH


def embed_request(texts: Sequence[str], *headers: tuple[str, str]) -> bytes:
    """A whole embed request as a right client would send it."""
    body = json.dumps({"inputs": [{"text": text} for text in texts], "model": {"model": "m"}}).encode()
    lines = [
        f"POST {EMBED_PATH} HTTP/1.1",
        "Host: 127.0.0.1",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in headers),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


class RawClient:
    """One connection; every wait ends after ``timeout`` seconds with `TimeoutError`."""

    def __init__(self, port: int, timeout: float = 5.0) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.sock.close()

    def ask(self, *texts: str) -> None:
        self.sock.sendall(embed_request(texts))

    def read_response(self) -> tuple[bytes, bytes]:
        """Head and body of a response with Content-Length; nothing beyond is taken from the socket."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.sock.recv(1) or _ended()
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r")[0])
        return head, self.read_exactly(length)

    def read_exactly(self, count: int) -> bytes:
        found = bytearray()
        while len(found) < count:
            found += self.sock.recv(count - len(found)) or _ended()
        return bytes(found)

    def read_to_end(self) -> bytes:
        """Everything until the server closes. Raises `ConnectionResetError` if it resets."""
        found = bytearray()
        while data := self.sock.recv(65536):
            found += data
        return bytes(found)


def _ended() -> bytes:
    raise EOFError("the server closed")
