# generated from openapi.yaml, do not edit; change it and run: nox -s generate
from typing import Any

import httpx

from ... import errors
from ...client import AuthenticatedClient, Client
from ...models.embed_request import EmbedRequest
from ...models.embed_response import EmbedResponse
from ...models.status import Status
from ...types import Response
from ...types import read as _read
from ...types import to_json as _to_json


def request_kwargs(
    *,
    body: EmbedRequest,
) -> dict[str, Any]:
    """What a request of this endpoint is made of, as keyword arguments of ``httpx.Client.request``"""
    _headers: dict[str, Any] = {}

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/ml/v1alpha/embedding:embed",
    }

    _kwargs["json"] = _to_json(body)

    _headers["Content-Type"] = "application/json"

    _kwargs["headers"] = _headers
    return _kwargs


def _documented(response: httpx.Response) -> EmbedResponse | Status:
    """Read an answer as openapi.yaml says; whatever does not fit raises one of errors.NOT_AS_DOCUMENTED"""
    if response.status_code == 200:
        response_200: EmbedResponse = _read(
            EmbedResponse, errors.require_object(response.json(), "embeddings"), "the body"
        )
        return response_200

    response_default: Status = _read(
        Status, errors.require_object(response.json(), "code", "message", "details"), "the body"
    )
    return response_default


def _build_response(
    *, client: AuthenticatedClient | Client, response: httpx.Response
) -> Response[EmbedResponse | Status]:
    parsed: EmbedResponse | Status | None = None
    try:
        parsed = _documented(response)
    except errors.NOT_AS_DOCUMENTED as error:
        if client.raise_on_unexpected_status:
            raise errors.UnexpectedStatus(response.status_code, response.content) from error
    return Response(
        status_code=response.status_code,
        content=response.content,
        headers=response.headers,
        parsed=parsed,
    )


def sync_raw(
    *,
    client: AuthenticatedClient | Client,
    body: EmbedRequest,
) -> httpx.Response:
    """Create embeddings

     Generates embeddings for the given text input.

    Args:
        body (EmbedRequest): Request message for Embed method. Contains the input texts and model
            configuration for the embeddings request

    Raises:
        httpx.TimeoutException: If a step of the request takes longer than Client.timeout.

    Returns:
        httpx.Response: the answer as it came, of any status, for callers with a decoder of their own
    """

    _kwargs = request_kwargs(
        body=body,
    )

    return client.get_httpx_client().request(**_kwargs)


def sync_detailed(
    *,
    client: AuthenticatedClient | Client,
    body: EmbedRequest,
) -> Response[EmbedResponse | Status]:
    """Create embeddings

     Generates embeddings for the given text input.

    Args:
        body (EmbedRequest): Request message for Embed method. Contains the input texts and model
            configuration for the embeddings request

    Raises:
        errors.UnexpectedStatus: If the answer does not fit openapi.yaml and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If a step of the request takes longer than Client.timeout.

    Returns:
        Response[EmbedResponse | Status]
    """

    _response = sync_raw(
        client=client,
        body=body,
    )

    return _build_response(client=client, response=_response)


def sync(
    *,
    client: AuthenticatedClient | Client,
    body: EmbedRequest,
) -> EmbedResponse | Status | None:
    """Create embeddings

     Generates embeddings for the given text input.

    Args:
        body (EmbedRequest): Request message for Embed method. Contains the input texts and model
            configuration for the embeddings request

    Raises:
        errors.UnexpectedStatus: If the answer does not fit openapi.yaml and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If a step of the request takes longer than Client.timeout.

    Returns:
        EmbedResponse | Status
    """

    return sync_detailed(
        client=client,
        body=body,
    ).parsed


async def asyncio_raw(
    *,
    client: AuthenticatedClient | Client,
    body: EmbedRequest,
) -> httpx.Response:
    """Create embeddings

     Generates embeddings for the given text input.

    Args:
        body (EmbedRequest): Request message for Embed method. Contains the input texts and model
            configuration for the embeddings request

    Raises:
        httpx.TimeoutException: If a step of the request takes longer than Client.timeout.

    Returns:
        httpx.Response: the answer as it came, of any status, for callers with a decoder of their own
    """

    _kwargs = request_kwargs(
        body=body,
    )

    return await client.get_async_httpx_client().request(**_kwargs)


async def asyncio_detailed(
    *,
    client: AuthenticatedClient | Client,
    body: EmbedRequest,
) -> Response[EmbedResponse | Status]:
    """Create embeddings

     Generates embeddings for the given text input.

    Args:
        body (EmbedRequest): Request message for Embed method. Contains the input texts and model
            configuration for the embeddings request

    Raises:
        errors.UnexpectedStatus: If the answer does not fit openapi.yaml and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If a step of the request takes longer than Client.timeout.

    Returns:
        Response[EmbedResponse | Status]
    """

    _response = await asyncio_raw(
        client=client,
        body=body,
    )

    return _build_response(client=client, response=_response)


async def asyncio(
    *,
    client: AuthenticatedClient | Client,
    body: EmbedRequest,
) -> EmbedResponse | Status | None:
    """Create embeddings

     Generates embeddings for the given text input.

    Args:
        body (EmbedRequest): Request message for Embed method. Contains the input texts and model
            configuration for the embeddings request

    Raises:
        errors.UnexpectedStatus: If the answer does not fit openapi.yaml and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If a step of the request takes longer than Client.timeout.

    Returns:
        EmbedResponse | Status
    """

    return (
        await asyncio_detailed(
            client=client,
            body=body,
        )
    ).parsed
