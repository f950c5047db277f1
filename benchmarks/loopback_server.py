"""A server of its own process with pre-encoded bodies: `loopback_server.py --bytes N [--latency SECONDS] [--cert PEM]`.

Answers every POST with one fixed body, so that what is measured is the client. Prints its port, stops when its standard
input ends.
"""

import argparse
import asyncio
import ssl
import sys
from typing import Any


class Answer(asyncio.Protocol):
    """Answers each request with the same bytes, after the set latency."""

    reply = b""
    latency = 0.0

    def connection_made(self, transport: Any) -> None:
        self._transport, self._buffer = transport, bytearray()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            length = int(self._buffer[:end].lower().split(b"content-length:")[1].split(b"\r\n")[0])
            if len(self._buffer) < end + 4 + length:
                return
            del self._buffer[: end + 4 + length]
            asyncio.get_running_loop().call_later(self.latency, self._transport.write, self.reply)


def body_of(size: int) -> bytes:
    """About ``size`` bytes of an embeddings answer with one vector."""
    numbers = ",".join(["-0.0123456789"] * max(1, (size - 40) // 14))
    return b'{"embeddings":[{"values":[%s]}]}' % numbers.encode()


async def serve(arguments: argparse.Namespace) -> None:
    """Serves until standard input ends."""
    body = body_of(arguments.bytes)
    Answer.latency = arguments.latency
    Answer.reply = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (
        len(body),
        body,
    )
    if arguments.chunked:
        chunks = [body[at : at + 4096] for at in range(0, len(body), 4096)]
        parts = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
        Answer.reply = head + parts + b"0\r\n\r\n"
    context = None
    if arguments.cert:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(arguments.cert)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Answer, "127.0.0.1", 0, ssl=context)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--bytes", type=int, default=10_000)
    parser.add_argument("--latency", type=float, default=0.0)
    parser.add_argument("--chunked", action="store_true")
    parser.add_argument("--cert", help="PEM file with key and certificate: serve TLS")
    asyncio.run(serve(parser.parse_args()))
