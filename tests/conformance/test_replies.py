"""Served and in process, sync and async: the same bytes."""

import asyncio
import json

import httpx
import pytest

from inworld_embeddings_emulator import Emulator, LocalTransport

PATH = "/ml/v1alpha/embedding:embed"
AUTH = ("local", "local")
GOOD, LONG = b'{"inputs":[{"text":"a"}]}', b'{"inputs":[{"text":"' + b"a " * 30_000 + b'"}]}'
BODIES = {
    "one": GOOD,
    "over the size that async answers inline": LONG,
    "over what a proxy passes": b" " * (33 * 1024 * 1024),
    "too many for a message": json.dumps({"inputs": [{"text": ""}] * 1400}).encode(),
}
HEADERS = {
    "another type": {"content-type": "text/plain"},
    "said to be compressed": {"content-encoding": "gzip"},
    "other key": {"authorization": "Basic b3RoZXI6a2V5"},
    "fault": {"x-inworld-emulator-fault": "status=503;retry-after=2"},
    "vectors too few": {"x-inworld-emulator-fault": "short + swap"},
}
TARGETS = ["POST /", f"POST {PATH}/", f"POST /{PATH}", f"GET {PATH}", f"HEAD {PATH}", f"POST {PATH}?a=b"]
TARGETS += ["TRACE " + PATH, "POST /v1/embeddings", "GET /_emulator/faults"]
TARGETS += ["POST /ml/v1alpha/embedding%3Aembed"]
REQUESTS = {
    **{name: (f"POST {PATH}", body, {}) for name, body in BODIES.items()},
    **{name: (f"POST {PATH}", GOOD, headers) for name, headers in HEADERS.items()},
    **{target: (target, GOOD, {}) for target in TARGETS},
}


@pytest.fixture(scope="module")
def emulator():
    return Emulator()


def told(response):
    """Status, headers and body, without what only a socket needs."""
    headers = [pair for pair in response.headers.multi_items() if pair[0] not in ("date", "connection")]
    return response.status_code, sorted(headers), response.content


@pytest.mark.parametrize("name", REQUESTS)
def test_served_and_in_process_sync_and_async_the_same_bytes(client, emulator, name):
    line, body, headers = REQUESTS[name]
    method, target = line.split()
    request = {
        "method": method,
        "url": client.base_url.copy_with(raw_path=target.encode()),
        "content": body,
        "headers": headers,
        "auth": None if "authorization" in headers else AUTH,
    }

    async def ask():
        async with httpx.AsyncClient(transport=LocalTransport(emulator)) as other:
            return told(await other.request(**request))

    with httpx.Client(transport=LocalTransport(emulator)) as inside:
        reply = told(client.request(**request))
        assert told(inside.request(**request)) == reply
    assert asyncio.run(ask()) == reply
    assert reply[0] != 500
