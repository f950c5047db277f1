"""Credentials as ``httpx.Auth`` flows, asked again on every attempt.

They work with this package's clients (``auth=``) and with the generated client (``httpx_args={"auth": …}``).
"""

import asyncio
import functools
import inspect
import math
import os
import re
import time
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Final, NoReturn, ParamSpec

import httpx

from ._jwt import SharedToken, key_and_secret
from ._redaction import Secret
from ._settings import (
    Credential,
    basic_value,
    check_base_url,
    credential_from,
    given_credential,
    join_key_and_secret,
)
from .errors import ConfigurationError
from .options import KeyProvider

TOKEN_URL: Final = "https://api.inworld.ai/auth/v1/tokens/token:generate"  # noqa: S105 - an address
"""Where tokens come from [inworld]."""

_REFUSED = (401, 403)

_Flow = Generator[httpx.Request, httpx.Response, None]
_AsyncFlow = AsyncGenerator[httpx.Request, httpx.Response]
_P = ParamSpec("_P")


def _arguments_hidden(init: Callable[_P, None]) -> Callable[_P, None]:
    """Keeps the key out of the traceback of a failed construction, which may be printed with local variables."""

    @functools.wraps(init)
    def checked(*args: _P.args, **kwargs: _P.kwargs) -> None:
        try:
            init(*args, **kwargs)
        except ConfigurationError as error:
            message = str(error)
        else:
            return
        del args, kwargs
        raise ConfigurationError(message)

    return checked


class _SecretAuth(httpx.Auth):
    """Puts a checked value into the header."""

    def __init__(self, value: Secret) -> None:
        self._value = value

    def auth_flow(self, request: httpx.Request) -> _Flow:
        yield _signed(request, "Basic", self._value)


class BasicAuth(_SecretAuth):
    """``Authorization: Basic <base64("key:secret")>``, the scheme of the spec.

    Args:
        api_key: The ready base64 value, as the portal's copy button gives it.
        key: With ``secret``, instead of ``api_key``: the two parts.
        secret: See ``key``.

    Raises:
        ConfigurationError: the value cannot be a credential; it is not echoed.
    """

    @_arguments_hidden
    def __init__(
        self, api_key: str | None = None, *, key: str | None = None, secret: str | None = None
    ) -> None:
        if (api_key is None) == (key is None) or (key is None) != (secret is None):
            raise ConfigurationError("Give api_key, or key= with secret=.")
        pair = (key or "", secret or "")
        super().__init__(basic_value(api_key) if api_key is not None else join_key_and_secret(*pair))


class ProviderAuth(httpx.Auth):
    """Asks a callable for the base64 value on every attempt, so that keys can rotate while a program runs.

    Args:
        provider: Returns the value, or an awaitable of it. An ordinary function runs in a worker thread when it is
            asked from an event loop, so it may block.

    Raises:
        ConfigurationError: on a request, when what the provider returns cannot be a credential.
    """

    def __init__(self, provider: KeyProvider) -> None:
        self._provider = provider

    def sync_auth_flow(self, request: httpx.Request) -> _Flow:
        value = self._provider()
        if inspect.isawaitable(value):
            _close(value)
            raise ConfigurationError("An async key provider needs an async client.")
        yield _signed(request, "Basic", basic_value(value))

    async def async_auth_flow(self, request: httpx.Request) -> _AsyncFlow:
        if inspect.iscoroutinefunction(self._provider):
            value = await self._provider()
        else:
            value = await asyncio.to_thread(self._provider)
            value = await value if inspect.isawaitable(value) else value
        yield _signed(request, "Basic", basic_value(value))


class JWTAuth(httpx.Auth):
    """``Authorization: Bearer <token>``, with tokens made from key and secret at Inworld's token endpoint.

    Inworld says that all of its APIs take such tokens; that this one does is likely but untried [inferred]. How long
    they live is not documented, so ``expirationTime`` decides.

    The first request fetches a token; all threads, event loops and forked children of the process use it until
    shortly before its end. When the API answers 401 or 403, one new token is fetched and the request sent once more;
    a second refusal stands. This machine's clock need not be right to keep a token fresh, only to sign.

    Key and signature go to ``token_url`` only, the token to the API only; redirects of the first are not followed.
    For async use it needs asyncio. docs/jwt.md says more.

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
        APIError: on a request, as for any other: the endpoint was not reached, or its response holds no token.
    """

    @_arguments_hidden
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
        basic = given_credential(api_key, key, secret) or credential_from(os.environ)
        if not isinstance(basic, Secret):
            raise ConfigurationError(f"api_key must be a str, not {type(api_key).__name__}.")
        pair = key_and_secret(basic)
        self.secrets = (*pair, basic)
        self._shared = SharedToken(
            self._url, *pair, _workspace(workspace), leeway, http_client, clock, monotonic
        )

    secrets: tuple[Secret, ...]
    """Key, secret and their base64 value, which a service may echo although only a token was sent: for redaction."""

    def sync_auth_flow(self, request: httpx.Request) -> _Flow:
        request.read()  # it may have to be sent twice
        token = self._shared.get()
        response = yield _signed(request, "Bearer", token)
        if response.status_code in _REFUSED:
            yield _signed(request, "Bearer", self._shared.get(refused=token))

    async def async_auth_flow(self, request: httpx.Request) -> _AsyncFlow:
        await request.aread()
        token = await self._shared.aget()
        response = yield _signed(request, "Bearer", token)
        if response.status_code in _REFUSED:
            yield _signed(request, "Bearer", await self._shared.aget(refused=token))

    def __repr__(self) -> str:
        return f"JWTAuth(token_url={self._url!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a JWTAuth does not pickle: give the other process its own")


def as_auth(credential: Credential) -> httpx.Auth:
    """The flow for any kind of credential."""
    if isinstance(credential, httpx.Auth):
        return credential
    return _SecretAuth(credential) if isinstance(credential, Secret) else ProviderAuth(credential)


def _signed(request: httpx.Request, scheme: str, value: Secret) -> httpx.Request:
    request.headers["Authorization"] = f"{scheme} {value.reveal()}"
    return request


def _close(awaitable: object) -> None:
    if inspect.iscoroutine(awaitable):
        awaitable.close()


def _workspace(given: str | None) -> str:
    found = os.environ.get("INWORLD_WORKSPACE") if given is None else given
    if not found:
        raise ConfigurationError("No workspace. Pass workspace=, its id, or set INWORLD_WORKSPACE.")
    name = found.removeprefix("workspaces/")
    if not re.fullmatch(r"[!-.0-~]+", name):
        raise ConfigurationError("workspace must be the bare id: printable ASCII, no spaces or slashes.")
    return name
