"""A client of the generated package whose transport answers from the test."""

import httpx
import pytest

from inworld_embeddings_client import AuthenticatedClient, EmbedRequest


@pytest.fixture
def body():
    model = {"model": "m", "serviceProvider": "SERVICE_PROVIDER_INWORLD"}
    return EmbedRequest.from_dict({"inputs": [{"text": "Hello Inworld!"}], "model": model})


@pytest.fixture
def seen():
    return []


@pytest.fixture
def answering(seen):
    def make(status=200, content=b'{"embeddings": []}', **settings):
        def reply(request):
            seen.append(request)
            return httpx.Response(status, content=content)

        transport = {"transport": httpx.MockTransport(reply)}
        return AuthenticatedClient(**{"token": "a key", "httpx_args": transport} | settings)

    return make
