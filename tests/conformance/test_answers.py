"""What the schema cannot say: how many vectors, in which order, of which dimension. And that it is the same in process."""

import asyncio
import json

import httpx
import pytest

from inworld_embeddings_emulator import Emulator, LocalTransport

PATH = "/ml/v1alpha/embedding:embed"
AUTH = ("local", "local")
DIMENSION = 768
EXAMPLES = (
    "single_text multiple_texts semantic_search multilingual_content long_text_content batch_processing_large"
)


@pytest.fixture(scope="session")
def example(embed_operation):
    """A request of the spec by its name."""
    examples = embed_operation["requestBody"]["content"]["application/json"]["examples"]
    assert set(examples) == set(EXAMPLES.split())
    return lambda name: examples[name]["value"]


def vectors(served, texts):
    body = {"inputs": [{"text": text} for text in texts]}
    answer = httpx.post(served.url + PATH, json=body, auth=AUTH).json()
    assert set(answer) == {"embeddings"}
    assert all(set(entry) == {"values"} for entry in answer["embeddings"])
    return [entry["values"] for entry in answer["embeddings"]]


@pytest.mark.parametrize("name", EXAMPLES.split())
def test_one_vector_of_one_dimension_for_each_text_of_an_example(served, example, name):
    texts = [entry["text"] for entry in example(name)["inputs"]]
    assert [len(vector) for vector in vectors(served, texts)] == [DIMENSION] * len(texts)


@pytest.mark.parametrize("count", [0, 1, 2, 17, 500])
def test_count(served, count):
    assert len(vectors(served, [f"text {n}" for n in range(count)])) == count


def test_order_is_the_order_of_the_texts_and_no_text_changes_another(served):
    texts = ["a", "b", "", "a", "c" * 5000, "日本語", "b"]
    alone = [vectors(served, [text])[0] for text in texts]
    assert vectors(served, texts) == alone
    assert vectors(served, texts[::-1]) == alone[::-1]
    assert len({tuple(vector) for vector in alone}) == 5


GOOD, LONG = b'{"inputs":[{"text":"a"}]}', b'{"inputs":[{"text":"' + b"a " * 30_000 + b'"}]}'
BODIES = {
    "one": GOOD,
    "over the size that async answers inline": LONG,
    "nothing": b"",
    "blank": b" \r\n\t",
    "empty": b"{}",
    "null": b'{"inputs":null,"model":null}',
    "unicode": '{"inputs":[{"text":"é 🙂 \u2028"},{"text":"\\ud83d\\ude42"}]}'.encode(),
    "escapes": rb'{"inputs":[{"text":"\u0000\"\\\/\b"}]}',
    "unknown fields": b'{"inputs":[{"text":"a","x":[1e999,{}]}],"y":true}',
    "two values": b'{"inputs":[]} and more',
    "both names": b'{"model":{"serviceProvider":1,"service_provider":1}}',
    "twice": b'{"inputs":[],"inputs":[]}',
    "a list": b"[]",
    "a number": b"5",
    "not a list": b'{"inputs":{"text":"a"}}',
    "null in the list": b'{"inputs":[null]}',
    "text a number": b'{"inputs":[{"text":5}]}',
    "provider too large": b'{"model":{"serviceProvider":2147483648}}',
    "NaN": b'{"x":NaN}',
    "cut off": b'{"inputs":[{"te',
    "surrogate": rb'{"inputs":[{"text":"\ud800"}]}',
    "not UTF-8": b'{"inputs":[{"text":"\xff"}]}',
    "byte order mark": b"\xef\xbb\xbf{}",
    "deep": b'{"x":' + b"[" * 100_000,
    "too many for a message": json.dumps({"inputs": [{"text": ""}] * 1400}).encode(),
}
HEADERS = {
    "another type": {"content-type": "text/plain"},
    "multipart": {"content-type": "multipart/form-data"},
    "said to be compressed": {"content-encoding": "gzip"},
    "bearer": {"authorization": "Bearer bG9jYWw6bG9jYWw="},
    "key alone": {"authorization": "bG9jYWw6bG9jYWw="},
    "other key": {"authorization": "Basic b3RoZXI6a2V5"},
    "key in other letters": {"authorization": "bAsIc   bG9jYWw6bG9jYWw="},
    "fault": {"x-inworld-emulator-fault": "status=503;retry-after=2"},
    "no fault": {"x-inworld-emulator-fault": "nonsense"},
    "vectors too few": {"x-inworld-emulator-fault": "short + swap"},
}
TARGETS = [
    "POST /",
    "POST /ml",
    f"POST {PATH}/",
    f"POST /{PATH}",
    f"GET {PATH}",
    f"HEAD {PATH}",
    f"PUT {PATH}",
    f"POST {PATH}?a=b",
]
TARGETS += [
    "TRACE " + PATH,
    "POST /v1/embeddings",
    "GET /_emulator/faults",
    "POST /ml/v1alpha/embedding%3Aembed",
]
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
def test_served_and_in_process_sync_and_async_the_same_bytes(served, emulator, name):
    line, body, headers = REQUESTS[name]
    method, target = line.split()
    request = {
        "method": method,
        "url": httpx.URL(served.url).copy_with(raw_path=target.encode()),
        "content": body,
        "headers": headers,
        "auth": None if "authorization" in headers else AUTH,
    }

    async def ask():
        async with httpx.AsyncClient(transport=LocalTransport(emulator)) as client:
            return told(await client.request(**request))

    with httpx.Client() as outside, httpx.Client(transport=LocalTransport(emulator)) as inside:
        answer = told(outside.request(**request))
        assert told(inside.request(**request)) == answer
    assert asyncio.run(ask()) == answer
    assert answer[0] != 500
