"""The loopback service, a process of its own: `service.py`. Prints its port, stops when standard input ends.

It speaks this API and its peers', with bodies encoded ahead of time (see `bodies`). The model's name carries the
dimension: ``loopback-768``. Below ``/compressed`` it answers in zstd or gzip where the client accepts it, elsewhere in
plain JSON. ``POST /control {"latency": seconds}`` sets the latency and starts the counters anew, ``GET /control`` reads them.
"""

import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any

import httptools
import msgspec
from bodies import DIGITS, POOL, body

INPUTS = ("inputs", "input", "texts")
COMPRESSED = "/compressed"


@dataclass
class Counters:
    """What was seen since the last ``POST /control``."""

    requests: int = 0
    texts: int = 0
    connections: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    most_at_once: int = 0


class State:
    """What the connections share."""

    latency = 0.0
    counters = Counters()
    at_once = 0
    cpu = 0.0


def form_of(path: str, asked: dict[str, Any]) -> str:
    """Which format a request is to be answered in."""
    if path.endswith("embedding:embed"):
        return "inworld"
    if path.endswith("/embeddings"):
        return "openai-base64" if asked.get("encoding_format") == "base64" else "openai"
    if path.endswith("/v2/embed"):
        return "cohere-base64" if asked.get("embedding_types") == ["base64"] else "cohere"
    return "pinecone" if path.endswith("/embed") else "huggingface"


def rows_of(asked: dict[str, Any]) -> tuple[int, ...]:
    """Rows of the table for the texts of a request."""
    given = next(asked[name] for name in INPUTS if asked.get(name) is not None)
    if isinstance(given, str):
        given = [given]
    numbers = ((text if isinstance(text, str) else text["text"])[:DIGITS] for text in given)
    return tuple(
        int(number) % POOL if number.isdigit() else 0 for number in numbers
    )  # a job asks for a text of its own


def dimension_of(path: str, asked: dict[str, Any]) -> int:
    """The dimension in the model's name; for huggingface's client the model is the URL."""
    model = asked.get("model", path)
    name = model["model"] if isinstance(model, dict) else model
    return int(name.rpartition("-")[2])


def coding_of(path: str, accepted: str) -> str:
    """The content coding of the answer."""
    offered = ("zstd", "gzip") if path.startswith(COMPRESSED) else ()
    return next((coding for coding in offered if coding in accepted), "")


class Connection(asyncio.Protocol):
    """Parses requests and writes answers, each after the latency."""

    def connection_made(self, transport: Any) -> None:
        self._transport, self._parser = transport, httptools.HttpRequestParser(self)
        State.counters.connections += 1

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._url, self._accepted = b"", ""
        self._parts: list[bytes] = []

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"accept-encoding":
            self._accepted = value.decode()

    def on_body(self, part: bytes) -> None:
        self._parts.append(part)

    def on_message_complete(self) -> None:
        path, given = self._url.decode().partition("?")[0], b"".join(self._parts)
        if path == "/control":
            self._write(control(given), "")
            return
        asked = msgspec.json.decode(given)
        rows, coding = rows_of(asked), coding_of(path, self._accepted)
        answer = body(form_of(path, asked), dimension_of(path, asked), rows, coding)
        _count(len(rows), len(given), len(answer))
        asyncio.get_running_loop().call_later(State.latency, self._answer, answer, coding)

    def _answer(self, answer: bytes, coding: str) -> None:
        State.at_once -= 1
        self._write(answer, coding)

    def _write(self, answer: bytes, coding: str) -> None:
        named = f"content-encoding: {coding}\r\n" if coding else ""
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{named}content-length: {len(answer)}\r\n\r\n"
        self._transport.writelines((head.encode(), answer))


def _count(rows: int, received: int, sent: int) -> None:
    State.at_once += 1
    counters = State.counters
    counters.requests += 1
    counters.texts += rows
    counters.bytes_in += received
    counters.bytes_out += sent
    counters.most_at_once = max(counters.most_at_once, State.at_once)


def control(given: bytes) -> bytes:
    """Answers ``/control``: the counters and the CPU seconds since they began, then what is set."""
    answer = asdict(State.counters) | {"cpu": time.process_time() - State.cpu}
    if given:
        State.latency = float(json.loads(given)["latency"])
        State.counters, State.cpu = Counters(), time.process_time()
    return json.dumps(answer).encode()


async def serve() -> None:
    """Serves until standard input ends."""
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve())
