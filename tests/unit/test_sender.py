"""What takes the place of httpx's client sends what the generated endpoint hands it, as that client would."""

import asyncio
import json

import httpx
import pytest

from inworld_embeddings._http.sender import Sender

BASE = "https://api.example/base"


def sent(**more):
    """The request that arrives, by the sender and by httpx's own client."""
    arrived = []

    def answer(request):
        arrived.append((request.method, str(request.url), json.loads(request.read())))
        return httpx.Response(200, json={})

    async def both():
        transport = httpx.MockTransport(answer)
        sender = Sender(
            httpx.URL(BASE), auth=httpx.Auth(), transport=transport, headers={}, connect_timeout=1
        )
        asked = {"method": "post", "url": "/ml/embed", "json": {"a": ["é", 1]}, "headers": {}} | more
        for client in (sender, httpx.AsyncClient(base_url=BASE, transport=transport)):
            await client.request(**asked)
            await client.aclose()

    asyncio.run(both())
    return arrived


@pytest.mark.parametrize(
    ("params", "query"),
    [
        ({}, ""),
        ({"pageSize": 10}, "?pageSize=10"),
        ({"pageToken": "a b&c/é"}, None),
        ({"fields": ["a", "b"], "deep": True}, "?fields=a&fields=b&deep=true"),
    ],
)
def test_a_query_goes_with_the_request_as_httpx_writes_it(params, query):
    ours, theirs = sent(params=params)
    assert ours == theirs
    assert query is None or ours[1] == f"{BASE}/ml/embed{query}"


def test_without_a_query_there_is_none():
    ours, theirs = sent()
    assert ours == theirs
    assert "?" not in ours[1]
