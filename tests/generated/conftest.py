"""A client of the generated package whose transport answers from the test."""

import httpx
import pytest

from inworld_embeddings_client import (
    AuthenticatedClient,
    EmbedRequest,
    EmbedRequestInput,
    ModelId,
    ServiceProvider,
)


@pytest.fixture
def body():
    model = ModelId(model="BAAI/bge-large-en-v1.5", service_provider=ServiceProvider.SERVICE_PROVIDER_INWORLD)
    return EmbedRequest(inputs=[EmbedRequestInput(text="Hello Inworld!")], model=model)


@pytest.fixture
def seen():
    return []


@pytest.fixture
def answering(seen):
    def make(status=200, content=b'{"embeddings": []}', **settings):
        def reply(request):
            seen.append(request)
            return httpx.Response(status, content=content)

        arguments = {"token": "a key", "httpx_args": {"transport": httpx.MockTransport(reply)}, **settings}
        return AuthenticatedClient(**arguments)

    return make
