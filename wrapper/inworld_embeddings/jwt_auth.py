"""Signed tokens as an ``httpx.Auth`` flow: short-lived bearer tokens in place of the key itself."""

import math
import os
import time
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Final, NoReturn

import httpx

from . import configuration
from ._core.base_url import check_base_url
from ._core.credentials import join_key_and_secret
from ._core.jwt_signing import key_and_secret
from ._core.secret import Secret
from ._jwt.minter import Minter
from ._jwt.shared_token import SharedToken
from .errors import ConfigurationError

TOKEN_URL: Final = "https://api.inworld.ai/auth/v1/tokens/token:generate"  # noqa: S105 - an address
"""Where tokens come from [inworld]."""


class JWTAuth(httpx.Auth):
    """``Authorization: Bearer <token>``, with tokens made from key and secret at Inworld's token endpoint.

    Inworld says that all of its APIs take such tokens; that this one does is likely but untried [inferred]. How long
    they live is not documented, so ``expirationTime`` decides.

    The first request fetches a token; all threads, event loops and forked children of the process use it until
    shortly before its end. When the API answers 401 or 403, one new token is fetched and the request sent once more;
    a second refusal stands.

    This machine's clock need not be right to keep a token fresh: its lifetime is ``expirationTime`` minus the
    ``Date`` of the answer that brought it, and its age is what the monotonic or the wall clock says, whichever is
    more. Only signing needs the right time; a refusal says by how much the clock is off. A token whose lifetime is
    not known is used for a minute, any other for one second at least and one day at most.

    Key and signature go to ``token_url`` only, the token to the API only; redirects of the first are not followed.
    For async use it needs asyncio.

    Args:
        api_key: The portal's base64 value; key and secret are inside. Default: ``INWORLD_API_KEY``.
        key: With ``secret``, instead of ``api_key``. Default: ``INWORLD_KEY``.
        secret: See ``key``. Default: ``INWORLD_SECRET``.
        workspace: Id of the workspace that tokens open. Default: ``INWORLD_WORKSPACE``.
        token_url: Where tokens come from: https, or http on loopback.
        leeway: Seconds before its end at which a token is renewed. Of a short life, half at most is given up.
        http_client: Carries the requests for tokens (proxy, certificates); not closed here. Default: a client of
            its own, which heeds ``HTTPS_PROXY`` and ``SSL_CERT_FILE``, except on loopback.
        clock: Wall clock, seconds since the epoch.
        monotonic: A clock that nobody sets, seconds.

    Raises:
        ConfigurationError: settings that cannot work. Nothing of a credential is echoed.
        AuthenticationError: on a request: no token is given for this credential.
        PermissionDeniedError: on a request: nor may it have one; see the message on this machine's clock.
        APIError: on a request, as for any other: the endpoint was not reached, or did not answer with a token.
    """

    def __init__(
        self,
        api_key: str | None = None,
        *,
        key: str | None = None,
        secret: str | None = None,
        workspace: str | None = None,
        token_url: str = TOKEN_URL,
        leeway: float = 60.0,
        http_client: httpx.Client | None = None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = check_base_url(token_url, source="token_url", explicit=True)
        if not (math.isfinite(leeway) and leeway >= 0):
            raise ConfigurationError("leeway must be a number of seconds, 0 or more.")
        if http_client is not None and not isinstance(http_client, httpx.Client):
            raise ConfigurationError("http_client must be an httpx.Client, not an asynchronous one.")
        pair = _credential(api_key, key, secret, self._url)
        self.secrets = (*pair, join_key_and_secret(*(part.reveal() for part in pair)))
        mint = Minter(self._url, *pair, _workspace(workspace), leeway, clock, http_client)
        self._tokens = SharedToken(self._url, mint, clock, monotonic)

    secrets: tuple[Secret, ...]
    """Key, secret and their base64 value, which are behind the tokens, for whoever keeps them out of messages; they show themselves nowhere."""

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.read()  # it may have to be sent twice
        token = self._tokens.get()
        response = yield _signed(request, token)
        if response.status_code in _REFUSED:
            yield _signed(request, self._tokens.get(refused=token))

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        await request.aread()
        token = await self._tokens.aget()
        response = yield _signed(request, token)
        if response.status_code in _REFUSED:
            yield _signed(request, await self._tokens.aget(refused=token))

    def __repr__(self) -> str:
        return f"JWTAuth(token_url={self._url!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a JWTAuth does not pickle: give the other process its own")


_REFUSED = (401, 403)


def _signed(request: httpx.Request, token: Secret) -> httpx.Request:
    request.headers["Authorization"] = f"Bearer {token.reveal()}"
    return request


def _credential(api_key: str | None, key: str | None, secret: str | None, url: str) -> tuple[Secret, Secret]:
    """Key and secret by the clients' own rules. The URL only says that an emulator in the environment is not meant."""
    found = configuration.resolve(
        os.environ, api_key=api_key, key=key, secret=secret, base_url=url
    ).credential
    if not isinstance(found, Secret):
        raise ConfigurationError(f"api_key must be a str, not {type(api_key).__name__}.")
    return key_and_secret(found)


def _workspace(given: str | None) -> str:
    found = os.environ.get("INWORLD_WORKSPACE") if given is None else given
    if not found:
        raise ConfigurationError("No workspace. Pass workspace=, its id, or set INWORLD_WORKSPACE.")
    name = found.removeprefix("workspaces/")
    if not name or not name.isascii() or not name.isprintable() or {" ", "/"} & set(name):
        raise ConfigurationError("workspace must be the bare id, without spaces or slashes.")
    return name
