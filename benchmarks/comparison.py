"""What clients do when something goes wrong: the same questions for all, over one loopback server.

Writes docs/use/comparison.md, and the table of the README. Every client stands at its defaults, but for its address and, where a question says so, its timeout. A cell is what was seen
in the run, in the words below; nothing is filled in by hand.
"""

import contextlib
import datetime as dt
import importlib.metadata
import json
import math
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np

PAGE = Path(__file__).resolve().parents[1] / "docs" / "use" / "comparison.md"
README = PAGE.parents[2] / "README.md"
BEGIN, END = "<!-- comparison -->", "<!-- end -->"
KEY = "bG9vcGJhY2s6bG9vcGJhY2s="  # "loopback:loopback"; no key of anyone
Call = Callable[[list[str]], Any]


class Server(ThreadingHTTPServer):
    """Answers in each client's format; `fault` says what goes wrong."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.fault = ""
        self.sizes: list[int] = []
        self.times: list[float] = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """Its origin."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def ask(self, fault: str) -> None:
        """Begins a question."""
        self.fault, self.sizes, self.times = fault, [], []


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        """Answers a request for embeddings."""
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        texts = next(asked[name] for name in ("inputs", "input", "texts") if asked.get(name) is not None)
        texts = [texts] if isinstance(texts, str) else texts
        self.server.sizes.append(len(texts))
        self.server.times.append(time.monotonic())
        status, headers = 200, {}
        first = len(self.server.sizes) == 1
        match self.server.fault:
            case "429" if first:
                status, headers = 429, {"retry-after": "1"}
            case "503" if first:
                status = 503
            case "poison" if any("poison" in json.dumps(text) for text in texts):
                status = 400
        rows = [[float(n), 0.5] for n in range(len(texts))]
        if self.server.fault == "short":
            rows.pop()
        if self.server.fault == "nan":
            rows[0][1] = math.nan
        body = json.dumps(
            _form(self.path, rows)
            if status == 200
            else {"message": "no", "detail": "no", "error": {"message": "no"}}
        )
        with contextlib.suppress(ConnectionError):  # a client that does not wait
            self._send(status, headers, body.encode())

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in {
            "content-type": "application/json",
            "content-length": str(len(body) + 60 * (self.server.fault == "drip")),
            **headers,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        if self.server.fault == "drip":
            for _ in range(60):
                self.wfile.write(b" ")
                time.sleep(0.2)
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Prints nothing."""


def _form(path: str, rows: list[list[float]]) -> Any:
    if path.endswith("embedding:embed"):
        return {"embeddings": [{"values": row} for row in rows]}
    if path.endswith("/embeddings"):
        data = [{"object": "embedding", "index": n, "embedding": row} for n, row in enumerate(rows)]
        usage = {"prompt_tokens": 8, "total_tokens": 8}
        return {"object": "list", "data": data, "model": "loopback", "usage": usage, "id": "0"}
    if path.endswith("/v2/embed"):
        return {"id": "0", "response_type": "embeddings_by_type", "embeddings": {"float": rows}}
    return rows


def ours(url: str, timeout: float | None) -> Call:
    """This package."""
    from inworld_embeddings import EmbeddingClient

    options: dict[str, Any] = {} if timeout is None else {"timeout": timeout}
    return EmbeddingClient(base_url=url, api_key=KEY, **options).embed


def openai(url: str, timeout: float | None) -> Call:
    """openai."""
    from openai import NOT_GIVEN, OpenAI

    client = OpenAI(api_key=KEY, base_url=f"{url}/v1", timeout=timeout or NOT_GIVEN)
    made = client.embeddings.create
    return lambda texts: [one.embedding for one in made(input=texts, model="m", encoding_format="float").data]


def cohere(url: str, timeout: float | None) -> Call:
    """cohere's ClientV2."""
    import cohere as package

    client = package.ClientV2(api_key=KEY, base_url=url, timeout=timeout)
    options: dict[str, Any] = {"model": "m", "input_type": "search_document", "embedding_types": ["float"]}
    return lambda texts: client.embed(texts=texts, **options).embeddings.float_


def voyageai(url: str, timeout: float | None) -> Call:
    """voyageai."""
    from voyageai.client import Client

    client = Client(api_key=KEY, base_url=f"{url}/v1", timeout=timeout)
    return lambda texts: client.embed(texts, model="m", input_type="document").embeddings


def mistralai(url: str, timeout: float | None) -> Call:
    """mistralai."""
    from mistralai.client import Mistral

    client = Mistral(api_key=KEY, server_url=url, timeout_ms=None if timeout is None else int(1000 * timeout))
    return lambda texts: [one.embedding for one in client.embeddings.create(model="m", inputs=texts).data]


def huggingface_hub(url: str, timeout: float | None) -> Call:
    """huggingface_hub's InferenceClient."""
    from huggingface_hub import InferenceClient

    return InferenceClient(model=f"{url}/m", token=KEY, timeout=timeout).feature_extraction  # type: ignore[return-value, unused-ignore]


CLIENTS = {
    "inworld-embeddings": ours,
    "openai": openai,
    "cohere": cohere,
    "voyageai": voyageai,
    "mistralai": mistralai,
    "huggingface_hub": huggingface_hub,
}


def ended(call: Call, texts: list[str]) -> tuple[Any, str]:
    """What a call gave back, or the name of its error."""
    try:
        return call(texts), ""
    except Exception as error:  # noqa: BLE001 - whatever it is, is the answer
        return getattr(error, "result", None), type(error).__name__


def many(server: Server, call: Call) -> str:
    """5000 texts in one call."""
    ended(call, [f"text {n}" for n in range(5000)])
    return f"{len(server.sizes)} request{'s' * (len(server.sizes) > 1)}, the largest of {max(server.sizes)}"


def retried(server: Server, call: Call) -> str:
    """An error, then all is well."""
    _, error = ended(call, ["a", "b"])
    waited = f", after {server.times[1] - server.times[0]:.1f} s" if len(server.times) > 1 else ""
    return f"{error or 'succeeds'}: {len(server.sizes)} attempt{'s' * (len(server.sizes) > 1)}{waited}"


def short(_: Server, call: Call) -> str:
    """One vector too few."""
    vectors, error = ended(call, [f"text {n}" for n in range(8)])
    return error or f"gives {len(vectors)} vectors for 8 texts"


def nan(_: Server, call: Call) -> str:
    """NaN in a vector."""
    vectors, error = ended(call, ["a", "b"])
    return error or ("gives the NaN" if np.isnan(vectors).any() else "gives no NaN")


def refused(server: Server, call: Call) -> str:
    """One of 60 texts is refused."""
    texts = [f"text {n}" for n in range(60)]
    texts[41] = "poison"
    kept, error = ended(call, texts)
    count = 0 if kept is None else sum(not np.isnan(row).any() for row in kept.vectors)
    return f"{error}: {count} vectors kept, {len(server.sizes)} request{'s' * (len(server.sizes) > 1)}"


def drip(_: Server, call: Call) -> str:
    """A response that drips, with a timeout of 2 s."""
    began = time.monotonic()
    _, error = ended(call, ["a", "b"])
    return f"{error or 'waits to the end'}, after {time.monotonic() - began:.1f} s"


QUESTIONS: dict[str, tuple[str, Callable[[Server, Call], str]]] = {
    "5000 texts in one call": ("", many),
    "a 503, then all is well": ("503", retried),
    "a 429 with `Retry-After: 1`, then all is well": ("429", retried),
    "7 vectors for 8 texts": ("short", short),
    "NaN in a vector": ("nan", nan),
    "one of 60 texts is refused (400)": ("poison", refused),
    "a response that drips for 12 s, `timeout` of 2 s": ("drip", drip),
}


def main() -> None:
    """Asks all of them, and writes the page."""
    server = Server()
    rows = []
    for question, (fault, ask) in QUESTIONS.items():
        cells = []
        for make in CLIENTS.values():
            server.ask(fault)
            cells.append(ask(server, make(server.url, 2.0 if fault == "drip" else None)))
        rows.append(f"| {question} | {' | '.join(cells)} |")
        print(rows[-1], flush=True)
    heads = [f"{name} {importlib.metadata.version(name)}" for name in CLIENTS]
    table = "\n".join([f"| | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|", *rows])
    date = dt.datetime.now(dt.UTC).date()
    PAGE.write_text(TEXT.format(date=date, table=table), "utf-8")
    before, _, rest = README.read_text("utf-8").partition(BEGIN)
    told = f"{BEGIN}\nSeen on {date} by `nox -s comparison`, each at its defaults ([how](docs/use/comparison.md)):\n\n"
    README.write_text(before + told + table + "\n" + END + rest.partition(END)[2], "utf-8")


TEXT = """# Beside other clients

Written by `nox -s comparison` on {date}; do not edit. Each client was asked over one loopback server, at its defaults;
a cell is what was seen. For speed see [performance](performance.md).

{table}

"Gives 7 vectors" means that the call succeeds, so from the missing one on every vector stands beside the wrong text.
Other clients may be set to do more: openai, cohere and mistralai have options for retries, voyageai has `max_retries`.
"""

if __name__ == "__main__":
    main()
