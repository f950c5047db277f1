"""The real API behind the OpenAI-compatible face: what arrives there goes on through a client of this package."""

import sys
from collections.abc import Collection, Sequence
from math import ceil
from typing import Final

from inworld_embeddings_emulator import TEST_KEY, Reply, Request
from inworld_embeddings_emulator.messages import plain_reply
from inworld_embeddings_emulator.openai_face import OpenAIError, OpenAIFace
from inworld_embeddings_emulator.server import EmulatorServer
from inworld_embeddings_emulator.serving import openai_notice, say, until_signal

from . import errors
from .client import EmbeddingClient
from .models import MODELS

_STATUSES: Final[dict[type[BaseException], int]] = {
    errors.InvalidInputError: 400,
    errors.NotFoundError: 404,
    errors.RequestTooLargeError: 413,
    errors.APIConnectionError: 502,
    errors.APIResponseValidationError: 502,
    errors.ClientClosedError: 503,
    errors.APITimeoutError: 504,
}
"""What an error is told as; others as the API told them, or 500."""


class Upstream:
    """A source of `OpenAIFace` that asks the real API, with the client's key, retries, batches and limits.

    Whoever may ask the face spends the quota of the client's key.

    Args:
        client: Sends the requests. It is not closed here.
    """

    engine: None = None
    models: tuple[str, ...] = tuple(MODELS)

    def __init__(self, client: EmbeddingClient) -> None:
        self._client = client

    def embed(self, texts: Sequence[str], model: str) -> tuple[list[list[float]], str | None]:
        """The API's vectors of that model.

        Raises:
            OpenAIError: the client's error in OpenAI's words; the client has done the retries already.
        """
        try:
            result = self._client.embed(texts, model=model)
        except errors.InworldEmbeddingsError as error:
            raise openai_error(error) from None
        return result.tolist(), result.engine


class NothingElse:
    """What is around the face when no emulator is: 404. Answering with stand-in vectors here would mix the two."""

    uses_test_key: bool = False

    def handle(self, request: Request) -> Reply:  # noqa: ARG002 - the same for every request
        """404 in plain text."""
        return plain_reply(404, "Only /v1 is served here.")


def serve_upstream(
    client: EmbeddingClient,
    host: str = "127.0.0.1",
    port: int = 8080,
    *,
    api_key: str = TEST_KEY,
    allowed_hosts: Collection[str] = (),
) -> None:
    """Serves the OpenAI-compatible face of the API a client talks to, until SIGINT or SIGTERM; logs to standard error.

    Args:
        client: Sends the requests, with its own key. It is not closed here.
        host: Address to listen on. Other than loopback needs an ``api_key`` of its own.
        port: 0 picks a free one.
        api_key: The ``key:secret`` that is asked for here. It is not the client's, and may not be.
        allowed_hosts: ``Host`` names it serves beside loopback and its own address.

    Raises:
        ConfigurationError: another address than loopback with the published test key.
        OSError: the address is taken.
    """
    face = OpenAIFace(NothingElse(), Upstream(client), api_key)
    server = EmulatorServer(face, host=host, port=port, allowed_hosts=allowed_hosts, log=sys.stderr)
    with server, until_signal():
        say(
            f"OpenAI-compatible face on {server.url}/v1",
            f"Requests go on with the key of {client!r}: whoever reaches this address spends its quota.",
            openai_notice(server, uses_test_key=face.uses_test_key),
        )


def openai_error(error: errors.InworldEmbeddingsError) -> OpenAIError:
    """A client's error as the face tells it. The client's errors hold neither key nor texts, so they keep their words."""
    if isinstance(error, errors.PartialFailureError):
        return openai_error(error.failures[0].error)
    own = getattr(error, "status_code", 500)
    status = next((_STATUSES[kind] for kind in type(error).mro() if kind in _STATUSES), own)
    refused = "The embeddings API refused the key this server was given."
    wait = getattr(error, "retry_after", None)
    hints = [("retry-after", str(ceil(wait)))] if wait is not None else []
    return OpenAIError(
        status,
        refused if status in (401, 403) else str(error),
        headers=[*hints, ("x-should-retry", "false")],
    )
