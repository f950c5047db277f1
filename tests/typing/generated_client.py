"""How the generated client looks to type checkers, which read this file alone and with the rest; it is never run."""

from typing import assert_type

import httpx

from inworld_embeddings_client import (
    AuthenticatedClient,
    Client,
    Embedding,
    EmbedRequest,
    EmbedRequestInput,
    EmbedResponse,
    ModelId,
    ServiceProvider,
    Status,
    Unset,
    embed,
)


def calls() -> None:
    model = ModelId(model="m", service_provider=ServiceProvider("SERVICE_PROVIDER_NEW"))
    body = EmbedRequest(inputs=[EmbedRequestInput(text="a")], model=model)
    bare = Client(timeout=5, headers={"a": "b"}, httpx_args={"auth": ("a", "b")})
    client = AuthenticatedClient(token="k").with_headers({"a": "b"})
    assert_type((client, client.token), tuple[AuthenticatedClient, str])
    assert_type(embed.sync_raw(client=bare, body=body), httpx.Response)
    assert_type(embed.sync_detailed(client=client, body=body).status_code, int)
    parsed = embed.sync(client=client, body=body)
    assert_type(parsed, EmbedResponse | Status | None)
    if isinstance(parsed, EmbedResponse) and not isinstance(parsed.embeddings, Unset):
        assert_type(parsed.embeddings, list[Embedding])
        assert_type(parsed.embeddings[0].values, list[float])
