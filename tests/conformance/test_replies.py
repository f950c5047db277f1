"""What the schema cannot say: how many vectors, in which order, of which dimension. And that it is the same in process."""

import asyncio
import json

import httpx
import pytest

from inworld_embeddings_emulator import Emulator, LocalTransport

PATH = "/ml/v1alpha/embedding:embed"
AUTH = ("local", "local")
DIMENSION = 768


def vectors(client, texts):
    body = {"inputs": [{"text": text} for text in texts]}
    told = client.post(PATH, json=body).json()
    assert set(told) == {"embeddings"}
    assert all(set(entry) == {"values"} for entry in told["embeddings"])
    return [entry["values"] for entry in told["embeddings"]]


def test_one_vector_of_one_dimension_for_each_text_of_the_examples(client, embed_operation):
    examples = embed_operation["requestBody"]["content"]["application/json"]["examples"]
    assert examples
    for name, example in examples.items():
        texts = [entry["text"] for entry in example["value"]["inputs"]]
        assert [len(vector) for vector in vectors(client, texts)] == [DIMENSION] * len(texts), name


def test_count_and_order_are_those_of_the_texts_and_no_text_changes_another(client):
    assert [len(vectors(client, ["a"] * count)) for count in (0, 1, 500)] == [0, 1, 500]
    texts = ["a", "b", "", "a", "c" * 5000, "日本語", "b"]
    alone = [vectors(client, [text])[0] for text in texts]
    assert vectors(client, texts) == alone
    assert vectors(client, texts[::-1]) == alone[::-1]
    assert len({tuple(vector) for vector in alone}) == 5


GOOD, LONG = b'{"inputs":[{"text":"a"}]}', b'{"inputs":[{"text":"' + b"a " * 30_000 + b'"}]}'
BODIES = {
    "one": GOOD,
    "over the size that async answers inline": LONG,
    "unicode": '{"inputs":[{"text":"é 🙂 \u2028"},{"text":"\\ud83d\\ude42"}]}'.encode(),
    "unknown fields": b'{"inputs":[{"text":"a","x":[1e999,{}]}],"y":true}',
    "twice": b'{"inputs":[],"inputs":[]}',
    "cut off": b'{"inputs":[{"te',
    "surrogate": rb'{"inputs":[{"text":"\ud800"}]}',
    "not UTF-8": b'{"inputs":[{"text":"\xff"}]}',
    "over what a proxy passes": b" " * (33 * 1024 * 1024),
    "deep": b'{"x":' + b"[" * 100_000,
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
