"""The one module that names the generated client. Vendoring rewrites the imports here and nowhere else.

Why a hand-written layer exists at all, above a generated client that is right on its own:

1. Batches: the API takes a list, and says nothing of its limits. Someone has to cut, send and put back in order.
2. Order and count are the only link between texts and vectors, so both are checked, every time.
3. Retries need to know what may be repeated, what must be split, and when to stop.
4. JSON floats are slow to decode one by one; vectors go straight into an array.
5. A deadline, a limit on memory, and errors that say what to do.

Every request still takes its method, path, headers and request model from the generated endpoint.
"""

import functools
import json
from importlib.resources import files
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

import msgspec

from inworld_embeddings_client import Client, EmbedRequest, ModelId, ServiceProvider, embed

TAKEN: Final = frozenset({"method", "url", "json", "headers", "params"})
"""The parts of a generated request that `envelope` knows to send; regeneration fails when there is another one."""

_INPUTS: Final = b'"inputs":['


class Envelope(NamedTuple):
    """What all requests of a call have in common. The encoded texts go between ``before`` and ``after``.

    Attributes:
        method: HTTP method.
        path: With the query, if there is one.
        headers: Of the endpoint itself.
        before: The request body up to the first text.
        after: The request body from the last text on.
        size: Bytes of a request body around its texts.
    """

    method: str
    path: str
    headers: dict[str, str]
    before: bytes
    after: bytes
    size: int


@functools.lru_cache(maxsize=64)
def envelope(fields: str) -> Envelope:
    """The envelope of requests, made by the generated endpoint from one without texts; ``fields`` as `Merged.request`."""
    given = json.loads(fields)
    provider, extra = ServiceProvider(given.pop("service_provider")), given.pop("extra_body")
    identity = ModelId(model=given.pop("model"), service_provider=provider)
    request = embed.request_kwargs(body=EmbedRequest(inputs=[], model=identity, **given))
    body = msgspec.json.encode(request["json"])
    if extra:  # not encoded by msgspec, which refuses whole numbers of more than 64 bits
        extra = json.dumps(extra, ensure_ascii=False, separators=(",", ":"))
        body = body[:-1] + b"," + extra[1:].encode()
    before, inputs, after = body.partition(_INPUTS)
    query = urlencode(request.get("params", {}))
    return Envelope(
        request["method"].upper(),
        f"{request['url']}?{query}" if query else request["url"],
        request["headers"],
        before + inputs,
        after,
        len(before + inputs + after),
    )


def provenance() -> dict[str, Any]:
    """Where the generated client came from: ``sha256`` of its inputs, ``tools`` with their versions."""
    package = Client.__module__.rpartition(".")[0]
    found: dict[str, Any] = msgspec.json.decode(files(package).joinpath("provenance.json").read_bytes())
    return found
