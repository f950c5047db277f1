"""Where the contract's fixtures are, and a service that answers from one of them."""

import json
import os
from pathlib import Path

import httpx
import pytest

FIXTURES = Path(os.environ["CONTRACT_FIXTURES"])
CASSETTES = [
    path
    for part in ("spec/responses", "recorded", "synthetic")
    for path in sorted((FIXTURES / part).glob("*.json"))
]


class Cassette(httpx.AsyncBaseTransport, httpx.BaseTransport):
    """Plays one recorded answer, and keeps the request."""

    def __init__(self, path):
        (self.exchange,) = json.loads(path.read_text("utf-8"))["interactions"]
        self.requests = []

    @property
    def texts(self):
        return [
            item["text"]
            for item in json.loads(self.exchange["request"]["body"])["inputs"]
        ]

    @property
    def status(self):
        return self.exchange["response"]["status"]["code"]

    def handle_request(self, request):
        self.requests.append(request)
        response = self.exchange["response"]
        headers = [
            (name, value)
            for name, values in response["headers"].items()
            for value in values
        ]
        return httpx.Response(
            self.status, headers=headers, content=response["body"]["string"].encode()
        )

    async def handle_async_request(self, request):
        return self.handle_request(request)


@pytest.fixture(params=CASSETTES, ids=lambda path: path.stem)
def cassette(request):
    return Cassette(request.param)
