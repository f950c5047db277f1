"""Asks the token endpoint for one token.

The request goes through an HTTP client of its own, never through the API's: that one may follow redirects, carries
its connections to another origin, and ends with the call that happened to need a token first.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import Final
from urllib.parse import urlsplit

import httpx

from .._core.base_url import is_loopback
from .._core.jwt_signing import authorization
from .._core.redact import Redactor
from .._core.reply import Reply
from .._core.secret import Secret
from .._core.token_answer import Token, read_token, refusal
from .._core.user_agent import user_agent_header
from .._engine.failures import connection_error
from ..errors import APIResponseValidationError, ConfigurationError, InworldEmbeddingsError

TIMEOUT: Final = 20.0
"""Seconds for one request, whole."""
BODY_CAP: Final = 64 * 1024
"""Bytes of an answer that are read."""


@dataclass(frozen=True, slots=True)
class Minter:
    """All that a request for a token needs. Calling it sends one, and blocks.

    Attributes:
        url: The token endpoint, checked.
        key: The public half of the credential.
        secret: The other half.
        workspace: Id of the workspace that the token opens.
        leeway: Seconds before a token's end at which to renew it.
        clock: Wall clock, seconds since the epoch.
        http_client: Carries the request; not closed. Default: a client for every request.
    """

    url: str
    key: Secret
    secret: Secret
    workspace: str
    leeway: float
    clock: Callable[[], float]
    http_client: httpx.Client | None

    def __call__(self) -> Token:
        """A fresh token.

        Raises:
            InworldEmbeddingsError: none was given; the message names the endpoint.
        """
        signed = authorization(
            self.key, self.secret, datetime.fromtimestamp(self.clock(), UTC), secrets.token_hex(6)[:11]
        )
        redactor = Redactor([self.key, self.secret, signed.reveal().rpartition("=")[2]])
        try:
            return self._read(self._exchange(signed), redactor)
        except InworldEmbeddingsError as error:
            raise _named(self.url, error) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise _named(self.url, connection_error(error, redactor)) from None
        except Exception as error:  # noqa: BLE001 - an HTTP client of the user's
            raise ConfigurationError(
                f"No token from {self.url}: the HTTP client raised {type(error).__name__}."
            ) from None

    def _read(self, reply: Reply, redactor: Redactor) -> Token:
        now = self.clock()
        if reply.status != 200:
            raise refusal(reply, now=now, redactor=redactor)
        return read_token(reply, now=now, leeway=self.leeway)

    def _exchange(self, signed: Secret) -> Reply:
        if self.http_client is not None:
            return _send(self.http_client, self._request(signed))
        # On loopback no proxy of the environment: it would see the request in clear.
        with httpx.Client(trust_env=not is_loopback(urlsplit(self.url).hostname or "")) as client:
            return _send(client, self._request(signed))

    def _request(self, signed: Secret) -> httpx.Request:
        return httpx.Request(
            "POST",
            self.url,
            headers={
                "authorization": signed.reveal(),
                "accept": "application/json",
                "accept-encoding": "identity",
                "user-agent": user_agent_header(None),
            },
            json={"key": self.key.reveal(), "resources": [f"workspaces/{self.workspace}"]},
            extensions={"timeout": httpx.Timeout(TIMEOUT, connect=5.0).as_dict()},
        )


def _send(client: httpx.Client, request: httpx.Request) -> Reply:
    end = monotonic() + TIMEOUT
    response = client.send(request, stream=True, auth=None, follow_redirects=False)
    try:
        if not isinstance(response.stream, httpx.SyncByteStream):
            raise TypeError("the transport must be synchronous")
        body = b""
        for chunk in response.stream:  # iter_raw refuses an answer that was made in one piece
            body += chunk
            if len(body) > BODY_CAP:
                break
            if monotonic() > end:
                raise httpx.ReadTimeout("the answer takes too long", request=request)
    finally:
        response.close()
    if len(body) > BODY_CAP and response.status_code == 200:
        raise APIResponseValidationError("The answer is far too large for a token.")
    headers = tuple((name.lower(), value) for name, value in response.headers.multi_items())
    return Reply(response.status_code, headers, body[:BODY_CAP])


def _named(url: str, error: InworldEmbeddingsError) -> InworldEmbeddingsError:
    return type(error)(f"No token from {url}: {error}", **vars(error))
